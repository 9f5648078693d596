#!/usr/bin/python3
# SPDX-License-Identifier: BSL-1.0
"""The questions of bench/ asked of Python's generators and asyncio: main.py switch|yield|spawn|generator|deep|depth."""

import array
import asyncio
import sys
import time

REPEATS = 3


def expect(right, what):
    if not right:
        sys.exit(f"not measured: {what}")


def several(measure, once):
    values = " ".join(f"{once():.4f}" for _ in range(REPEATS))
    print(measure, "python", "ns", values, flush=True)


def per(count, begun):
    return (time.perf_counter_ns() - begun) / count


def switch():
    trips = 1_000_000

    def one_way():
        visits = 0

        def answer():
            nonlocal visits
            while True:
                visits += 1
                yield
        there = answer()
        begun = time.perf_counter_ns()
        for _ in range(trips):
            next(there)
        took = per(2 * trips, begun)
        expect(visits == trips, "the other flow did not run each time")
        return took
    several("switch/one-way", one_way)


def yields():
    total = 100_000

    async def turns(count):
        taken, last = 0, -1

        async def body(me):
            nonlocal taken, last
            for _ in range(total // count):
                taken += last != me
                last = me
                await asyncio.sleep(0)
        begun = time.perf_counter_ns()
        await asyncio.gather(*(body(i) for i in range(count)))
        took = per(total, begun)
        expect(taken > total * 9 // 10, "the tasks did not take turns")
        return took
    for count in (2, 100, 1_000, 10_000):
        several(f"yield/{count}", lambda: asyncio.run(turns(count)))


def spawn():
    total = 50_000

    async def batches(batch):
        ran = 0

        async def body():
            nonlocal ran
            ran += 1
        begun = time.perf_counter_ns()
        for _ in range(total // batch):
            for task in [asyncio.create_task(body()) for _ in range(batch)]:
                await task
        took = per(total, begun)
        expect(ran == total, "not every task ran")
        return took
    for batch in (1, 1_000):
        several(f"spawn/{batch}", lambda: asyncio.run(batches(batch)))


def count_to(end):
    for i in range(end):
        yield i


def generator():
    pulls, lives, items = 2_000_000, 200_000, 3

    def pull():
        begun = time.perf_counter_ns()
        total = sum(count_to(pulls))
        took = per(pulls, begun)
        expect(total == pulls * (pulls - 1) // 2, "not every item came")
        return took

    def life():
        total, begun = 0, time.perf_counter_ns()
        for _ in range(lives):
            for item in count_to(items):
                total += item
        took = per(lives, begun)
        expect(total == lives * items * (items - 1) // 2, "not every item came")
        return took
    several("generator/pull", pull)
    several("generator/life", life)


def each_depth(measure, once):
    values = {1: [], 10: [], 100: []}
    for _ in range(REPEATS):
        for depth, so_far in values.items():
            so_far.append(once(depth))
    values["level"] = [(b - a) / 99 for a, b in zip(values[1], values[100])]
    for what, so_far in values.items():
        print(f"{measure}/{what}", "python", "ns", *(f"{value:.4f}" for value in so_far), flush=True)


def deep():
    descents, items = 2_000, 50_000

    async def wait(depth):
        if depth == 0:
            await asyncio.sleep(0)
            return 0
        return await wait(depth - 1) + 1

    async def waits(depth):
        return sum([await wait(depth) for _ in range(descents)])

    async def two(depth):
        begun = time.perf_counter_ns()
        total = sum(await asyncio.gather(waits(depth), waits(depth)))
        took = per(2 * descents, begun)
        expect(total == 2 * descents * depth, "not every level was reached")
        return took

    def delegating(depth):
        if depth > 1:
            yield from delegating(depth - 1)
        else:
            yield from range(items)

    def handed_up(depth):
        begun = time.perf_counter_ns()
        total = sum(delegating(depth))
        took = per(items, begun)
        expect(total == items * (items - 1) // 2, "not every item came")
        return took
    each_depth("deep/await", lambda depth: asyncio.run(two(depth)))
    each_depth("deep/yield", handed_up)


def resident():
    """Bytes of this process, with page tables."""
    with open("/proc/self/status", encoding="ascii") as status:
        return sum(int(line.split()[1]) * 1024 for line in status if line.startswith(("VmRSS:", "VmPTE:")))


def depth():
    count, there, right = 10_000, 0, 0

    async def below(calls, end):
        nonlocal there
        mine = array.array("q", range(calls, calls + 16))
        if calls > 1:
            total = await below(calls - 1, end)
        else:
            there += 1
            await end.wait()
            total = 0
        return total + sum(mine)

    async def park():
        nonlocal right
        end, tasks = asyncio.Event(), []
        for calls in (1, 10, 50):
            before = resident()
            tasks += [asyncio.create_task(below(calls, end)) for _ in range(count)]
            while there < len(tasks):
                await asyncio.sleep(0)
            print(f"memory/below/{calls}", "python", "B", f"{(resident() - before) / count:.4f}", flush=True)
            right += count * sum(16 * first + 120 for first in range(1, calls + 1))
        end.set()
        expect(sum(await asyncio.gather(*tasks)) == right, "not every call came back")
    asyncio.run(park())


if __name__ == "__main__":
    questions = {"switch": switch, "yield": yields, "spawn": spawn, "generator": generator, "deep": deep, "depth": depth}
    if len(sys.argv) != 2 or sys.argv[1] not in questions:
        sys.exit("usage: main.py " + "|".join(questions))
    questions[sys.argv[1]]()
