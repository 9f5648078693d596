# SPDX-License-Identifier: BSL-1.0
"""A tag like [claim-2] in a comment is a step of a protocol, which is told at the head of one file: ARCHITECTURE.md names
it."""

import re
from pathlib import Path

from tree import CODE, Violation, comments

HEAD = re.compile(r"(?://[^\n]*\n)*")
STEP = re.compile(r"^//  +\[([a-z]+(?:-[a-z]+)*-\d+)\]", re.M)
TAG = re.compile(r"\[([a-z]+(?:-[a-z]+)*-\d+)\]")


def check(tree):
    homes, uses = {}, []
    for path in tree.having(CODE):
        text = tree.text(path)
        for tag in STEP.findall(HEAD.match(text)[0]):
            homes.setdefault(tag, []).append(path)
        uses += [(path, line, tag) for line, comment in comments(path, text) for tag in TAG.findall(comment)]
    architecture = Path("ARCHITECTURE.md")
    listed = tree.text(architecture) if architecture in tree.files else ""
    violations = [Violation(str(path), line, f"[{tag}] is told in no protocol")
                  for path, line, tag in uses if tag not in homes]
    violations += [Violation(str(path), 0, f"[{tag}] is told in {first} too")
                   for tag, (first, *others) in homes.items() for path in others]
    for path in sorted({first for first, *_ in homes.values()}):
        if f"`{path}`" not in listed:
            violations.append(Violation("ARCHITECTURE.md", 0, f"does not name {path}, the home of a protocol"))
    return violations
