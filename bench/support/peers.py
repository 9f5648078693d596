# SPDX-License-Identifier: BSL-1.0
"""The programs that weft is held against: which Debian packages they need, how they are compiled."""

import os
import shutil
import subprocess
import sys

from figures import ROOT
from processes import Failure

CXX = ["g++", "-std=c++20", "-O2", "-pthread"]

# Name: the words for `need` of tools/packages.sh, and the compilation (SOURCE and OUTPUT are replaced), if any.
PEERS = {
    "go": (["golang-go=go"], ["go", "build", "-o", "OUTPUT", "SOURCE/main.go"]),
    "boost_fiber": (["libboost-fiber-dev=/usr/include/boost/fiber/all.hpp"],
                    [*CXX, "SOURCE/main.cpp", "-o", "OUTPUT", "-lboost_fiber", "-lboost_context"]),
    "boost_context": (["libboost-context-dev=/usr/include/boost/context/fiber.hpp"],
                      [*CXX, "SOURCE/main.cpp", "-o", "OUTPUT", "-lboost_context"]),
    "boost_coroutine": (["libboost-context-dev=/usr/include/boost/context/fiber.hpp"],
                        [*CXX, "SOURCE/main.cpp", "-o", "OUTPUT", "-lboost_context"]),
    "libuv": (["libuv1-dev=/usr/include/uv.h"], [*CXX, "SOURCE/main.cpp", "-o", "OUTPUT", "-luv"]),
    "nginx": (["nginx-light=/usr/sbin/nginx"], None),
    "wrk": (["wrk=wrk"], None),
    "strace": (["strace=strace"], None),
}


def install(words):
    """What ./dev does for itself: says what is missing, then installs it. False if that failed."""
    return subprocess.run(["bash", "-c", 'set -euo pipefail; . tools/packages.sh; need "$@"', "need", *words],
                          cwd=ROOT).returncode == 0


def provide(processes, name, directory):
    """The peer's program, installed and compiled if need be; None if it cannot be had."""
    words, compilation = PEERS[name]
    if not install(words):
        return None
    if compilation is None:
        return shutil.which(name) or f"/usr/sbin/{name}"
    source, output = ROOT / "bench" / "peers" / name, directory / f"{name}_peer"
    newest = max(f.stat().st_mtime for folder in (source, ROOT / "bench" / "support") for f in folder.iterdir())
    if not output.exists() or output.stat().st_mtime < newest:
        command = [word.replace("SOURCE", str(source)).replace("OUTPUT", str(output)) for word in compilation]
        print(f"compiling {name}: {' '.join(command)}", file=sys.stderr, flush=True)
        try:
            processes.output(command, env=dict(os.environ, GOCACHE=str(directory / "go-cache"), GO111MODULE="off"))
        except Failure as failure:
            print(f"without {name}: {failure}", file=sys.stderr)
            return None
    return output
