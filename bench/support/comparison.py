# SPDX-License-Identifier: BSL-1.0
"""What ./dev bench compare has measured so far: kept in a file after each step, so that an interrupted run goes on.

The file holds, for each workload, its steps; for each step its command and what each round of it gave: a list of
[measure, side, unit, values], or null for a round that did not count.
"""

import json
import os
import time

from figures import ROOT, write_json
from processes import Failure
from setting import REAL_CORES, say

FORMAT = 1
SAME = ("cpu", "cores", "kernel", "compiler", "revision")  # of the machine: what makes two runs one


class Record:
    """The content of the file."""

    def __init__(self, path, machine, settings):
        self.path, self.machine, self.settings = path, machine, settings
        self.missing = {}  # peer: why it cannot be had
        self.workloads = {}  # name: {"text", "steps": {step: {"command", "rounds", "seconds", "failed"}}}

    @classmethod
    def continued(cls, path, machine, settings):
        """That of an earlier run of the same revision on the same machine with the same settings; else an empty one."""
        record = cls(path, machine, settings)
        try:
            old = json.loads(path.read_text())
        except (OSError, ValueError):
            return record
        if old.get("format") != FORMAT or old["settings"]["seconds"] != settings["seconds"] or \
                any(old["machine"][key] != machine[key] for key in SAME):
            aside = path.with_suffix(".earlier.json")
            os.replace(path, aside)
            say(f"{path.name} is of another machine, revision or setting: it is now {aside.name}")
            return record
        record.machine, record.missing, record.workloads = old["machine"], old["missing"], old["workloads"]
        return record

    def step(self, workload, text, step):
        """The entry of a step. A command that has changed begins anew."""
        of = self.workloads.setdefault(workload, {"text": text, "steps": {}})
        of["text"] = text
        entry = of["steps"].get(step.name)
        if entry is None or entry["command"] != step.command:
            entry = of["steps"][step.name] = {"command": step.command, "rounds": []}
        return entry

    def save(self):
        beside = self.path.with_suffix(".new")
        write_json(beside, {"format": FORMAT, "machine": self.machine, "settings": self.settings,
                            "missing": self.missing, "workloads": self.workloads})
        os.replace(beside, self.path)  # whole or not at all, whenever we are interrupted


def counted(entry):
    return [samples for samples in entry["rounds"] if samples is not None]


def left(plan, rounds):
    """How many runs of each planned (entry, step) are still to be done."""
    return [(entry, max(0, (1 if step.once else rounds) - len(counted(entry)))) for _, entry, step in plan]


def remaining(plan, rounds):
    """Seconds, by what each step took last; one that never ran takes as long as the others do on average."""
    known = [entry["seconds"] for entry, _ in left(plan, rounds) if "seconds" in entry]
    usual = sum(known) / len(known) if known else 0.0
    return sum(entry.get("seconds", usual) * times for entry, times in left(plan, rounds))


def clock(seconds):
    return f"{seconds / 60:.0f} min" if seconds >= 120 else f"{seconds:.0f} s"


def ask(plan, rounds, record, control, limit=None):
    """Runs what is missing of each round. `plan`: (workload, entry, step). With `limit`, in seconds, nothing but what has
    not been measured at all is begun after that time. False if something is left over."""
    started = time.monotonic()
    for i in range(rounds):
        for workload, entry, step in plan if i % 2 == 0 else reversed(plan):  # nobody is always the first
            if len(entry["rounds"]) > i or (step.once and i > 0) or "failed" in entry:
                continue
            if limit and i > 0 and time.monotonic() - started > limit:
                say("the time is up: what is there has fewer rounds")
                return False
            begun = time.monotonic()
            note = run(entry, step, control)
            entry["seconds"] = time.monotonic() - begun
            record.save()
            say(f"[{time.monotonic() - started:4.0f} s, about {clock(remaining(plan, rounds))} left] "
                f"round {i + 1} of {rounds}: {workload}, {step.name}{note}")
    return all(times == 0 for _, times in left(plan, rounds))


def run(entry, step, control):
    """One round of one step, into its entry. What is to be said of it."""
    if step.two_cores:
        speed = control()
        if speed < REAL_CORES:
            entry["rounds"].append(None)
            return f", not counted: two threads did {speed:.2f}x of one"
    try:
        entry["rounds"].append([list(sample) for sample in step.run()])
    except Failure as failure:
        said = str(failure).replace(f"{ROOT}/", "").splitlines()
        entry["failed"] = ": ".join(said[:1] + said[1:][-1:])  # what failed, and the last that it said
        return f" FAILED: {failure}"
    return ""


def forget_what_did_not_count(plan):
    """Rounds that gave nothing, and failures, are tried again by the next run."""
    for _, entry, _ in plan:
        entry["rounds"] = counted(entry)
        entry.pop("failed", None)
