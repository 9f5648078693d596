# SPDX-License-Identifier: BSL-1.0
"""The table of functions in docs/hooks.md is the one of src/hooks/table.cpp, in words."""

import re
from pathlib import Path

from tree import Violation

DOCUMENT, ROWS, WORDS = Path("docs/hooks.md"), Path("src/hooks/table.cpp"), Path("src/hooks/table.hpp")
BLOCK = re.compile(r"(?P<begin>^<!-- src/hooks/table\.cpp -->\n)(?P<body>.*?)(?P<end>^<!-- end -->$)", re.S | re.M)
ROW = re.compile(r'^\s*\{"(\w+)",\s*behaviour::(\w+)', re.M)
WORD = re.compile(r"^  (\w+),\s*// (.+)$", re.M)


def table(tree):
    """The rows of the source, those of a behaviour together, in the order in which the behaviours are declared."""
    functions = {}
    for name, does in ROW.findall(tree.text(ROWS)):
        functions.setdefault(does, []).append(name)
    lines = ["| on a fiber it | functions |", "|---|---|"]
    lines += [f"| {words} | {' '.join(f'`{name}`' for name in functions[does])} |"
              for does, words in WORD.findall(tree.text(WORDS)) if does in functions]
    return "".join(f"{line}\n" for line in lines)


def check(tree):
    if ROWS not in tree.files:
        return []
    found = BLOCK.search(tree.text(DOCUMENT)) if DOCUMENT in tree.files else None
    if not found:
        return [Violation(str(DOCUMENT), 0, f"has no block <!-- {ROWS} -->")]
    if found["body"] == table(tree):
        return []
    line = tree.text(DOCUMENT).count("\n", 0, found.start()) + 1
    return [Violation(str(DOCUMENT), line, f"is not what {ROWS} says; ./dev fmt puts it right")]


def fix(tree):
    if ROWS in tree.files and DOCUMENT in tree.files:
        text = BLOCK.sub(lambda found: found["begin"] + table(tree) + found["end"], tree.text(DOCUMENT))
        (tree.root / DOCUMENT).write_text(text)
