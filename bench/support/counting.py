# SPDX-License-Identifier: BSL-1.0
"""How many instructions a process executes in user space, where the machine counts them: by perf_event_open."""

import ctypes
import os
import platform
import struct

from processes import Failure

CALL = {"x86_64": 298, "aarch64": 241, "riscv64": 241}  # the number of perf_event_open
INSTRUCTIONS = (0, 1)  # type, number: PERF_TYPE_HARDWARE, PERF_COUNT_HW_INSTRUCTIONS
PAGE_FAULTS = (1, 2)  # a counter of the kernel's own, which every machine has
INHERIT, EXCLUDE_KERNEL, EXCLUDE_HYPERVISOR = 1 << 1, 1 << 5, 1 << 6
CLOSE_ON_EXEC = 1 << 3
libc = ctypes.CDLL(None, use_errno=True)


def opened(thread, kind, number):
    """A descriptor that counts for the thread, and for those that it starts from now on."""
    flags = INHERIT | EXCLUDE_KERNEL | EXCLUDE_HYPERVISOR
    attributes = struct.pack("=IIQQQQQIIQ", kind, 64, number, 0, 0, 0, flags, 0, 0, 0)
    if platform.machine() not in CALL:
        raise Failure(f"nobody knows here how {platform.machine()} counts")
    fd = libc.syscall(CALL[platform.machine()], attributes, thread, -1, -1, ctypes.c_ulong(CLOSE_ON_EXEC))
    if fd < 0:
        raise Failure(f"the machine does not count them: perf_event_open: {os.strerror(ctypes.get_errno())}")
    return fd


class Counter:
    """Counts from here on for the threads that the process has, and for those that they start."""

    def __init__(self, pid, kind, number):
        self.fds = []
        try:
            for thread in os.listdir(f"/proc/{pid}/task"):
                self.fds.append(opened(int(thread), kind, number))
        except BaseException:
            self.__exit__()
            raise

    def __enter__(self):
        return self

    def __exit__(self, *_):
        for fd in self.fds:
            os.close(fd)
        self.fds = []

    def read(self):
        return sum(struct.unpack("=Q", os.read(fd, 8))[0] for fd in self.fds)


def expect_instructions():
    """Failure where they are not counted."""
    with Counter(os.getpid(), *INSTRUCTIONS) as counter:
        if counter.read() == 0:
            raise Failure("the machine counts none")
