# SPDX-License-Identifier: BSL-1.0
"""Runs one test program and counts its test cases, also when it crashes or hangs."""

import os
import re
import signal
import subprocess
import time
from dataclasses import dataclass

from count import Count

DOCTEST = re.compile(r"^\[doctest\] test cases:\s*\d+\s*\|\s*(\d+) passed\s*\|\s*(\d+) failed\s*\|", re.M)
TAIL = 40  # lines of a failed program that are shown


@dataclass(frozen=True)
class Result:
    name: str
    count: Count
    seconds: float
    why: str = ""  # of a failure, in words
    tail: str = ""


def run(name, command, log, environment=None, timeout=300.0):
    """Runs `command`; its output goes to the file `log` (a path), the log of its test cases beside it."""
    progress = log.with_suffix(".cases")
    log.parent.mkdir(parents=True, exist_ok=True)
    progress.unlink(missing_ok=True)
    environment = {**os.environ, **(environment or {}), "WEFT_TEST_LOG": str(progress)}
    begin = time.monotonic()
    status = ends(command, log, environment, timeout)
    seconds = time.monotonic() - begin
    output = log.read_text(errors="replace")
    cases = progress.read_text(errors="replace") if progress.exists() else ""
    count, why = judge(status, output, cases, timeout)
    tail = "\n".join(output.splitlines()[-TAIL:]) if why else ""
    return Result(name, count, seconds, why, tail)


def ends(command, log, environment, timeout):
    """The exit status of `command`: negative for a signal, None for a hang or a program that does not start."""
    with open(log, "w") as out:
        try:
            # A session of its own, so that children which a hung test started can be ended with it.
            process = subprocess.Popen(command, stdin=subprocess.DEVNULL, stdout=out, stderr=subprocess.STDOUT,
                                       env=environment, start_new_session=True)
        except OSError as error:
            out.write(f"{error}\n")
            return None
        try:
            return process.wait(timeout)
        except subprocess.TimeoutExpired:
            return None
        finally:
            try:
                os.killpg(process.pid, signal.SIGKILL)  # also what a finished program left behind
            except ProcessLookupError:
                pass
            process.wait()


def judge(status, output, cases, timeout):
    """The count of a program that ended with `status`, and why it failed, if it did."""
    running = ""  # the test case that did not end
    ended = {"pass": 0, "fail": 0, "skip": 0}
    leaking = 0
    leaks = False
    for line in cases.splitlines():
        word, _, rest = line.partition(" ")
        if word == "start":
            running, leaks = rest, False
        elif word == "leak":
            leaks = True
        elif word in ended:
            leaking += leaks and word != "fail"
            ended["fail" if leaks else word] += 1
            running = ""

    summary = DOCTEST.findall(output)
    if cases:
        count = Count(ended["pass"], ended["fail"], ended["skip"])
    elif summary:
        count = Count(*map(int, summary[-1]))
    else:
        count = Count.last_in(output) or Count()

    during = f' during "{running}"' if running else ""
    if status is None:
        why = f"no end after {timeout:.0f} s{during}"
    elif status < 0:
        why = f"{signal.Signals(-status).name}{during}"
    elif count.failed:
        why = f"{count.failed} failed" + (f", {leaking} of them by a leak" if leaking else "")
    elif status > 0:
        why = f"exit status {status}{during}"
    elif running or (cases and not summary):
        why = f"it ended{during} without a summary"
    elif not count.good:
        why = "it ran no test case"
    else:
        return count, ""
    # A program that fails by itself is one more failure, unless a failed test case explains it.
    if running or count.failed == 0:
        count += Count(failed=1)
    return count, why


def failure(name, why, tail=""):
    """Something that did not even come to run."""
    return Result(name, Count(failed=1), 0.0, why, tail)
