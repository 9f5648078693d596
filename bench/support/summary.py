# SPDX-License-Identifier: BSL-1.0
"""The short form of a report, a table for the README: some figures of the whole, for both forms of weft and the peers that
people know."""

from figures import digits, machine_line, table
from judgement import figures
from names import label, unit_name

HEADLINES = ("yield/100", "spawn/1", "spawn/1000", "channel/64", "channel/trip", "mutex/uncontended", "forkjoin/fib",
             "timers/sleeps", "echo/1x64/cpu", "echo/100x64/cpu", "echo/1000x64/cpu", "echo/100x16384/cpu", "echo/100x64/p99",
             "echo/100x64/syscalls", "http/100/cpu", "proxy/100x64/cpu", "mixed/5000/p99", "memory/connection", "memory/parked")
# Each column takes the first of these sides that was measured: what there is to beat, then the others.
FLOOR = ("raw", "cxx20", "std")
COLUMNS = (("weft",), ("stackless",), FLOOR, ("tokio",), ("go",), ("asio_awaitable",), ("boost_fiber",), ("threads",))


def summary(content):
    measured = {measure: sides for workload in content["workloads"].values() for measure, sides in figures(workload).items()}
    head = ["", *("the floor" if column is FLOOR else label(column[0]) for column in COLUMNS)]
    rows = [[f"{measure}, {unit_name(next(iter(measured[measure].values())).unit)}",
             *(cell(measured[measure], column) for column in COLUMNS)] for measure in HEADLINES if measure in measured]
    return (f"{machine_line(content['machine'])}\n\n{table(head, rows)}\n\n"
            f"Medians of up to {content['settings']['rounds']} rounds; less is better. The floor: a raw epoll loop, bare C++20 coroutines on an intrusive "
            f"queue, or `std::mutex`. [The whole report](docs/report/README.md) has the spread, the commands, and where weft "
            f"loses.\n")


def cell(sides, column):
    return next((digits(sides[side].median) for side in column if side in sides), "-")
