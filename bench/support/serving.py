# SPDX-License-Identifier: BSL-1.0
"""Servers under load on loopback: what they take of the CPU, of memory and of the kernel's calls."""

import re
import resource
import socket
import subprocess
import time
from pathlib import Path

from processes import Failure, read_line

ANSWER_WITHIN = 5  # seconds
TAIL = Path(__file__).with_name("tail.lua")  # wrk itself does not print p99.9


def raise_open_files():
    """As many descriptors as the hard limit allows, inherited by the servers."""
    _, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    resource.setrlimit(resource.RLIMIT_NOFILE, (hard, hard))
    return hard if hard != resource.RLIM_INFINITY else 1 << 30


class Server:
    """A server that prints "listening on HOST:PORT", or whose port is known; ends when the block is left."""

    def __init__(self, processes, name, command, core, port=None):
        self.processes, self.name, self.command, self.core, self.port = processes, name, command, core, port

    def __enter__(self):
        prints = self.port is None
        self.process = self.processes.start(self.command, self.core,
                                            stdout=subprocess.PIPE if prints else subprocess.DEVNULL)
        if prints:
            said = read_line(self.process, ANSWER_WITHIN, self.name)
            found = re.search(r":(\d+)$", said)
            if not found:
                raise Failure(f"{self.name} printed {said!r}, not where it listens")
            self.port = int(found[1])
        self.connect().close()
        return self

    def __exit__(self, *_):
        self.processes.end(self.process)

    def connect(self):
        end = time.monotonic() + ANSWER_WITHIN
        while True:
            try:
                return socket.create_connection(("127.0.0.1", self.port), ANSWER_WITHIN)
            except OSError as error:
                if self.process.poll() is not None:
                    raise Failure(f"{self.name} ended with {self.process.returncode}") from None
                if time.monotonic() > end:
                    raise Failure(f"{self.name} cannot be connected to on port {self.port}: {error}") from None
                time.sleep(0.02)

    def ask(self, connection, request, length=None):
        """Sends, and returns the answer: a whole HTTP head and body, or `length` bytes."""
        try:
            connection.sendall(request)
            got = b""
            while len(got) < length if length else not whole_answer(got):
                more = connection.recv(65536)
                if not more:
                    raise Failure(f"{self.name} closed a connection after {len(got)} bytes of an answer")
                got += more
            return got
        except OSError as error:
            raise Failure(f"{self.name} on port {self.port} did not answer: {error}") from None

    def check_http(self):
        with self.connect() as connection:
            answer = self.ask(connection, HTTP_REQUEST)
            if not answer.startswith(b"HTTP/1.1 200 "):
                raise Failure(f"{self.name} answered {answer[:60]!r}")

    def cpu(self):
        """Seconds of CPU of all its threads so far, to the nanosecond, and of those that have ended."""
        if self.process.poll() is not None:
            raise Failure(f"{self.name} ended with {self.process.returncode}")
        return time.clock_gettime(~self.process.pid << 3 | 2)  # the number that clock_getcpuclockid would give

    def memory(self):
        """Resident bytes and bytes of page tables."""
        status = Path(f"/proc/{self.process.pid}/status").read_text()
        kib = {key: int(re.search(rf"^{key}:\s+(\d+)", status, re.M)[1]) for key in ("VmRSS", "VmPTE")}
        return kib["VmRSS"] * 1024, kib["VmPTE"] * 1024


HTTP_REQUEST = b"GET / HTTP/1.1\r\nHost: 127.0.0.1\r\n\r\n"


def whole_answer(got):
    head, end, body = got.partition(b"\r\n\r\n")
    if not end:
        return False
    length = re.search(rb"(?i)\r\ncontent-length: *(\d+)", head)
    return len(body) >= int(length[1] if length else 0)


def idle_connection(server, count, request=HTTP_REQUEST, length=None):
    """Resident bytes, and those with page tables, that each of `count` connections takes which was used once."""
    warm = []
    for _ in range(50):  # what the first connections bring into being is not theirs
        warm.append(server.connect())
        server.ask(warm[-1], request, length)
    before = server.memory()
    held = []
    try:
        for _ in range(count):
            held.append(server.connect())
            server.ask(held[-1], request, length)
        time.sleep(0.2)
        after = server.memory()
    finally:
        for connection in warm + held:
            connection.close()
    rss, tables = ((b - a) / count for a, b in zip(before, after))
    return rss, rss + tables


def wrk_command(connections, seconds, port):
    return ["wrk", "-t1", f"-c{connections}", f"-d{seconds}s", "--latency", "-s", TAIL, f"http://127.0.0.1:{port}/"]


def wrk(processes, server, connections, seconds, core):
    """CPU microseconds per request of the server, requests per second, p50, p99 and p99.9 in microseconds."""
    server.check_http()
    before = server.cpu()
    said = processes.output(wrk_command(connections, seconds, server.port), core, timeout=seconds + 30)
    cpu = server.cpu() - before
    wrong = re.search(r"Socket errors:.*|Non-2xx.*", said)
    if wrong:
        raise Failure(f"{server.name} at {connections} connections: {wrong[0].strip()}")
    requests = int(re.search(r"(\d+) requests in", said)[1])
    if requests == 0:
        raise Failure(f"{server.name} answered nothing to wrk in {seconds} s")
    return {"cpu": cpu / requests * 1e6, "rps": float(re.search(r"Requests/sec:\s+([\d.]+)", said)[1]),
            "p50": microseconds(said, 50), "p99": microseconds(said, 99),
            "p999": float(re.search(r"^p999 ([\d.]+)$", said, re.M)[1])}


def microseconds(said, percent):
    number, unit = re.search(rf"^\s+{percent}%\s+([\d.]+)(us|ms|s)\s*$", said, re.M).groups()
    return float(number) * {"us": 1, "ms": 1e3, "s": 1e6}[unit]
