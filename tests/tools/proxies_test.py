#!/usr/bin/env python3
# SPDX-License-Identifier: BSL-1.0
"""The proxies of the comparison pass on what came, whatever its size: those that need no packages, by themselves."""

import signal
import socket
import subprocess
import sys
import tempfile
import threading
import unittest
from pathlib import Path

sys.dont_write_bytecode = True
ROOT = Path(__file__).resolve().parents[2]
sys.path[:0] = [str(ROOT / "tests/support"), str(ROOT / "bench/support")]
import report  # noqa: E402
from processes import Processes  # noqa: E402
from serving import Server  # noqa: E402


class Proxies(unittest.TestCase):
    def setUp(self):
        for number in (signal.SIGINT, signal.SIGTERM, signal.SIGHUP):  # which Processes leaves ignored
            self.addCleanup(signal.signal, number, signal.getsignal(number))

    def upstream(self, listener):
        while True:
            try:
                peer = listener.accept()[0]
            except OSError:
                return
            threading.Thread(target=self.echo, args=(peer,), daemon=True).start()

    def echo(self, peer):
        with peer:
            while got := peer.recv(5000):  # the answer comes in parts
                peer.sendall(got)

    def asked(self, command):
        sent = bytes(range(256)) * 1000
        with socket.create_server(("127.0.0.1", 0)) as listener:
            threading.Thread(target=self.upstream, args=(listener,), daemon=True).start()
            with Processes() as processes, \
                    Server(processes, "proxy", [*command, "0", listener.getsockname()[1]], None) as proxy:
                for _ in range(2):
                    with proxy.connect() as client:
                        self.assertEqual(proxy.ask(client, b"short", 5), b"short")
                        sender = threading.Thread(target=client.sendall, args=(sent,))
                        sender.start()
                        self.assertEqual(proxy.ask(client, b"", len(sent)), sent)
                        sender.join()

    def compiled(self, source):
        with tempfile.TemporaryDirectory() as directory:
            program = Path(directory) / "proxy"
            subprocess.run(["g++", "-std=c++20", "-pthread", ROOT / source, "-o", program], check=True)
            self.asked([program])

    def test_the_raw_loop_passes_on_what_came_and_its_answer(self):
        self.compiled("bench/raw_proxy_epoll.cpp")

    def test_threads_pass_on_what_came_and_its_answer(self):
        self.compiled("bench/peers/threads_proxy/main.cpp")

    def test_asyncio_passes_on_what_came_and_its_answer(self):
        self.asked([sys.executable, ROOT / "bench/peers/asyncio_proxy/main.py"])


report.main()
