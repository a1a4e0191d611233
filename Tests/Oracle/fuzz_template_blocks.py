"""Random templates of blocks and white space, for comparing Skein's interpreter with jinja2.

    python fuzz_template_blocks.py PROGRAM [COUNT] [SEED]

PROGRAM is as in fuzz_template_expressions.py. Prints the templates on which the two differ.
"""

import json
import random
import subprocess
import sys

from chat_templates import CONVERSATIONS
from template_oracle import render

SPACE = ["", "", " ", "  ", "\n", "\n\n", "\t", " \n", "\n  ", "\r\n", "\u00a0", "\n \n "]
TEXT = ["a", "b c", "x\ny", "}", "{", "%", "#}", "'", "{ {", "\u00e9", "-", "endif"]
VALUES = ["x", "loop.index", "loop.last", "m.role", "messages|length", "ns.n", "'q'", "1", "f(2)", "missing", "y", "[x, 1]",
          "loop.previtem", "loop.length", "caller()", "varargs", "f(x, k=1)", "loop.changed(x)", "loop.depth", "kwargs"]
ITEMS = ["[1, 2, 3]", "messages", "'ab'", "range(3)", "[]", "missing", "[[1, 2], [3, 4]]", "{'a': 1}", "[x, y]",
         "messages|map(attribute='role')", "range(5)|select('odd')"]


def tag(random, inner, kind="%"):
    start, end = ("{%", "%}") if kind == "%" else ("{{", "}}")
    start += random.choice(["", "", "", "-", "+" if kind == "%" else ""])
    end = random.choice(["", "", "", "-", "+" if kind == "%" else ""]) + end
    space = lambda: random.choice(["", " ", " ", "\n", "  "])
    return start + space() + " " + inner + " " + space() + end


def body(random, depth):
    parts = []
    for _ in range(random.randrange(1, 5)):
        parts += [random.choice(SPACE), node(random, depth), random.choice(SPACE)]
    return "".join(parts)


def node(random, depth):
    choice = random.randrange(16 if depth > 0 else 6)
    block = lambda inner: tag(random, inner)
    value = lambda: random.choice(VALUES)
    inner = lambda: body(random, depth - 1)
    if choice < 2:
        return random.choice(TEXT)
    if choice < 4:
        return tag(random, value(), "{")
    if choice == 4:
        return random.choice(["{#", "{#-"]) + random.choice([" c ", "", "\n"]) + random.choice(["#}", "-#}", "+#}"])
    if choice == 5:
        target = random.choice(["x", "y", "ns.n", "x, y", "z"])
        return block(f"set {target} = " + (f"{value()}, {value()}" if "," in target else value()))
    if choice < 9:
        target = random.choice(["x", "x", "m", "x, y"])
        condition = random.choice(["", "", " if x", " if loop is defined", " if ns.n != 1"])
        end = block("else") + inner() if random.random() < 0.3 else ""
        extra = block(f"if {value()} == 2") + block(random.choice(["break", "continue"])) + block("endif") \
            if random.random() < 0.2 else ""
        return block(f"for {target} in {random.choice(ITEMS)}{condition}") + inner() + extra + end + block("endfor")
    if choice < 12:
        middle = block(f"elif {value()}") + inner() if random.random() < 0.3 else ""
        end = block("else") + inner() if random.random() < 0.4 else ""
        return block(f"if {value()}") + inner() + middle + end + block("endif")
    if choice == 12:
        return block(f"set {random.choice(['x', 'ns.n', 'y | upper'])}") + inner() + block("endset")
    if choice == 13:
        name = random.choice(["f", "g"])
        return block(f"macro {name}(x, y={value()})") + inner() + block("endmacro") + "{{ " + name + "(1) }}"
    if choice == 14:
        return block(f"with x = {value()}, z = x") + inner() + block("endwith")
    return random.choice([
        lambda: block("call f(1)") + inner() + block("endcall"),
        lambda: block("filter upper") + inner() + block("endfilter"),
        lambda: block("generation") + inner() + block("endgeneration"),
        lambda: block("raw") + random.choice(TEXT + SPACE) + block("endraw"),
    ])()


def main():
    program = sys.argv[1]
    count = int(sys.argv[2]) if len(sys.argv) > 2 else 5000
    source = random.Random(int(sys.argv[3]) if len(sys.argv) > 3 else 1)
    prefix = "{% set x = 0 %}{% set ns = namespace(n=1) %}{% macro f(a) %}<{{ a }}{{ kwargs }}>{% endmacro %}"
    templates = [(prefix if source.random() < 0.8 else "") + body(source, 3) for _ in range(count)]
    variables = {"messages": CONVERSATIONS["turns"]}
    lines = "".join(json.dumps({"template": t, "variables": variables}) + "\n" for t in templates)
    answers = subprocess.run([program], input=lines, capture_output=True, text=True).stdout.splitlines()
    different = outputs = 0
    for template, answer in zip(templates, answers, strict=True):
        wanted, got = render(template, variables), json.loads(answer)
        if " at 0x" in wanted.get("output", ""):
            continue
        outputs += "output" in wanted
        if got.get("ok") != wanted.get("output"):
            different += 1
            print(repr(template), "\n  jinja2:", wanted, "\n  Skein: ", got)
    print(f"{count} templates, {outputs} of which render, {different} differ")


if __name__ == "__main__":
    main()
