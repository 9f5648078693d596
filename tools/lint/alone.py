# SPDX-License-Identifier: BSL-1.0
"""A public header compiles alone, and when it is included twice. (Those of detail compile with the ones that include them.)"""

from compiling import complaints
from tree import Violation


def check(tree):
    names = [path.relative_to("include") for path in tree.headers]
    said = complaints(tree, [f"#include <{name}>\n#include <{name}>\n" for name in names])
    return [Violation(f"include/{name}", 0, f"does not compile alone: {error}")
            for name, error in zip(names, said) if error]
