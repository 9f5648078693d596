# SPDX-License-Identifier: BSL-1.0
"""How sides, units and kinds of figures are called in a report."""

from judgement import form

SIDES = {
    "weft": "weft, fibers", "stackless": "weft, stackless", "cxx20": "C++20 coroutines, bare", "raw": "raw epoll loop",
    "boost_context": "Boost.Context", "boost_coroutine": "Boost.Coroutine2", "boost_fiber": "Boost.Fiber", "go": "Go",
    "python": "Python", "threads": "std::thread", "std": "std::thread", "condvar": "std::thread and condition variable",
    "threads_fib16": "std::thread, fib(16) only", "threads_1000": "std::thread, 1,000 leaves only",
    "asio": "Asio", "asio_callbacks": "Asio, callbacks", "asio_awaitable": "Asio, awaitable", "asio_spawn": "Asio, spawn",
    "libuv": "libuv",
    "asyncio": "Python asyncio", "uvloop": "Python asyncio on uvloop", "nginx": "nginx", "tokio": "tokio",
}
UNITS = {"us": "µs", "B": "bytes"}
KINDS = {"cpu": "CPU µs each", "rps": "each second", "p50": "p50 µs", "p99": "p99 µs", "p999": "p99.9 µs", "p9999": "p99.99 µs",
         "instructions": "instructions"}


def label(side):
    base, cores = form(side)
    return SIDES.get(base, base) + (f", {cores} cores" if cores > 1 else "")


def unit_name(unit):
    return UNITS.get(unit, unit)
