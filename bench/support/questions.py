# SPDX-License-Identifier: BSL-1.0
"""The questions of ./dev bench: what one round of each runs. A round yields samples: (measure, side, unit, values)."""

import os
import re
import signal
import socket
import subprocess
import time
from dataclasses import dataclass, field
from typing import Callable

from processes import Failure
from serving import Server, idle_connection, raise_open_files, wrk


@dataclass(frozen=True)
class Question:
    text: str
    steps: Callable  # of a Bench: a list of steps; each is called once a round and yields samples
    targets: list[str] = field(default_factory=list)  # of meson
    peers: list[str] = field(default_factory=list)
    packages: list[str] = field(default_factory=list)  # words for `need` of tools/packages.sh: not asked without them


@dataclass
class Step:
    side: str
    run: Callable  # yields samples
    two_cores: bool = False  # counts only where there really are two
    once: bool = False  # in the first round only


def parse(said):
    for line in said.splitlines():
        words = line.split()
        if len(words) >= 4 and "/" in words[0]:
            yield words[0], words[1], words[2], [float(word) for word in words[3:]]


def of_weft(side):
    return side.split("@")[0] in ("weft", "weft-2", "stackless", "stackless-2")


def samples(said, mark):
    """What a program of that revision printed. The floors in it are the same in all revisions, and count once."""
    for measure, side, unit, values in parse(said):
        if not mark:
            yield measure, side, unit, values
        elif of_weft(side):
            yield measure, side + mark, unit, values


def program(bench, name, *arguments, two_cores=False, once=False):
    """One step for each revision that is measured: the program prints its samples."""
    on = bench.cores if two_cores else bench.cores[:1]
    def step(directory, mark):
        def run():
            yield from samples(bench.processes.output([directory / "bench" / name, *arguments], on), mark)
        return Step("weft" + mark, run, two_cores, once)
    return [step(directory, mark) for mark, directory in bench.builds.items()]


def peer(bench, name, question, procs=1):
    if name not in bench.peers:
        return []
    two = procs > 1
    def run():
        yield from parse(bench.processes.output([bench.peers[name], question], bench.cores if two else bench.cores[:1],
                                                env=dict(os.environ, GOMAXPROCS=str(procs))))
    return [Step(name, run, two)]


def second_time(step):
    """Counts the second of two runs. A virtual machine's host may take back memory that is free for some seconds; whoever
    runs first then waits for gigabytes of it (measured: 7 us a page, then 2), and the next one finds it there."""
    once = step.run
    def run():
        list(once())
        return once()
    step.run = run
    return step


def servers(bench, fibers, stackless, raw, *arguments):
    """Side: command. The raw loop takes further arguments; those of other revisions have their mark."""
    found = {"raw": [bench.builds[""] / raw, "0", *arguments]}
    for mark, directory in bench.builds.items():
        found["weft" + mark] = [directory / fibers, "0"]
        found["stackless" + mark] = [directory / stackless, "0"]
    return found


def echo(bench):
    steps = []
    for connections, size, seconds in ((100, 64, 1.0), (1000, 64, 1.0), (100, 16384, 1.0), (1, 64, 0.5)):
        each = ["each"] if size > 4096 else []  # big messages: one buffer for each connection on all sides
        for side, command in servers(bench, "bench/echo_fiber", "bench/echo_stackless", "bench/raw_echo_epoll", *each).items():
            steps.append(Step(side, lambda s=side, c=command, n=connections, b=size, t=seconds: one_echo(bench, s, c, n, b, t)))
    if "strace" in bench.peers:
        for connections in (100, 1):
            for side, command in servers(bench, "bench/echo_fiber", "bench/echo_stackless", "bench/raw_echo_epoll").items():
                steps.append(Step(side, lambda s=side, c=command, n=connections: syscalls(bench, s, c, n), once=True))
    return steps


def drive(bench, server, connections, size, seconds):
    said = bench.processes.output([bench.builds[""] / "bench" / "load", server.port, server.process.pid, connections, size,
                                   seconds], bench.cores[1], timeout=seconds * 2 + 30)
    return {name: float(value) for name, value in (line.split() for line in said.splitlines())}


def hooks(bench):
    steps = program(bench, "read_hooked")
    for connections in (100, 1000):
        for mark, directory in bench.builds.items():
            for side, name in (("hooked", "echo_hooked"), ("weft", "echo_fiber")):
                steps.append(Step(side + mark, lambda s=side + mark, c=[directory / "bench" / name, "0"], n=connections:
                                  one_echo(bench, s, c, n, 64, 1.0, "hooks/echo")))
    return steps


def one_echo(bench, side, command, connections, size, seconds, measure="echo"):
    with Server(bench.processes, side, command, bench.cores[0]) as server:
        got = drive(bench, server, connections, size, seconds)
    name = f"{measure}/{connections}x{size}"
    yield f"{name}/cpu", side, "us", [got["cpu"]]
    yield f"{name}/p99", side, "us", [got["p99"]]


def syscalls(bench, side, command, connections, lengths=(0.5, 2.0)):
    """Calls per message: the difference between a long and a short run, so that connecting and closing cancel out."""
    counted = []
    for seconds in lengths:
        with Server(bench.processes, side, command, bench.cores[0]) as server:
            summary = bench.directory / "strace.txt"
            summary.unlink(missing_ok=True)
            tracer = bench.processes.start([bench.peers["strace"], "-f", "-c", "-U", "calls,name", "-o", summary, "-p", server.process.pid],
                                           bench.cores[1], stderr=subprocess.DEVNULL)
            wait_traced(server.process.pid)
            got = drive(bench, server, connections, 64, seconds)
            tracer.send_signal(signal.SIGINT)
            tracer.wait(10)
            bench.processes.end(tracer)
        total = re.search(r"^\s*(\d+)\s+total$", summary.read_text(), re.M)
        if not total:
            raise Failure(f"strace counted nothing of {side}")
        counted.append((int(total[1]), got["total"]))
    (few, short), (many, long) = counted
    yield f"echo/{connections}x64/syscalls", side, "calls", [(many - few) / (long - short)]


def wait_traced(pid):
    end = time.monotonic() + 5
    while time.monotonic() < end:
        tasks = os.listdir(f"/proc/{pid}/task")
        if all("TracerPid:\t0" not in open(f"/proc/{pid}/task/{task}/status").read() for task in tasks):
            return
        time.sleep(0.01)
    raise Failure(f"strace did not attach to {pid}")


def http(bench):
    steps = []
    commands = servers(bench, "examples/http_hello", "examples/http_hello_stackless", "bench/raw_http_epoll")
    for side, command in commands.items():
        steps.append(Step(side, lambda s=side, c=command: one_http(bench, s, c)))
    if "nginx" in bench.peers:
        steps.append(Step("nginx", lambda: one_http(bench, "nginx", *nginx(bench))))
    for side, command in commands.items():
        steps.append(Step(side, lambda s=side, c=command: idle_http(bench, s, c), once=True))
    return steps


def one_http(bench, side, command, port=None):
    with Server(bench.processes, side, command, bench.cores[0], port) as server:
        got = wrk(bench.processes, server, 100, 2, bench.cores[1])
    yield "http/100/cpu", side, "us", [got["cpu"]]
    yield "http/100/p99", side, "us", [got["p99"]]


def idle_http(bench, side, command):
    held = min(5000, (raise_open_files() - 100) // 2)
    with Server(bench.processes, side, command, bench.cores[0]) as server:
        rss, with_tables = idle_connection(server, held)
    yield "http/idle", side, "B", [rss]
    yield "http/idle+tables", side, "B", [with_tables]


def nginx(bench):
    with socket.create_server(("127.0.0.1", 0)) as free:
        port = free.getsockname()[1]
    home = bench.directory / "nginx"
    home.mkdir(parents=True, exist_ok=True)
    temporary = "".join(f"{name}_temp_path {home}/{name}; " for name in ("client_body", "proxy", "fastcgi", "uwsgi", "scgi"))
    (home / "nginx.conf").write_text(
        f"daemon off; master_process off; worker_processes 1; pid {home}/pid; error_log {home}/error.log crit;\n"
        f"events {{ worker_connections 4096; }}\n"
        f"http {{ access_log off; keepalive_requests 1000000000; {temporary}\n"
        f"  server {{ listen 127.0.0.1:{port}; default_type text/plain; return 200 'Hello, world!\\n'; }} }}\n")
    return [bench.peers["nginx"], "-p", home, "-c", home / "nginx.conf", "-e", home / "error.log"], port


SERVING = ["bench/load", "bench/raw_echo_epoll", "bench/raw_http_epoll"]
QUESTIONS = {
    "switch": Question("one switch between two flows, one way",
                       lambda b: program(b, "switch") + peer(b, "boost_context", "switch"), ["bench/switch"], ["boost_context"]),
    "yield": Question("a yield among 2, 100, 1,000 and 10,000 fibers",
                      lambda b: program(b, "yield") + peer(b, "boost_fiber", "yield") + peer(b, "go", "yield"),
                      ["bench/yield"], ["boost_fiber", "go"]),
    "spawn": Question("spawn and join, one at a time and 1,000 at once",
                      lambda b: program(b, "spawn") + peer(b, "boost_fiber", "spawn") + peer(b, "go", "spawn"),
                      ["bench/spawn"], ["boost_fiber", "go"]),
    "generator": Question("one pull of a generator, on a fiber and on a plain thread; a life of three items",
                          lambda b: program(b, "generator") + peer(b, "boost_coroutine", "generator"), ["bench/generator"],
                          ["boost_coroutine"]),
    "wake": Question("a wake-up on another core, from a worker and from a thread; what an idle runtime uses",
                     lambda b: program(b, "wake", two_cores=True) + program(b, "wake", "idle", once=True), ["bench/wake"]),
    "forkjoin": Question("fib(27) and skynet with a fiber for each call, on one and on two workers",
                         lambda b: program(b, "forkjoin", "1") + peer(b, "go", "forkjoin") +
                         program(b, "forkjoin", "2", two_cores=True) + peer(b, "go", "forkjoin", 2),
                         ["bench/forkjoin"], ["go"]),
    "echo": Question("TCP echo: server CPU per message, p99, system calls per message",
                     echo, [*SERVING, "bench/echo_fiber", "bench/echo_stackless"], ["strace"]),
    "http": Question("http_hello under wrk: server CPU per request, p99, memory of an idle connection",
                     http, [*SERVING, "examples/http_hello", "examples/http_hello_stackless"], ["wrk", "nginx"]),
    "timers": Question("100,000 random sleeps; a million deadlines set and cancelled",
                       lambda b: program(b, "timers") + peer(b, "go", "timers") + peer(b, "libuv", "timers"),
                       ["bench/timers"], ["go", "libuv"]),
    "memory": Question("a million parked fibers: bytes of each, seconds to create and finish them",
                       lambda b: [second_time(step) for step in program(b, "memory") + peer(b, "go", "memory")],
                       ["bench/memory"], ["go"]),
    "channel": Question("a value handed over: there and back, through a channel of 64, by select; sieve and chameneos",
                        lambda b: program(b, "channel") + peer(b, "go", "channel") +
                        program(b, "channel", "2", two_cores=True) + peer(b, "go", "channel", 2),
                        ["bench/channel"], ["go"]),
    "event": Question("10,000 who wait for one event are woken, and wait for the next",
                      lambda b: program(b, "event") + peer(b, "go", "event"), ["bench/event"], ["go"]),
    "mutex": Question("a mutex that nobody else wants; one that 100 fibers want on two workers",
                      lambda b: program(b, "mutex") + program(b, "mutex", "2", two_cores=True) + peer(b, "go", "mutex", 2),
                      ["bench/mutex"], ["go"]),
    "blocking": Question("a call on another thread, there and back; 64 callers of four threads",
                         lambda b: program(b, "blocking"), ["bench/blocking"]),
    "hooks": Question("a hooked read on a plain thread; an echo server of libc's blocking calls, on fibers",
                      hooks, ["bench/load", "bench/read_hooked", "bench/echo_hooked", "bench/echo_fiber"]),
}
