# SPDX-License-Identifier: BSL-1.0
"""./dev lint [CHECK...] and ./dev fmt: what a compiler does not say about the source. One check a file."""

import argparse
import sys
from pathlib import Path

import alone
import floors
import hooks
import layout
import length
import licence
import names
import paste
import snippets
import tags
from tree import Tree

CHECKS = {"floors": floors, "alone": alone, "names": names, "tags": tags, "snippets": snippets,
          "licence": licence, "layout": layout, "paste": paste, "hooks": hooks, "length": length}


def main():
    parser = argparse.ArgumentParser(prog="./dev lint", description="\n".join(
        f"{name}: {check.__doc__}" for name, check in CHECKS.items()), formatter_class=argparse.RawTextHelpFormatter)
    parser.add_argument("checks", nargs="*", metavar="CHECK")
    parser.add_argument("--root", type=Path, default=Path(__file__).resolve().parents[2])
    parser.add_argument("--fix", action="store_true", help="what can be put right is")
    options = parser.parse_args()
    tree = Tree(options.root)
    unknown = [name for name in options.checks if name not in CHECKS]
    if unknown:
        sys.exit(f"dev: there is no check {' '.join(unknown)}; there are {' '.join(CHECKS)}")
    if options.fix:
        for check in (paste, hooks, layout):
            check.fix(tree)
        return 0

    failed = skipped = 0
    chosen = options.checks or CHECKS
    for name in chosen:
        missing = getattr(CHECKS[name], "missing", str)()
        if missing:
            skipped += 1
            print(f"{name}: skipped, {missing}")
            continue
        violations = CHECKS[name].check(tree)
        warns = getattr(CHECKS[name], "WARNS", False)
        failed += bool(violations) and not warns
        print(f"{name}: {'warns' if violations and warns else 'failed' if violations else 'passed'}")
        for violation in violations:
            print(f"  {violation}")
    print(f"{len(chosen) - failed - skipped} passed, {failed} failed" + (f", {skipped} skipped" if skipped else ""))
    return 1 if failed else 0


sys.exit(main())
