# SPDX-License-Identifier: BSL-1.0
"""The files of the project, and what the checks want to know about them."""

import io
import re
import shutil
import subprocess
import tokenize
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path

CPP = {".cpp", ".hpp", ".c", ".h"}
CODE = CPP | {".S"}


@dataclass(frozen=True)
class Violation:
    path: str
    line: int  # 0: the file as a whole
    message: str

    def __str__(self):
        return f"{self.path}:{self.line}: {self.message}" if self.line else f"{self.path}: {self.message}"


class Tree:
    """A checkout, or what a test planted. Paths are relative to its root."""

    def __init__(self, root):
        self.root = Path(root)
        self.texts = {}

    @cached_property
    def files(self):
        """Everything that git would commit; without git everything but build directories."""
        found = []
        if (self.root / ".git").exists() and shutil.which("git"):
            listed = subprocess.run(["git", "ls-files", "--cached", "--others", "--exclude-standard"], cwd=self.root,
                                    capture_output=True, text=True)
            found = [Path(line) for line in listed.stdout.splitlines()]
        if not found:
            found = [path.relative_to(self.root) for path in self.root.rglob("*")]
            found = [path for path in found if not re.match(r"build(-.*)?$|\.", path.parts[0])]
        return sorted({path for path in found if (self.root / path).is_file()})

    def having(self, suffixes):
        return [path for path in self.files if path.suffix in suffixes]

    @property
    def cpp(self):
        return self.having(CPP)

    @property
    def headers(self):
        """What a program that uses weft may include."""
        return [path for path in self.having({".hpp"}) if path.parts[0] == "include" and "detail" not in path.parts]

    def text(self, path):
        if path not in self.texts:
            self.texts[path] = (self.root / path).read_text(errors="replace")
        return self.texts[path]

    def lines(self, path):
        return self.text(path).splitlines()


# A string, a character or a comment; what is none of them is code. A quote between digits separates digits.
TOKEN = re.compile(r'''R"(?P<tag>[^\s()\\]{0,16})\(.*?\)(?P=tag)"|"(?:\\.|[^"\\\n])*"|(?<![0-9a-fA-F])'(?:\\.|[^'\\\n])+'
                       |(?P<comment>//[^\n]*|/\*.*?\*/)''', re.S | re.X)
SCRIPT_COMMENT = re.compile(r"(?P<comment>#[^\n]*)")


def comments(path, text):
    """(line, comment) of each comment of a C++, assembly, Promela, Python, shell or meson file."""
    if path.suffix == ".py":
        yield from python_comments(text)
        return
    pattern = TOKEN if path.suffix in CODE | {".pml"} else SCRIPT_COMMENT
    for found in pattern.finditer(text):
        if found["comment"]:
            yield text.count("\n", 0, found.start()) + 1, found["comment"]


def python_comments(text):
    """A # in a Python string begins no comment."""
    for token in tokenize.generate_tokens(io.StringIO(text).readline):
        if token.type == tokenize.COMMENT:
            yield token.start[0], token.string


def without_comments(path, text):
    if path.suffix == ".py":
        for _, comment in python_comments(text):
            text = text.replace(comment, "")
        return text
    pattern = TOKEN if path.suffix in CODE | {".pml"} else SCRIPT_COMMENT
    return pattern.sub(lambda found: " " if found["comment"] else found[0], text)


FENCE = re.compile(r"^```(?P<language>\w*)[^\n]*\n(?P<body>.*?)^```", re.S | re.M)


def fences(text):
    """(line of the body, language, body) of each fenced block of a Markdown file."""
    for found in FENCE.finditer(text):
        yield text.count("\n", 0, found.start()) + 2, found["language"], found["body"]
