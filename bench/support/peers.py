# SPDX-License-Identifier: BSL-1.0
"""The programs that weft is held against: which Debian packages they need, how they are compiled."""

import os
import shutil
import subprocess
import sys

from counting import expect_instructions
from figures import ROOT
from processes import Failure

CXX = ["g++", "-std=c++20", "-O2", "-pthread"]
GO = ["go", "build", "-o", "OUTPUT", "SOURCE/main.go"]
ASIO = "libboost-dev=/usr/include/boost/asio.hpp"
CONTEXT = "libboost-context-dev=/usr/lib/*/libboost_context.so"  # libboost-dev has the headers of all
HIREDIS = "libhiredis-dev=/usr/include/hiredis/hiredis.h"
LIBPQ = "libpq-dev=/usr/include/postgresql/libpq-fe.h"
LIBCURL = "libcurl4-openssl-dev=curl-config"
SPAWN = ["libboost-coroutine-dev=/usr/share/doc/libboost-coroutine-dev", CONTEXT]  # asio::spawn of 1.74 stands on both
SPAWNING = [*CXX, "-DBOOST_COROUTINES_NO_DEPRECATION_WARNING", "SOURCE/main.cpp", "-o", "OUTPUT", "-lboost_coroutine",
            "-lboost_context"]
PYTHON = "python3-minimal=/usr/bin/python3"  # the distribution's own, which sees the modules that it packages
UVLOOP = "python3-uvloop=/usr/lib/python3/dist-packages/uvloop/__init__.py"
AIOHTTP = "python3-aiohttp=/usr/lib/python3/dist-packages/aiohttp/__init__.py"
SCRIPT = "SOURCE/main.py"
# By Debian's compiler, from the crates that are Debian packages, without a network; away from the source, beside which
# cargo would write. One directory for what it makes, or each peer would compile tokio anew.
CARGO = ["sh", "-euc", "mkdir -p OUTPUT.cargo && cp -r SOURCE/. OUTPUT.cargo && cd OUTPUT.cargo && "
         "RUSTC=/usr/bin/rustc CARGO_TARGET_DIR=$(dirname OUTPUT)/cargo /usr/bin/cargo build --offline --release "
         "--config 'source.crates-io.replace-with=\"debian\"' "
         "--config 'source.debian.directory=\"/usr/share/cargo/registry\"' && "
         "cp $(dirname OUTPUT)/cargo/release/$(basename SOURCE)_peer OUTPUT"]
TOKIO = ["cargo=/usr/bin/cargo", "librust-tokio-dev=/usr/share/doc/librust-tokio-dev"]

# Name: the words for `need` of tools/packages.sh, and the compilation (SOURCE and OUTPUT are replaced), the script, or
# what says whether the machine can do it, if any.
PEERS = {
    "go": (["golang-go=go"], [*GO, "SOURCE/generator.go", "SOURCE/memory.go"]),
    "go_echo": (["golang-go=go"], GO),
    "go_http": (["golang-go=go"], GO),
    "boost_fiber": (["libboost-fiber-dev=/usr/lib/*/libboost_fiber.so"],
                    [*CXX, "SOURCE/main.cpp", "-o", "OUTPUT", "-lboost_fiber", "-lboost_context"]),
    "boost_context": ([CONTEXT], [*CXX, "SOURCE/main.cpp", "-o", "OUTPUT", "-lboost_context"]),
    "boost_coroutine": ([CONTEXT], [*CXX, "SOURCE/main.cpp", "-o", "OUTPUT", "-lboost_context"]),
    "threads": ([], [*CXX, "SOURCE/main.cpp", "-o", "OUTPUT"]),
    "threads_echo": ([], [*CXX, "SOURCE/main.cpp", "-o", "OUTPUT"]),
    "threads_proxy": ([], [*CXX, "SOURCE/main.cpp", "-o", "OUTPUT"]),
    "asio_callbacks": ([ASIO], [*CXX, "SOURCE/main.cpp", "-o", "OUTPUT"]),
    "asio_awaitable": ([ASIO], [*CXX, "SOURCE/main.cpp", "-o", "OUTPUT"]),
    "asio_spawn": ([ASIO, *SPAWN], SPAWNING),
    "asio_spawn_depth": ([ASIO, *SPAWN], SPAWNING),
    "asio_spawn_proxy": ([ASIO, *SPAWN], SPAWNING),
    "asio_depth": ([ASIO], [*CXX, "SOURCE/main.cpp", "-o", "OUTPUT"]),
    "asio_timers": ([ASIO], [*CXX, "SOURCE/main.cpp", "-o", "OUTPUT"]),
    "asio_mixed": ([ASIO], [*CXX, "SOURCE/main.cpp", "-o", "OUTPUT"]),
    "go_mixed": (["golang-go=go"], GO),
    "threads_http": ([], [*CXX, "SOURCE/main.cpp", "-o", "OUTPUT"]),
    "asio_callbacks_http": ([ASIO], [*CXX, "SOURCE/main.cpp", "-o", "OUTPUT"]),
    "asio_http": ([ASIO], [*CXX, "SOURCE/main.cpp", "-o", "OUTPUT"]),
    "asio_spawn_http": ([ASIO, *SPAWN], SPAWNING),
    "asio_callbacks_proxy": ([ASIO], [*CXX, "SOURCE/main.cpp", "-o", "OUTPUT"]),
    "asio_proxy": ([ASIO], [*CXX, "SOURCE/main.cpp", "-o", "OUTPUT"]),
    "go_proxy": (["golang-go=go"], GO),
    "tokio": ([*TOKIO, "librust-async-channel-dev=/usr/share/doc/librust-async-channel-dev"], CARGO),
    "tokio_echo": (TOKIO, CARGO),
    "tokio_http": ([*TOKIO, "librust-hyper-dev=/usr/share/doc/librust-hyper-dev"], CARGO),
    "tokio_mixed": (TOKIO, CARGO),
    "tokio_proxy": (TOKIO, CARGO),
    "libuv": (["libuv1-dev=/usr/include/uv.h"], [*CXX, "SOURCE/main.cpp", "-o", "OUTPUT", "-luv"]),
    "libuv_echo": (["libuv1-dev=/usr/include/uv.h"], [*CXX, "SOURCE/main.cpp", "-o", "OUTPUT", "-luv"]),
    "libuv_http": (["libuv1-dev=/usr/include/uv.h"], [*CXX, "SOURCE/main.cpp", "-o", "OUTPUT", "-luv"]),
    "libuv_proxy": (["libuv1-dev=/usr/include/uv.h"], [*CXX, "SOURCE/main.cpp", "-o", "OUTPUT", "-luv"]),
    "hiredis_async": ([HIREDIS], [*CXX, "SOURCE/main.cpp", "-o", "OUTPUT", "-lhiredis"]),
    "hiredis_threads": ([HIREDIS], [*CXX, "SOURCE/main.cpp", "-o", "OUTPUT", "-lhiredis"]),
    "libpq_threads": ([LIBPQ], [*CXX, "-I/usr/include/postgresql", "SOURCE/main.cpp", "-o", "OUTPUT", "-lpq"]),
    "curl_multi": ([LIBCURL], [*CXX, "SOURCE/main.cpp", "-o", "OUTPUT", "-lcurl"]),
    "curl_threads": ([LIBCURL], [*CXX, "SOURCE/main.cpp", "-o", "OUTPUT", "-lcurl"]),
    "python": ([PYTHON], SCRIPT),
    "asyncio": ([PYTHON], SCRIPT),
    "asyncio_http": ([PYTHON, AIOHTTP], SCRIPT),
    "asyncio_proxy": ([PYTHON], SCRIPT),
    "uvloop": ([PYTHON, UVLOOP], SCRIPT),
    "uvloop_http": ([PYTHON, UVLOOP, AIOHTTP], SCRIPT),
    "uvloop_proxy": ([PYTHON, UVLOOP], SCRIPT),
    "nginx": (["nginx-light=/usr/sbin/nginx"], None),
    "wrk": (["wrk=wrk"], None),
    "strace": (["strace=strace"], None),
    "instructions": ([], expect_instructions),  # a peer like strace: something that counts, or does not
}


def install(words):
    """What ./dev does for itself: says what is missing, then installs it. False if that failed."""
    return subprocess.run(["bash", "-c", 'set -euo pipefail; . tools/packages.sh; need "$@"', "need", *words],
                          cwd=ROOT, stdin=subprocess.DEVNULL).returncode == 0


def obtain(processes, name, directory):
    """The peer's program, installed and compiled if need be. Failure says why it cannot be had."""
    words, how = PEERS[name]
    if not install(words):
        raise Failure("could not be installed: " + ", ".join(word.split("=")[0] for word in words))
    if callable(how):
        return how()
    if how is None:
        return shutil.which(name) or f"/usr/sbin/{name}"
    source, output = ROOT / "bench" / "peers" / name, directory / f"{name}_peer"
    if how == SCRIPT:
        return source / "main.py"
    newest = max(f.stat().st_mtime for f in (*source.rglob("*.*"), *(ROOT / "bench" / "support").glob("*.hpp")))
    if not output.exists() or output.stat().st_mtime < newest:
        command = [word.replace("SOURCE", str(source)).replace("OUTPUT", str(output)) for word in how]
        print(f"compiling {name}: {' '.join(command)}", file=sys.stderr, flush=True)
        try:
            processes.output(command, env=dict(os.environ, GOCACHE=str(directory / "go-cache"), GO111MODULE="off"))
        except Failure as failure:
            raise Failure(f"could not be compiled\n{failure}") from None
    return output


def provide(processes, name, directory):
    """The peer's program; None, said aloud, if it cannot be had."""
    try:
        return obtain(processes, name, directory)
    except Failure as failure:
        print(f"without {name}: {failure}", file=sys.stderr)
        return None
