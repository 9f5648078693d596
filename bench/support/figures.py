# SPDX-License-Identifier: BSL-1.0
"""What is done with measured values: medians, spread, ratios, the line that says on which machine, tables, JSON."""

import datetime
import json
import os
import platform
import shlex
import statistics
import subprocess
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent.parent
median = statistics.median


def spread(values):
    """How far the slowest lies above the fastest, as a part of the fastest."""
    low, high = min(values), max(values)
    return (high - low) / low if low > 0 else 0.0


def ratio(values, others, by="median"):
    """By "median" or by "minimum": a slow phase of the host hits rounds unevenly, and minima do not see it."""
    reduce = median if by == "median" else min
    below = reduce(others)
    return reduce(values) / below if below > 0 else float("inf")


def machine():
    """What a figure needs beside it to mean anything."""
    def output(*command):
        try:
            return subprocess.run(command, cwd=ROOT, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, text=True,
                                  check=True).stdout.strip()
        except (OSError, subprocess.CalledProcessError):
            return ""
    cpu = platform.machine()
    for line in Path("/proc/cpuinfo").read_text().splitlines():
        if line.startswith("model name"):
            cpu = line.split(":", 1)[1].strip()
            break
    changed = output("git", "status", "--porcelain", "--", "include", "src", "asm", "bench", "examples")
    return {
        "cpu": cpu,
        "cores": len(os.sched_getaffinity(0)),
        "kernel": platform.release(),
        "compiler": output(*shlex.split(os.environ.get("CXX", "g++")), "--version").split("\n")[0],
        "revision": (output("git", "rev-parse", "--short", "HEAD") or "unknown") + ("+" if changed else ""),
        "date": datetime.datetime.now(datetime.timezone.utc).strftime("%Y-%m-%d %H:%M UTC"),
    }


def machine_line(m):
    return (f"{m['cpu']}, {m['cores']} cores, Linux {m['kernel']}, {m['compiler']}, "
            f"weft {m['revision']}, {m['date']}")


def digits(value):
    """Three digits that count."""
    if value == 0 or abs(value) >= 100:
        return f"{value:,.0f}"
    return f"{value:.1f}" if abs(value) >= 10 else f"{value:.2f}"


def table(head, rows):
    """A Markdown table whose columns line up on a terminal too; all but the first are numbers, to the right."""
    widths = [max(len(str(row[i])) for row in [head, *rows]) for i in range(len(head))]
    def line(cells):
        return "| " + " | ".join(str(c).ljust(w) if i == 0 else str(c).rjust(w)
                                 for i, (c, w) in enumerate(zip(cells, widths))) + " |"
    rule = "|" + "|".join("-" * (w + 2) if i == 0 else "-" * (w + 1) + ":" for i, w in enumerate(widths)) + "|"
    return "\n".join([line(head), rule, *map(line, rows)])


def write_json(path, content):
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(json.dumps(content, indent=1) + "\n")
