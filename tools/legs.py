# SPDX-License-Identifier: BSL-1.0
"""The legs of ./dev check: which builds run their tests at how many workers."""

import json
import os
import shutil
import subprocess
import platform
from dataclasses import dataclass

import programs
from builds import BUILDS, Build

# Below floor 4 nobody knows of workers: one run for each build is enough.
FIRST_FLOOR_WITH_WORKERS = 4
TIMEOUT = 900  # seconds that one leg may take

# Each count with both contexts or a sanitizer, at least. In this order: at first two builds whose legs run while the
# sanitizers compile; then those, whose legs are long; at last what compiles fast, most of it from the cache, and is tested
# in no time, so that nothing is waited for at the end.
MATRIX = [
    ("release", [2, 16]),
    ("debug", [1, 4]),
    ("asan", [2, 4]),
    ("tsan", [4]),
    ("boost-debug", [2, 16]),
    ("boost-release", [1]),
    ("aarch64", [1]),
    ("riscv64", [1]),
]
FULL = [(name, [1] if build.cross else [1, 2, 4, 16]) for name, build in BUILDS.items()]
QUICK = [("debug", [2])]

SANITIZER_OPTIONS = {
    "ASAN_OPTIONS": "detect_stack_use_after_return=1:strict_string_checks=1:detect_leaks=1",
    "UBSAN_OPTIONS": "halt_on_error=1:print_stacktrace=1",
    "TSAN_OPTIONS": "halt_on_error=1:second_deadlock_stack=1",
}


@dataclass(frozen=True)
class Leg:
    build: Build
    workers: int
    first: bool = True  # of its build
    rooms: tuple[str, ...] = ()  # empty: all

    @property
    def name(self):
        return self.build.name if self.build.cross else f"{self.build.name} at {self.workers}"

    def run(self, logs, left):
        """Runs the programs of this leg one after the other; `left` tells how many seconds there are for it."""
        found = [test for test in tests_of(self.build) if not self.rooms or test["name"][5:] in self.rooms]
        if not found:
            return [programs.failure(self.name, "there is no test program")]
        return [programs.run(test["name"], wrapper(self.build) + test["cmd"], logs / f"{test['name']}.txt",
                             {**environment(self.build, self.workers), **test["env"]},
                             max(1.0, min(left(), test["timeout"])))
                for test in found if self.first or floor(test) >= FIRST_FLOOR_WITH_WORKERS]


def tests_of(build):
    """What meson knows of the test programs of a build, lowest floor first."""
    listed = json.loads((build.directory / "meson-info/intro-tests.json").read_text())
    return sorted(listed, key=lambda test: (floor(test), test["name"]))


def floor(test):
    """From the suite "floorN" of a test."""
    suites = " ".join(test["suite"])
    return int(suites.partition("floor")[2][:1] or FIRST_FLOOR_WITH_WORKERS)


def environment(build, workers):
    """What the programs of a leg find in their environment."""
    emulated = {"WEFT_TEST_SCALE": "20"} if build.cross else {}
    return {"WEFT_WORKERS": str(workers), **SANITIZER_OPTIONS, **emulated, **build.environment}


def wrapper(build):
    """The words before the command line of a program of this build."""
    if build.cross:
        return [*processors(build), f"qemu-{build.cross}", "-L", f"/usr/{build.cross}-linux-gnu"]
    if "-Db_sanitize=thread" in build.options or "-Db_sanitize=address,undefined" in build.options:
        return FIXED_ADDRESSES
    return []


def processors(build):
    """qemu lets an ldar overtake an earlier stlr where the host may (7.2 on x86-64: 3,057 of 20,000 tries of Dekker's
    two stores and two loads), which ARM forbids and seq_cst needs. On one processor nobody sees that."""
    return ["taskset", "-c", str(min(os.sched_getaffinity(0)))] if build.cross == "aarch64" else []


def fixed_addresses():
    """Sanitizers of g++ 12 and 13 do not start where the kernel randomises addresses by 32 bits (Ubuntu 24.04)."""
    words = ["setarch", platform.machine(), "-R"]
    allowed = shutil.which("setarch") and subprocess.run([*words, "true"], capture_output=True).returncode == 0
    return words if allowed else []


FIXED_ADDRESSES = fixed_addresses()


def legs_of(matrix, rooms=()):
    return [Leg(BUILDS[name], workers, position == 0, tuple(rooms))
            for name, counts in matrix for position, workers in enumerate(counts)]
