# SPDX-License-Identifier: BSL-1.0
"""What the steps of all questions share: processes, cores, where the programs lie."""

import sys

from figures import ROOT
from processes import cores

REAL_CORES = 1.9  # what two spinning threads must do of one for a figure of two cores to count


def say(text):
    print(text, file=sys.stderr, flush=True)


class Bench:
    def __init__(self, processes):
        self.processes = processes
        self.cores = cores()
        self.directory = ROOT / "build" / "bench"
        self.builds = {}  # "" and, for another revision, "@REVISION": its build directory
        self.peers = {}  # name: program

    def control(self):
        return float(self.processes.output([self.builds[""] / "bench" / "spin"], self.cores))
