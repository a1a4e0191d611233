"""Writes the fixtures of SkeinTemplateTests: what jinja2, set up as transformers does, makes of templates.

    python make_template_fixtures.py ../SkeinTemplateTests/Fixtures
"""

import json
import sys
from pathlib import Path

from chat_templates import CONVERSATIONS, TEMPLATES, TOOLS
from template_expressions import VARIABLES, expressions
from template_oracle import render

TOKENS = {"bos_token": "<s>", "eos_token": "</s>"}


def cases(name, source):
    """Conversations and options that a template is rendered with."""
    for conversation, messages in CONVERSATIONS.items():
        has_tools = "tools" in source
        has_calls = conversation in ("tools", "two_calls")
        options = [{"add_generation_prompt": True, "tools": has_tools and has_calls}]
        if conversation in ("turns", "tools", "reasoning"):
            options.append({"add_generation_prompt": False, "tools": False})
        if conversation == "user" and has_tools:
            options.append({"add_generation_prompt": True, "tools": True})
        if conversation == "no_system" and "enable_thinking" in source:
            options.append({"add_generation_prompt": True, "tools": False, "enable_thinking": False})
        for option in options:
            variables = {"messages": messages, "documents": None, **TOKENS, **option}
            variables["tools"] = TOOLS if option["tools"] else None
            yield {"conversation": conversation, **option, **compact(render(source, variables))}


def compact(result):
    """Without the messages of Python, which Skein words in its own way."""
    result = dict(result)
    if "error" in result:
        result["message"] = result["message"][:100]
    return result


def main():
    folder = Path(sys.argv[1])
    folder.mkdir(exist_ok=True)
    templates = [{"name": name, "source": source, "cases": list(cases(name, source))}
                 for name, source in TEMPLATES.items()]
    document = {"tokens": TOKENS, "tools": TOOLS, "conversations": CONVERSATIONS, "templates": templates}
    write(folder / "templates.json", document)
    table = []
    for expression in expressions():
        result = compact(render("{{ " + expression + " }}", VARIABLES))
        # Addresses in memory differ from run to run, and there are no bytes in chat templates.
        if " at 0x" in result.get("output", "") or result.get("output", "").startswith(("b'", "<TemplateReference")):
            continue
        table.append({"expression": expression, **result})
    write(folder / "expressions.json", {"variables": VARIABLES, "expressions": table})
    count = sum(len(t["cases"]) for t in templates)
    print(f"{len(templates)} templates, {count} renderings, {len(table)} expressions")


def write(path, value):
    # One item a line, so that a change shows what changed.
    text = json.dumps(value, ensure_ascii=False, separators=(",", ":"))
    path.write_text(text.replace('},{"name":', '},\n{"name":').replace('},{"expression":', '},\n{"expression":') + "\n")


if __name__ == "__main__":
    main()
