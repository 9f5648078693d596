# SPDX-License-Identifier: BSL-1.0
"""The workloads of ./dev bench compare in which one program serves on one core and another asks on the other."""

import contextlib
import math

from counting import INSTRUCTIONS, Counter
from processes import Failure
from questions import drive, nginx, second_time, syscalls
from serving import Server, idle_connection, raise_open_files, wrk, wrk_command
from workload import Step, Workload, peer, program, typed

BUFFER = 16384  # bytes, on all sides
HELD = 5000  # idle connections
ECHO_LOADS = ((1, 64), (100, 64), (1000, 64), (10000, 64), (100, 16384))  # connections, bytes of a message
SLOW_LOADS = ((1, 16384), (1000, 16384), (10000, 16384))  # for which a quick run has no time
SPARE = 100  # descriptors that a server, or its load, needs besides those of the connections
ECHO_PEERS = {"threads": "threads_echo", "asio_callbacks": "asio_callbacks", "asio_awaitable": "asio_awaitable",
              "asio_spawn": "asio_spawn", "libuv": "libuv_echo", "go": "go_echo", "tokio": "tokio_echo",
              "asyncio": "asyncio", "uvloop": "uvloop"}
UNITS = {"cpu": "us", "rps": "1/s", "p50": "us", "p99": "us", "p999": "us"}
DEPTH_PEERS = ("boost_fiber", "boost_coroutine", "go", "tokio", "threads", "asio_depth", "asio_spawn_depth", "python")
MIXED_LOAD = (100, 5000)  # connections, requests a second
MIXED_UNITS = UNITS | {"p9999": "us"}
MIXED_PEERS = {"asio_awaitable": "asio_mixed", "go": "go_mixed", "tokio": "tokio_mixed"}
HTTP_PEERS = {"threads": "threads_http", "asio_callbacks": "asio_callbacks_http", "asio_awaitable": "asio_http",
              "asio_spawn": "asio_spawn_http", "libuv": "libuv_http", "go": "go_http", "tokio": "tokio_http",
              "asyncio": "asyncio_http", "uvloop": "uvloop_http"}
PROXY_PEERS = {"threads": "threads_proxy", "asio_callbacks": "asio_callbacks_proxy", "asio_awaitable": "asio_proxy",
               "asio_spawn": "asio_spawn_proxy", "libuv": "libuv_proxy", "go": "go_proxy", "tokio": "tokio_proxy",
               "asyncio": "asyncio_proxy", "uvloop": "uvloop_proxy"}


def echo_servers(bench, size=64):
    """Side: command. A raw loop needs one buffer for all while messages are small."""
    directory = bench.builds[""] / "bench"
    found = {"weft": [directory / "echo_fiber", "0"], "stackless": [directory / "echo_stackless", "0"],
             "raw": [directory / "raw_echo_epoll", "0", "each" if size > 4096 else "shared", BUFFER]}
    for side, name in ECHO_PEERS.items():
        if name in bench.peers:
            found[side] = [bench.peers[name], "0"]
    return found


def http_servers(bench):
    """Side: command and port; the port is None where the server prints it."""
    directory = bench.builds[""]
    found = {"weft": ([directory / "examples" / "http_hello", "0"], None),
             "stackless": ([directory / "examples" / "http_hello_stackless", "0"], None),
             "raw": ([directory / "bench" / "raw_http_epoll", "0"], None)}
    for side, name in HTTP_PEERS.items():
        if name in bench.peers:
            found[side] = ([bench.peers[name], "0"], None)
    return found


def together(bench, server, load):
    return f"{typed(server, bench.cores[0])} & {typed(load, bench.cores[1])}"


def load_of(bench, connections, size, seconds):
    return [bench.builds[""] / "bench" / "load", "PORT", "PID", connections, size, seconds]


def expect_descriptors(count):
    if count > raise_open_files():
        raise Failure(f"it takes {count} open files, of which this machine allows {raise_open_files()}")


def counted_instructions(bench, server, connections):
    """Where the machine counts them, and where connecting is next to nothing beside the messages."""
    there = "instructions" in bench.peers and connections <= 100
    return Counter(server.process.pid, *INSTRUCTIONS) if there else contextlib.nullcontext()


def echo(bench):
    steps = []
    for connections, size in (*ECHO_LOADS, *(SLOW_LOADS if bench.seconds >= 1 else ())):
        name = f"echo/{connections}x{size}"
        for side, command in echo_servers(bench, size).items():
            def run(name=name, side=side, command=command, connections=connections, size=size):
                expect_descriptors(connections + SPARE)
                with Server(bench.processes, side, command, bench.cores[0]) as server, \
                        counted_instructions(bench, server, connections) as instructions:
                    got = drive(bench, server, connections, size, bench.seconds)
                    executed = [instructions.read() / got["total"]] if instructions else []
                return [*((f"{name}/{what}", side, unit, [got[what]]) for what, unit in UNITS.items()),
                        *((f"{name}/instructions", side, "instr", [each]) for each in executed)]
            load = load_of(bench, connections, size, bench.seconds)
            steps.append(Step(f"{connections} x {size} B, {side}", together(bench, command, load), run))
    return steps


def calls(bench):
    """Counted once: the number of calls does not depend on how fast the machine is at the moment."""
    steps, lengths = [], (0.5, 2.0) if bench.seconds >= 1 else (0.3, 1.0)
    for side, command in echo_servers(bench).items() if "strace" in bench.peers else ():
        shown = (f"{together(bench, command, load_of(bench, 100, 64, 'SECONDS'))} & strace -f -c -U calls,name -p PID; "
                 f"for {lengths[0]:g} and for {lengths[1]:g} s")
        steps.append(Step(f"100 x 64 B, {side}", shown, lambda s=side, c=command: list(syscalls(bench, s, c, 100, lengths)),
                          once=True))
    return steps


def http(bench):
    steps, seconds = [], math.ceil(bench.seconds)
    def step(side, prepare):
        for connections in (100, 1000):
            def run(connections=connections):
                command, port = prepare()
                with Server(bench.processes, side, command, bench.cores[0], port) as server:
                    got = wrk(bench.processes, server, connections, seconds, bench.cores[1])
                return [(f"http/{connections}/{what}", side, unit, [got[what]]) for what, unit in UNITS.items()]
            shown = prepare()[0]
            yield Step(f"{connections} connections, {side}", together(bench, shown, wrk_command(connections, seconds, "PORT")),
                       run)
    for side, found in http_servers(bench).items():
        steps += step(side, lambda found=found: found)
    if "nginx" in bench.peers:
        steps += step("nginx", lambda: nginx(bench))
    return steps if "wrk" in bench.peers else []


def proxy(bench):
    directory, steps = bench.builds[""] / "bench", []
    upstream = [directory / "raw_echo_epoll", "0"]  # beside the load, on its core
    found = {"weft": directory / "proxy_fiber", "stackless": directory / "proxy_stackless",
             "raw": directory / "raw_proxy_epoll",
             **{side: bench.peers[name] for side, name in PROXY_PEERS.items() if name in bench.peers}}
    load = load_of(bench, 100, 64, bench.seconds)
    for side, program_of_it in found.items():
        def run(side=side, program_of_it=program_of_it):
            with Server(bench.processes, "upstream", upstream, bench.cores[1]) as behind, \
                    Server(bench.processes, side, [program_of_it, "0", behind.port], bench.cores[0]) as server:
                got = drive(bench, server, 100, 64, bench.seconds)
            return [(f"proxy/100x64/{what}", side, unit, [got[what]]) for what, unit in UNITS.items()]
        shown = typed(upstream, bench.cores[1]) + " & " + together(bench, [program_of_it, "0", "UPSTREAM"], load)
        steps.append(Step(side, shown, run))
    return steps


def mixed(bench):
    directory, steps = bench.builds[""] / "bench", []
    found = {"weft": directory / "mixed_fiber", "stackless": directory / "mixed_stackless",
             **{side: bench.peers[name] for side, name in MIXED_PEERS.items() if name in bench.peers}}
    for side, program_of_it in found.items():
        command = [program_of_it, "0"]
        def run(side=side, command=command):
            with Server(bench.processes, side, command, bench.cores[0]) as server:
                said = bench.processes.output([directory / "open_load", server.port, server.process.pid, *MIXED_LOAD,
                                               bench.seconds], bench.cores[1], timeout=bench.seconds * 2 + 30)
            got = {name: float(value) for name, value in (line.split() for line in said.splitlines())}
            return [(f"mixed/{MIXED_LOAD[1]}/{what}", side, unit, [got[what]]) for what, unit in MIXED_UNITS.items()]
        load = [directory / "open_load", "PORT", "PID", *MIXED_LOAD, bench.seconds]
        steps.append(Step(side, together(bench, command, load), run))
    return steps


def memory(bench):
    held = min(HELD, (raise_open_files() - SPARE) // 2)
    steps = []
    for side, command in echo_servers(bench).items():
        def run(side=side, command=command):
            with Server(bench.processes, side, command, bench.cores[0]) as server:
                rss, with_tables = idle_connection(server, held, b"x" * 64, 64)
            return [("memory/connection", side, "B", [rss]), ("memory/connection+tables", side, "B", [with_tables])]
        steps.append(Step(f"{held} idle connections, {side}", f"{typed(command, bench.cores[0])} & connect {held} times, "
                          "send and receive 64 B once, read VmRSS and VmPTE", run))
    return steps


def parked(bench):
    steps = program(bench, "memory") + program(bench, "memory", "stackless")
    for name in ("go", "tokio"):
        steps += peer(bench, name, "memory")
    for step in steps:
        second_time(step).command += ", twice; the second counts"
    deep = program(bench, "depth") + program(bench, "depth", "stackless") + program(bench, "depth", "bare")
    for name in DEPTH_PEERS:
        deep += peer(bench, name, "depth")
    for step in deep:
        step.name += ", below calls"
    return steps + deep


LOAD = ["bench/load", "bench/echo_fiber", "bench/echo_stackless", "bench/raw_echo_epoll"]
ECHO = {"echo": Workload("TCP echo of 64 B and of 16 KiB at 1, 100, 1,000 and 10,000 connections; of 16 KiB only at 100 in a quick run", echo, LOAD,
                         [*ECHO_PEERS.values(), "instructions"])}
CALLS = {"calls": Workload("system calls of the TCP echo for each message of 64 B, at 100 connections", calls, LOAD,
                           ["strace", *ECHO_PEERS.values()])}
HTTP = {"http": Workload("HTTP hello under wrk, 100 and 1,000 connections", http,
                         ["bench/raw_http_epoll", "examples/http_hello", "examples/http_hello_stackless"],
                         ["wrk", "nginx", *HTTP_PEERS.values()])}
MEMORY = {"memory": Workload("bytes of an idle connection, and of one that is parked, also below 1, 10 and 50 calls with "
                             "128 bytes of locals each; a million created and finished", lambda b: memory(b) + parked(b),
                             [*LOAD, "bench/memory", "bench/depth"],
                             [*ECHO_PEERS.values(), *DEPTH_PEERS])}
PROXY = {"proxy": Workload("a proxy: each message makes one call upstream, 64 B, 100 connections", proxy,
                           [*LOAD, "bench/proxy_fiber", "bench/proxy_stackless", "bench/raw_proxy_epoll"],
                           list(PROXY_PEERS.values()))}
MIXED = {"mixed": Workload("what clients wait for while one request in a hundred computes for 5 ms: 5,000 a second, each at its "
                           "time, over 100 connections", mixed,
                           ["bench/open_load", "bench/mixed_fiber", "bench/mixed_stackless"], list(MIXED_PEERS.values()))}
