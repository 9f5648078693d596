# SPDX-License-Identifier: BSL-1.0
"""The files are formatted as .clang-format says. Version 14, since others disagree with it in details."""

import re
import shutil
import subprocess
import sys

from tree import Violation

PROGRAM = "clang-format-14"
WARNING = re.compile(r"^(.*?):(\d+):\d+: (?:warning|error):", re.M)


def missing():
    return "" if shutil.which(PROGRAM) else f"{PROGRAM} is not installed"


def check(tree):
    if not tree.cpp:
        return []
    done = subprocess.run([PROGRAM, "--dry-run", "--style=file", *map(str, tree.cpp)], cwd=tree.root,
                          capture_output=True, text=True)
    lines = {}
    for found in WARNING.finditer(done.stderr):
        lines.setdefault(found[1], int(found[2]))
    violations = [Violation(path, line, "is not formatted; ./dev fmt does it") for path, line in lines.items()]
    if done.returncode != 0 and not violations:
        violations = [Violation(".clang-format", 0, done.stderr.strip()[:200])]
    return violations


def fix(tree):
    if missing():
        sys.exit(f"dev: nothing was formatted: {missing()}")
    subprocess.run([PROGRAM, "-i", "--style=file", *map(str, tree.cpp)], cwd=tree.root, check=True)
