# SPDX-License-Identifier: BSL-1.0
"""A name between backticks in a comment exists: as an identifier of some code, as a file, or as a word of the system."""

import re
from pathlib import Path

from tree import CODE, Violation, comments, without_comments

QUOTED = re.compile(r"`([^`\n]+)`")
IDENTIFIER = re.compile(r"[A-Za-z_]\w*")
# Other names than those of this project.
FOREIGN = re.compile(r"std(::\w+)+|\bE[A-Z0-9]{2,}\b|\b(EPOLL|SO|MSG|MADV|PROT|MAP|SA|SIG|CLOCK|RWF|F|O|IORING)_?[A-Z0-9_]+\b"
                     r"|__\w+|\B-{1,2}[\w=,+/-]+|/(proc|sys|usr|dev|etc|tmp)\b[\w/.-]*")
FILE = re.compile(r"[\w./-]*\w\.(hpp|cpp|h|S|md|py|sh|pml|ini)$")
WORDS = Path(__file__).with_name("system_words.txt")
SOURCES = CODE | {".py", ".sh", ".pml", ".build", ".txt", ".ini"}
WITH_COMMENTS = CODE | {".py", ".sh", ".pml", ".build"}


def check(tree):
    known = identifiers(tree)
    violations = []
    for path in tree.having(WITH_COMMENTS):
        for line, comment in comments(path, tree.text(path)):
            for found in QUOTED.finditer(comment):
                missing = [name for name in names_in(tree, found[1]) if name not in known]
                if missing:
                    violations.append(Violation(str(path), line + comment.count("\n", 0, found.start()),
                                                f"`{found[1]}`: there is no {', '.join(missing)}"))
    return violations


def identifiers(tree):
    """All words of all code without its comments, and of the names of all files."""
    known = set(WORDS.read_text().split())
    for path in tree.files:
        known.update(word for part in path.parts for word in IDENTIFIER.findall(part))
        if path.suffix in SOURCES or path.suffix == "" and tree.text(path).startswith("#!"):
            known.update(IDENTIFIER.findall(without_comments(path, tree.text(path))))
    return known


def names_in(tree, quoted):
    """The names of this project that stand between two backticks; a file that exists stands for none."""
    if FILE.match(quoted):
        return [] if is_file(tree, quoted) else [quoted]
    return [name for name in IDENTIFIER.findall(FOREIGN.sub(" ", quoted)) if len(name) > 1]


def is_file(tree, name):
    """Whether `name` is the end of the path of some file."""
    wanted = Path(name).parts
    return any(file.parts[-len(wanted):] == wanted for file in tree.files)
