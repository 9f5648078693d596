# SPDX-License-Identifier: BSL-1.0
"""Processes that end with us: each is pinned, in a session of its own, and killed when the `with` block is left."""

import ctypes
import os
import select
import signal
import subprocess
import sys
import time

PR_SET_PDEATHSIG = 1
libc = ctypes.CDLL(None, use_errno=True)


def cores():
    """Two cores, one for each side: the first two that we may use."""
    mine = sorted(os.sched_getaffinity(0))
    if len(mine) < 2:
        sys.exit("this needs two cores: one for the server, one for its load")
    return mine[0], mine[1]


class Failure(Exception):
    """Something outside did not do what it should; the message names it."""


class Processes:
    """Leaving the block kills every process started in it and all that those started, also on Ctrl-C and SIGTERM, which
    arrive as exceptions. Should this process be killed outright, the kernel kills its children."""

    def __enter__(self):
        self.living = []
        signal.signal(signal.SIGINT, signal.default_int_handler)  # also where a shell's `&` had it ignored
        for number in (signal.SIGTERM, signal.SIGHUP):
            signal.signal(number, lambda n, frame: sys.exit(128 + n))
        return self

    def __exit__(self, *_):
        for number in (signal.SIGINT, signal.SIGTERM, signal.SIGHUP):
            signal.signal(number, signal.SIG_IGN)  # nothing interrupts the killing
        for process in list(self.living):
            self.end(process)

    def start(self, command, on=None, **how):
        """`on`: a core or several to run on."""
        def prepare():
            libc.prctl(PR_SET_PDEATHSIG, signal.SIGKILL)
            if on is not None:
                os.sched_setaffinity(0, {on} if isinstance(on, int) else set(on))
        how.setdefault("stdin", subprocess.DEVNULL)
        try:
            process = subprocess.Popen([str(word) for word in command], preexec_fn=prepare, start_new_session=True,
                                       text=True, **how)
        except FileNotFoundError as error:
            raise Failure(f"{command[0]} is not there") from error
        self.living.append(process)
        return process

    def end(self, process):
        try:
            os.killpg(process.pid, signal.SIGKILL)  # its session's group: started with setsid
        except ProcessLookupError:
            pass
        process.wait()
        for pipe in (process.stdout, process.stderr):
            if pipe:
                pipe.close()
        if process in self.living:
            self.living.remove(process)

    def output(self, command, on=None, timeout=600, **how):
        """What it printed; Failure if it failed or took too long."""
        process = self.start(command, on, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, **how)
        name = " ".join(str(word) for word in command)
        try:
            printed, _ = process.communicate(timeout=timeout)
        except subprocess.TimeoutExpired:
            raise Failure(f"{name}: not done after {timeout} s") from None
        finally:
            self.end(process)
        if process.returncode != 0:
            last = "\n".join(printed.splitlines()[-15:])
            raise Failure(f"{name}: failed with {process.returncode}\n{last}")
        return printed


def read_line(process, timeout, name):
    """One line of its output, in time."""
    end = time.monotonic() + timeout
    line = b""
    fd = process.stdout.fileno()
    while not line.endswith(b"\n"):
        ready, _, _ = select.select([fd], [], [], max(0, end - time.monotonic()))
        byte = os.read(fd, 1) if ready else b""
        if not byte:
            how = f"ended with {process.wait()}" if ready else f"said nothing for {timeout} s"
            raise Failure(f"{name} {how}")
        line += byte
    return line.decode().rstrip()
