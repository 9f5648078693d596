# SPDX-License-Identifier: BSL-1.0
"""./dev check, test and san: compiles builds, runs legs, two at a time, while the next build compiles, and counts test
cases."""

import argparse
import os
import re
import sys
import threading
import time
from concurrent.futures import ThreadPoolExecutor

import legs
import steps
from builds import BUILD, warnings_of
from console import say
from count import Count
from programs import failure


# Tests wait a good deal, for each other and for processes: alone a leg keeps little more than one core busy.
SIDE_BY_SIDE = 2

ERROR = re.compile(r"error:|ERROR|FAILED|undefined reference|multiple definition|No such file")


def main():
    options = arguments()
    plan = [step for step in planned(options)
            if not options.names or options.quick or any(name in step.name for name in options.names)]
    if options.list:
        print("\n".join(step.name for step in plan))
        return 0
    if not plan:
        sys.exit(f"dev: no leg is called {' or '.join(options.names)}; `./dev check --list` names them")
    builds = Compilation([step.build for step in plan if step.build])
    total = Count()
    failed = []
    with ThreadPoolExecutor(SIDE_BY_SIDE) as pool:
        for step, results in zip(plan, pool.map(lambda step: run(step, builds), plan)):
            total += sum((result.count for result in results), Count())
            failed += [f"{step.name}: {result.name}: {result.why}" for result in results if result.why]
    for line in failed:
        say("FAILED " + line)
    print(total, flush=True)
    return 0 if total.good else 1


def arguments():
    parser = argparse.ArgumentParser(prog="./dev check", description="Everything that a change must pass.")
    parser.add_argument("names", nargs="*", help="only the legs whose name contains one of these; test: rooms")
    parser.add_argument("--all", action="store_true", help="the full product of builds and worker counts")
    parser.add_argument("--list", action="store_true", help="name the legs and do nothing")
    parser.add_argument("--stress", type=int, default=60, metavar="SECONDS", help="how long the stress run takes")
    parser.add_argument("--quick", action="store_true", help=argparse.SUPPRESS)
    parser.add_argument("--sanitizers", action="store_true", help=argparse.SUPPRESS)
    return parser.parse_args()


def planned(options):
    """The steps in their order: what needs no build runs while the first one compiles."""
    if options.quick:
        return as_steps(legs.legs_of(legs.QUICK, options.names))
    if options.sanitizers:
        chosen = [name for name, _ in legs.MATRIX if name.endswith("san")]
        return [step for name in chosen for step in steps_of(name, legs.MATRIX)]
    matrix = legs.FULL if options.all else legs.MATRIX
    plan = steps.house()
    for name, _ in matrix:
        plan += steps_of(name, matrix)
        if name == "release":
            plan += [steps.tools(), steps.consumer(), steps.valgrind(), steps.clients(steps.BUILDS["release"]),
                     steps.stress(steps.BUILDS["release"], options.stress)]
            if options.all:
                plan += [steps.orders(steps.BUILDS["release"]), steps.last_acts(steps.BUILDS["release"])]
    return plan


def steps_of(name, matrix):
    """A build proves that it catches its planted bugs before its tests count."""
    proofs = [steps.planted(steps.BUILDS[name])] if any(name in builds for _, builds, _ in steps.PLANTED) else []
    return proofs + as_steps(legs.legs_of([row for row in matrix if row[0] == name]))


def as_steps(chosen):
    return [steps.Step(leg.name, leg.build, leg.run) for leg in chosen]


def run(step, builds):
    """Runs a step once its build is there, says what came of it, and returns its results."""
    reason = builds.wait(step.build)
    begin = time.monotonic()
    logs = BUILD / "logs" / step.name.replace(" ", "-").replace("/", "-")
    if reason:
        results = [failure("build", reason)]
    else:
        results = step.run(logs, lambda: legs.TIMEOUT - (time.monotonic() - begin)) or [
            failure(step.name, "nothing ran")]
    count = sum((result.count for result in results), Count())
    say(f"{step.name:28} {str(count):40} {time.monotonic() - begin:5.0f} s")
    for result in results:
        if result.why:
            say(f"  {step.name}: {result.name}: {result.why}; see {os.path.relpath(logs)}", result.tail)
    return results


class Compilation(threading.Thread):
    """Compiles the builds in their order, ahead of those who run them."""

    def __init__(self, wanted):
        super().__init__(daemon=True)
        self.builds = list({build.name: build for build in wanted}.values())
        self.done = {build.name: threading.Event() for build in self.builds}
        self.errors = {}
        BUILD.mkdir(exist_ok=True)
        self.start()

    def run(self):
        for build in self.builds:
            begin = time.monotonic()
            log = BUILD / f"{build.name}.txt"
            try:
                good = build.compile(log)
            except OSError as error:
                good = False
                log.write_text(f"{error}\n")
            if good:
                say(f"{build.name:28} {compiled_with(warnings_of(log.read_text(errors='replace'))):40} "
                    f"{time.monotonic() - begin:5.0f} s")
            else:
                say(f"{build.name:28} does not compile; see {os.path.relpath(log)}",
                    "\n".join(errors_of(log.read_text(errors="replace"))))
                self.errors[build.name] = f"{build.name} does not compile"
            self.done[build.name].set()

    def wait(self, build):
        """Returns why the build is not there, or an empty string."""
        if build is None:
            return ""
        self.done[build.name].wait()
        return self.errors.get(build.name, "")


def compiled_with(warnings):
    """Compilers disagree about them, so they are told and do not fail."""
    return f"compiled, warnings: {len(warnings)}" if warnings else "compiled"


def errors_of(text):
    """The lines of a failed compilation that say why, else its end."""
    lines = text.splitlines()
    return [line for line in lines if ERROR.search(line)][:30] or lines[-30:]


sys.exit(main())
