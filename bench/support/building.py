# SPDX-License-Identifier: BSL-1.0
"""The workload of ./dev bench compare that asks what the same echo server costs to compile, and how large it is."""

import resource

from figures import ROOT
from peers import CXX, PEERS
from workload import Step, Workload

OURS = {"weft": "bench/echo_fiber.cpp", "stackless": "bench/echo_stackless.cpp", "raw": "bench/raw_echo_epoll.cpp"}
THEIRS = {"threads": "threads_echo", "asio_callbacks": "asio_callbacks", "asio_awaitable": "asio_awaitable",
          "asio_spawn": "asio_spawn", "libuv": "libuv_echo"}


def commands(bench):
    """Side: how its echo server is compiled and linked, and into which file. weft is linked
    in, others as their packages have them."""
    built = bench.builds[""]
    linking = {"weft": [built / "src" / "libweft.a"], "stackless": [built / "src" / "libweft.a"], "raw": []}
    for side, source in OURS.items():
        output = bench.directory / f"size_{side}"
        includes = [] if side == "raw" else ["-Iinclude"]
        yield side, [*CXX, *includes, source, "-o", output, *linking[side]], output
    for side, name in THEIRS.items():
        if name in bench.peers:
            source, output = f"bench/peers/{name}", bench.directory / f"size_{side}"
            yield side, [word.replace("SOURCE", source).replace("OUTPUT", str(output)) for word in PEERS[name][1]], output


def steps(bench):
    found = []
    for side, command, output in commands(bench):
        def run(side=side, command=command, output=output):
            output.unlink(missing_ok=True)
            before = resource.getrusage(resource.RUSAGE_CHILDREN)
            bench.processes.output(command, bench.cores[0], cwd=ROOT)
            after = resource.getrusage(resource.RUSAGE_CHILDREN)
            bench.processes.output(["strip", output])
            return [("build/compiling", side, "s", [sum(after[:2]) - sum(before[:2])]),
                    ("build/size", side, "KiB", [output.stat().st_size / 1024])]
        shown = " ".join(str(word).removeprefix(f"{ROOT}/") for word in command)
        found.append(Step(side, f"{shown} && strip {str(output).removeprefix(f'{ROOT}/')}", run))
    return found


WORKLOADS = {"build": Workload("CPU seconds to compile the echo server, and its size, stripped; weft and Asio are linked in, libuv and the coroutines of Asio's spawn are shared", steps,
                               ["src/libweft.a"], list(THEIRS.values()))}
