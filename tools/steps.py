# SPDX-License-Identifier: BSL-1.0
"""What ./dev check does besides the legs: lint, models, the consumer, the planted bugs, the tools' own tests."""

import os
import shutil
import signal
import subprocess
import sys
from dataclasses import dataclass
from typing import Callable, Optional

import legs
import programs
from builds import BUILD, BUILDS, ROOT, Build
from count import Count

PYTHON = sys.executable or "python3"


@dataclass(frozen=True)
class Step:
    name: str
    build: Optional[Build]  # that must be compiled before
    run: Callable  # (logs, left) -> list of programs.Result


def script(name, command, build=None):
    """A step that is one program; its last line counts what it checked."""
    def run(logs, left):
        if not os.access(command[0], os.X_OK):
            return [programs.failure(name, f"{command[0]} is not there")]
        return [programs.run(name, [str(word) for word in command], logs / "output.txt", None, left())]
    return Step(name, build, run)


# Each planted bug of tests/planted, the builds that must catch it, and a word of what they must say.
PLANTED = [
    ("use_after_return", ["asan"], ["stack-use-after-return"]),
    ("use_after_free", ["asan"], ["heap-use-after-free"]),
    ("buffer_overflow", ["asan"], ["stack-buffer-overflow"]),
    ("integer_overflow", ["asan"], ["signed integer overflow"]),
    ("race", ["tsan"], ["data race"]),
    ("stack_overflow", ["release", "debug", "boost-release"], ["deep-one"]),
    ("stack_overflow", ["asan", "tsan"], ["deep-one", "stack-overflow"]),
]


def valgrind():
    """Valgrind's memcheck must see a bug on a fiber, and take switches of stacks for what they are."""
    build = BUILDS["release"]
    command = ["valgrind", "--quiet", "--error-exitcode=99"]

    def run(logs, left):
        if not shutil.which("valgrind"):
            return [programs.Result("valgrind is not installed", Count(skipped=1), 0.0)]
        results = prove(build, "uninitialised", ["uninitialised value"], logs, left, command)
        said = (logs / "uninitialised-healthy.txt").read_text(errors="replace")
        if "==" in said:  # what it says of system calls that it does not know begins otherwise
            results.append(programs.failure("uninitialised, healthy", "memcheck has something to say", said[-2000:]))
        return results
    return Step("valgrind", build, run)


def planted(build):
    """The bugs that this build must catch, each with a healthy twin that it must let pass."""
    def run(logs, left):
        return [proof for name, builds, words in PLANTED if build.name in builds
                for proof in prove(build, name, words, logs, left)]
    return Step(f"planted bugs, {build.name}", build, run)


def prove(build, name, words, logs, left, under=None):
    program = build.directory / "tests/planted/planted"
    if not program.exists():
        return [programs.failure(name, f"{program} is not there")]
    results = []
    for twin in ["planted", "healthy"]:
        log = logs / f"{name}-{twin}.txt"
        log.parent.mkdir(parents=True, exist_ok=True)
        status = programs.ends([*(under or legs.wrapper(build)), str(program), name, twin], log,
                               {**os.environ, **legs.environment(build, 2)}, min(60.0, left()))
        said = log.read_text(errors="replace")
        if twin == "healthy":
            good, why = status == 0, f"exit status {status} of the healthy twin"
        else:
            good = status not in (0, None, -signal.SIGKILL) and any(word in said for word in words)
            why = f"not caught: exit status {status}, expected to read {' or '.join(words)}"
        results.append(programs.Result(f"{name}, {twin}", Count(passed=1), 0.0) if good else
                       programs.failure(f"{name}, {twin}", why, said[-2000:]))
    return results


def tools():
    """The tests of ./dev itself, with a test program that misbehaves."""
    build = BUILDS["release"]
    return script("tests of ./dev", [PYTHON, ROOT / "tests/tools/tools_test.py", build.directory], build)


def consumer():
    """Installs the release build into a directory of its own and builds a program against that."""
    build = BUILDS["release"]
    stage = BUILD / "installed"

    def run(logs, left):
        logs.mkdir(parents=True, exist_ok=True)
        done = subprocess.run(["meson", "install", "-C", str(build.directory), "--no-rebuild", "--destdir", str(stage)],
                              capture_output=True, text=True)
        if done.returncode != 0:
            return [programs.failure("install", "meson install failed", done.stdout[-2000:] + done.stderr[-2000:])]
        return [programs.run("consumer", [str(ROOT / "tests/consumer/check"), str(stage)], logs / "consumer.txt", None,
                             left())]
    return Step("consumer", build, run)


def clients(build):
    """Client libraries on fibers, each against a real server."""
    return script("clients", [ROOT / "tests/clients/check", build.directory], build)


def stress(build, seconds):
    """Random fibers, cancels, deadlines, closes and steals."""
    def run(logs, left):
        program = build.directory / "tests/stress/stress"
        if not program.exists():
            return [programs.failure("stress", f"{program} is not there")]
        return [programs.run("stress", [*legs.wrapper(build), str(program), f"--seconds={seconds}"],
                             logs / "stress.txt", legs.environment(build, 2), left())]
    return Step("stress", build, run)


def at_length(name, build, room, words, setting):
    """Tests of a room, longer than in a leg."""
    def run(logs, left):
        program = build.directory / "tests" / room
        if not program.exists():
            return [programs.failure(name, f"{program} is not there")]
        return [programs.run(name, [*legs.wrapper(build), str(program), *words], logs / "output.txt",
                             {**legs.environment(build, 1), **setting, "WEFT_TEST_TIMEOUT": "850"}, left())]
    return Step(name, build, run)


def orders(build):
    """What is tried in a few simulated orders elsewhere, in a thousand."""
    return at_length("a thousand orders", build, "test_sync", [], {"WEFT_SEEDS": "1000"})


def last_acts(build):
    """A runtime that ends while a thread wakes its last fiber, a hundred thousand times."""
    return at_length("last acts", build, "test_fiber", ["--test-case=a foreign thread wakes a fiber as the last act*"],
                     {"WEFT_TEST_LAST_ACTS": "100000"})


def house():
    """The steps that need no build."""
    return [
        script("lint", [PYTHON, ROOT / "tools/lint"]),
        script("tests of lint", [PYTHON, ROOT / "tests/lint/lint_test.py"]),
        script("tests of the comparison", [PYTHON, ROOT / "tests/tools/compare_test.py"]),
        script("tests of the proxies", [PYTHON, ROOT / "tests/tools/proxies_test.py"]),
        script("models", [ROOT / "tests/models/check"]),
    ]
