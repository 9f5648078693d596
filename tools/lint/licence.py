# SPDX-License-Identifier: BSL-1.0
"""The first line names the licence; in a script the line after the one that names its interpreter."""

from tree import CODE, Violation

SUFFIXES = CODE | {".py", ".sh", ".pml", ".ini"}
TAG = "SPDX-License-Identifier: BSL-1.0"


def check(tree):
    violations = []
    for path in tree.files:
        lines = tree.lines(path)[:2]
        script = bool(lines) and lines[0].startswith("#!")
        if path.suffix not in SUFFIXES and path.name not in ("meson.build", "meson_options.txt") and not script:
            continue
        first = lines[script] if len(lines) > script else ""
        if TAG not in first:
            violations.append(Violation(str(path), script + 1, f"must read {TAG}"))
    return violations
