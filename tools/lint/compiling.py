# SPDX-License-Identifier: BSL-1.0
"""Asks the compiler whether a piece of text is C++, several pieces at a time."""

import os
import subprocess
from concurrent.futures import ThreadPoolExecutor

FLAGS = ["-std=c++20", "-Wall", "-Wextra", "-Werror", "-fsyntax-only", "-x", "c++", "-"]


def complaints(tree, pieces):
    """For each text of `pieces` what the compiler says, empty if it compiles."""
    command = [os.environ.get("CXX", "g++"), f"-I{tree.root / 'include'}", *FLAGS]

    def compile(text):
        done = subprocess.run(command, input=text, capture_output=True, text=True)
        return "" if done.returncode == 0 else first_error(done.stderr)

    with ThreadPoolExecutor(os.cpu_count()) as pool:
        return list(pool.map(compile, pieces))


def first_error(text):
    return next((line for line in text.splitlines() if "error" in line), text.strip()[:200] or "does not compile")
