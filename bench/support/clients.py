# SPDX-License-Identifier: BSL-1.0
"""The questions about client libraries that know nothing of weft: their blocking calls on fibers, and what else each
offers to do much at once. The servers are those of tests/clients; they have the second core, the clients the first.
"""

import contextlib
import importlib.util
import os
import subprocess
import tempfile

from figures import ROOT
from peers import HIREDIS, LIBCURL, LIBPQ
from processes import Failure
from questions import Question, Step, samples

# By its path: `servers` is the name of a module here, too.
_where = importlib.util.spec_from_file_location("servers_of_clients", ROOT / "tests" / "clients" / "servers.py")
of_tests = importlib.util.module_from_spec(_where)
_where.loader.exec_module(of_tests)


class PinnedServer(of_tests.Server):
    """On a core of its own, and ended with us as all that the benches start."""

    def __init__(self, processes, core, directory):
        super().__init__(directory)
        self.processes, self.core = processes, core

    def start(self, *command):
        with open(self.log, "a") as log:
            self.process = self.processes.start([*self.user, *command], self.core, stdout=log, stderr=subprocess.STDOUT,
                                                cwd=self.directory)

    def stop(self):
        super().stop()
        if self.process:
            self.processes.end(self.process)

    def leave_root(self):
        super().leave_root()
        if self.user:  # who changes the user forgets what to do when the parent dies
            self.user.append(f"--pdeathsig={self.farewell.name.removeprefix('SIG')}")


@contextlib.contextmanager
def served(bench, name):
    """What its clients are told."""
    with tempfile.TemporaryDirectory(prefix="weft-") as directory:
        os.chmod(directory, 0o755)
        server = PinnedServer(bench.processes, bench.cores[1], directory)
        try:
            yield of_tests.SERVERS[name](server)
        except (RuntimeError, of_tests.Missing) as error:
            raise Failure(f"{name}: {error}") from None
        finally:
            server.stop()


def asked(name, arguments, *peers):
    """The program NAME_hooked of ours and these peers, each against a server of its own. `arguments`: made of what its
    clients are told."""
    def steps(bench):
        found = [("weft" + mark, [directory / "bench" / f"{name}_hooked"], mark)
                 for mark, directory in bench.builds.items()]
        found += [(peer, [bench.peers[peer]], "") for peer in peers if peer in bench.peers]
        def run(command, mark):
            with served(bench, name) as told:
                said = bench.processes.output([*command, *arguments(told)], bench.cores[0], timeout=120)
            yield from samples(said, mark)
        return [Step(side, lambda c=command, m=mark: run(c, m)) for side, command, mark in found]
    return steps


CLIENTS = {
    "redis": Question("a GET by hiredis: its blocking calls on 100 fibers, its asynchronous ones, 100 threads",
                      asked("redis", str.split, "hiredis_async", "hiredis_threads"), ["bench/redis_hooked"],
                      ["hiredis_async", "hiredis_threads"], ["redis-server=redis-server", HIREDIS]),
    "postgres": Question("100 queries of 0.2 s at once by libpq, on fibers and on threads",
                         asked("postgres", lambda told: [told], "libpq_threads"), ["bench/postgres_hooked"],
                         ["libpq_threads"], ["postgresql=/usr/lib/postgresql/*/bin/postgres", LIBPQ]),
    "curl": Question("a download of 1 KiB by libcurl, 100 at once: its easy interface on fibers, its multi interface",
                     asked("curl", lambda told: [f"http://127.0.0.1:{told.split()[0]}/small"], "curl_multi",
                           "curl_threads"),
                     ["bench/curl_hooked"], ["curl_multi", "curl_threads"],
                     ["nginx-light=/usr/sbin/nginx", "openssl=openssl", LIBCURL]),
}
