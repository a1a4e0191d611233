"""Random expressions of Jinja, for comparing Skein's interpreter with jinja2.

    python fuzz_template_expressions.py PROGRAM [COUNT] [SEED]

PROGRAM reads a line {"template", "variables"} at a time and answers {"ok": text} or {"error": message}. Prints the
expressions on which the two differ.
"""

import json
import random
import subprocess
import sys

from template_expressions import VARIABLES
from template_oracle import render

FILTERS = ["upper", "lower", "title", "trim", "length", "first", "last", "list", "join('-')", "sort", "reverse|list",
           "tojson", "string", "int", "float", "abs", "round(1)", "default('?')", "d('?', true)", "unique|list",
           "map('string')|list", "select|list", "select('number')|list", "reject('none')|list", "sum", "max", "min",
           "items|list", "dictsort", "capitalize", "replace('l', '#')", "indent(2)", "batch(2)|list", "slice(2)|list",
           "wordcount", "truncate(6)", "center(9)", "urlencode", "e", "tojson(indent=1)", "map('length')|list"]
TESTS = ["defined", "none", "string", "number", "mapping", "sequence", "iterable", "odd", "even", "true", "false",
         "boolean", "integer", "float", "lower", "upper", "divisibleby 2", "in [1, 'a']", "eq 1", "undefined",
         "not defined", "sameas none", "gt 1"]
METHODS = [".upper()", ".strip()", ".split()", ".split('l')", ".items()|list", ".keys()|list", ".get('a')", "[0]",
           "[-1]", "[1:]", "[:-1]", "[::-1]", ".a", "['a']", ".count('l')", ".startswith('H')", ".find('l')",
           ".isdigit()", ".title()", ".replace('l', '')", ".partition('l')", ".rsplit(none, 1)", ".zfill(4)",
           ".splitlines()", "[1]", ".x.y", ".real", ".index(1)", "[::2]", ".center(7, '*')", ".join(['1', '2'])"]
BINARY = ["+", "-", "*", "/", "//", "%", "~", "==", "!=", "<", "<=", ">", ">=", "in", "not in", "and", "or"]
ATOMS = [*VARIABLES, "missing", "1", "2", "-1", "0", "2.5", "'a'", "'l'", "''", "none", "true", "false", "[]", "[1, 2]",
         "(1, 'a')", "{'a': 1}", "{}", "range(3)", "'%s|%s'", "'%d'", "'{}'", "1e16", "0.1"]


def expression(random, depth):
    if depth == 0:
        return random.choice(ATOMS)
    inner = lambda: expression(random, random.randrange(depth))
    kind = random.randrange(9)
    if kind < 3:
        return f"({inner()} {random.choice(BINARY)} {inner()})"
    if kind == 3:
        return f"({inner()})|{random.choice(FILTERS)}"
    if kind == 4:
        return f"({inner()} is {random.choice(TESTS)})"
    if kind == 5:
        return f"({inner()}){random.choice(METHODS)}"
    if kind == 6:
        return f"({inner()} if {inner()}" + (f" else {inner()})" if random.random() < 0.7 else ")")
    if kind == 7:
        return pick(random, inner)
    return f"{inner()} {random.choice(BINARY)} {inner()}"


def pick(random, inner):
    form = random.choice(["not %s", "-(%s)", "[%s, %s]", "(%s, %s)", "{'k': %s, 'j': %s}", "+(%s)", "%s|%s"])
    if form == "%s|%s":
        return f"({inner()})|{random.choice(FILTERS)}|{random.choice(FILTERS)}"
    return form % tuple(inner() for _ in range(form.count("%s")))


def main():
    program = sys.argv[1]
    count = int(sys.argv[2]) if len(sys.argv) > 2 else 10000
    source = random.Random(int(sys.argv[3]) if len(sys.argv) > 3 else 1)
    templates = ["{{ " + expression(source, 3) + " }}" for _ in range(count)]
    lines = "".join(json.dumps({"template": t, "variables": VARIABLES}) + "\n" for t in templates)
    answers = subprocess.run([program], input=lines, capture_output=True, text=True).stdout.splitlines()
    different = 0
    for template, answer in zip(templates, answers, strict=True):
        wanted, got = render(template, VARIABLES), json.loads(answer)
        # Addresses differ from run to run.
        if " at 0x" in wanted.get("output", "") or "0x" in wanted.get("output", "") and "object" in wanted["output"]:
            continue
        if got.get("ok") != wanted.get("output"):
            different += 1
            print(template, "\n  jinja2:", wanted, "\n  Skein: ", got)
    print(f"{count} expressions, {different} differ")


if __name__ == "__main__":
    main()
