# SPDX-License-Identifier: BSL-1.0
"""The C++ snippets of the documents compile: a whole file as it is, statements inside a function behind weft.hpp."""

from compiling import complaints
from tree import Violation, fences


def whole(snippet):
    """A snippet with an #include or a main is a file; anything else becomes the body of a function."""
    if "#include" in snippet or " main(" in snippet:
        return snippet
    return "#include <weft/weft.hpp>\nvoid snippet() {\n" + snippet + "}\n"


def check(tree):
    found = [(path, line, body) for path in tree.having({".md"})
             for line, language, body in fences(tree.text(path)) if language in ("cpp", "c++")]
    said = complaints(tree, [whole(body) for _, _, body in found])
    return [Violation(str(path), line, f"the snippet does not compile: {error}")
            for (path, line, _), error in zip(found, said) if error]
