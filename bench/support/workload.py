# SPDX-License-Identifier: BSL-1.0
"""What a workload of ./dev bench compare is made of, and how a program that measures itself is a step of it."""

import os
from dataclasses import dataclass, field
from typing import Callable

from figures import ROOT
from questions import parse


@dataclass(frozen=True)
class Workload:
    text: str
    steps: Callable  # of a Bench: a list of steps
    targets: list[str] = field(default_factory=list)  # of meson
    peers: list[str] = field(default_factory=list)


@dataclass
class Step:
    name: str  # unique in its workload
    command: str  # as it would be typed
    run: Callable  # yields samples: (measure, side, unit, values)
    two_cores: bool = False  # counts only where there really are two
    once: bool = False  # in the first round only


def typed(command, on):
    """A command as it would be typed at the root of the project."""
    words = [str(word).removeprefix(f"{ROOT}/") for word in command]
    return f"taskset -c {','.join(map(str, on if isinstance(on, tuple) else (on,)))} {' '.join(words)}"


def measured(bench, name, command, two_cores=False, environment=None):
    on = bench.cores if two_cores else bench.cores[0]
    before = "".join(f"{key}={value} " for key, value in (environment or {}).items())
    def run():
        return list(parse(bench.processes.output(command, on, env=dict(os.environ, **(environment or {})))))
    return [Step(name, before + typed(command, on), run, two_cores)]


def program(bench, name, *arguments, two_cores=False):
    """A program of ours, which measures both forms of weft and their floors."""
    return measured(bench, " ".join(["weft", *arguments]), [bench.builds[""] / "bench" / name, *arguments], two_cores)


# How a peer is told on how many cores it is.
THREADS = {"boost_fiber": "CORES", "go": "GOMAXPROCS", "tokio": "TOKIO_WORKER_THREADS", "threads": "CORES"}


def peer(bench, name, question, procs=1):
    if name not in bench.peers:
        return []
    environment = {THREADS[name]: str(procs)} if name in THREADS else None
    return measured(bench, name if procs == 1 else f"{name} on {procs}", [bench.peers[name], question], procs > 1, environment)


def asked(text, question, *others, mine=None, also=(), two=()):
    """The program `question` of ours, on one core, and `also` others of ours; what the peers `others` say to the same; `two`:
    who is asked on two cores, too, as those others are then."""
    def steps(bench):
        found = mine(bench) if mine else program(bench, question)
        for name in also:
            found += measured(bench, name, [bench.builds[""] / "bench" / name])
        for name in others:
            found += peer(bench, name, question)
        for name in also if two else ():
            found += measured(bench, f"{name} 2", [bench.builds[""] / "bench" / name, "2"], two_cores=True)
        for name in two:
            found += program(bench, question, "2", two_cores=True) if name == "weft" else peer(bench, name, question, 2)
        return found
    return Workload(text, steps, [f"bench/{name}" for name in (question, *also)], [*others, *(name for name in two if name != "weft")])
