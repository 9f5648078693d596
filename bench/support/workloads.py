# SPDX-License-Identifier: BSL-1.0
"""The workloads of ./dev bench compare, in the order of the report."""

import building
import servers
from workload import asked, program

WORKLOADS = {
    "switch": asked("one switch between two flows, one way", "switch", "boost_context", "boost_coroutine",
                    "python"),
    "yield": asked("a yield among 2, 100, 1,000 and 10,000", "yield", "boost_fiber", "go", "tokio", "python"),
    "spawn": asked("spawn and join, one at a time and 1,000 at once", "spawn", "boost_fiber", "go", "tokio", "python",
                   "threads"),
    "generator": asked("one pull of a generator, and a generator's life of three items", "generator", "boost_coroutine", "go",
                       "python"),
    "deep": asked("a wait below 1, 10 and 100 calls, and an item handed up through as many", "deep", "boost_fiber",
                  "boost_coroutine", "go", "python"),
    **servers.ECHO,
    **servers.CALLS,
    **servers.HTTP,
    **servers.MEMORY,
    "channel": asked("a value handed over: there and back, through a channel of 64, by select", "channel", "boost_fiber", "go",
                     "tokio", "threads", also=("channel_stackless",),
                     two=("weft", "boost_fiber", "go", "tokio", "threads")),
    "event": asked("10,000 who wait for one event are woken, and wait for the next: fan-out and fan-in", "event",
                   "boost_fiber", "go", "tokio", "threads"),
    "mutex": asked("a mutex that nobody else wants; one that 100 want on two cores", "mutex", "boost_fiber", "go", "tokio",
                   two=("weft", "boost_fiber", "go", "tokio")),
    "forkjoin": asked("fib(27) and skynet, one for each call, on one core and on two", "forkjoin", "boost_fiber", "go", "tokio",
                      "threads", mine=lambda b: program(b, "forkjoin", "1"),
                      two=("weft", "boost_fiber", "go", "tokio", "threads")),
    "timers": asked("100,000 random sleeps; a million deadlines set and cancelled", "timers", "go", "libuv", "tokio",
                    "asio_timers"),
    **servers.PROXY,
    **servers.MIXED,
    **building.WORKLOADS,
}
