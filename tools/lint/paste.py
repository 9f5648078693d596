# SPDX-License-Identifier: BSL-1.0
"""What lies between <!-- FILE --> and <!-- end --> in a document is that file, word for word: no number in the README is
typed by hand."""

import re

from tree import Violation

MARKED = re.compile(r"(?P<begin>^<!-- (?P<file>[\w./-]+\.md) -->\n)(?P<body>.*?)(?P<end>^<!-- end -->$)", re.S | re.M)


def check(tree):
    violations = []
    for path in tree.having({".md"}):
        text = tree.text(path)
        for found in MARKED.finditer(text):
            source = tree.root / found["file"]
            line = text.count("\n", 0, found.start()) + 1
            if not source.is_file():
                violations.append(Violation(str(path), line, f"{found['file']} does not exist"))
            elif source.read_text() != found["body"]:
                violations.append(Violation(str(path), line, f"differs from {found['file']}; ./dev fmt copies it"))
    return violations


def fix(tree):
    for path in tree.having({".md"}):
        text = MARKED.sub(lambda found: found["begin"] + (tree.root / found["file"]).read_text() + found["end"],
                          tree.text(path))
        if text != tree.text(path):
            (tree.root / path).write_text(text)
