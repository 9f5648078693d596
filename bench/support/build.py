# SPDX-License-Identifier: BSL-1.0
"""The release build that the benches and the demo run: a directory of its own below build/."""

import os

from figures import ROOT
from processes import Failure


def build(processes, targets, source=ROOT, directory=None):
    """Compiles those targets of the checkout `source` and returns the directory they are in."""
    directory = directory or source / "build" / "bench"
    quiet = dict(cwd=source, timeout=3600)
    if not (directory / "build.ninja").exists():
        processes.output(["meson", "setup", directory, "--buildtype=release", "-Dtests=disabled", "-Dexamples=true",
                          "-Dbenches=true"], **quiet)
    known = (directory / "build.ninja").read_text()
    if not all(f"\nbuild {target}:" in known for target in targets):  # a library was not there when that was written
        processes.output(["meson", "setup", "--reconfigure", directory], **quiet)
    processes.output(["ninja", "-C", directory, *targets], env=dict(os.environ, NINJA_STATUS="[%f/%t] "), **quiet)
    for target in targets:
        if not (directory / target).exists():
            raise Failure(f"ninja made no {target} in {directory}")
    return directory
