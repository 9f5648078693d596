# SPDX-License-Identifier: BSL-1.0
"""A file that has grown long has usually become two. Warns only."""

from tree import CODE, Violation

MOST = 350
WARNS = True


def check(tree):
    return [Violation(str(path), 0, f"has {len(tree.lines(path))} lines, more than {MOST}")
            for path in tree.having(CODE | {".py"}) if len(tree.lines(path)) > MOST]
