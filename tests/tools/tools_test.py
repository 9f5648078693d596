#!/usr/bin/env python3
# SPDX-License-Identifier: BSL-1.0
"""./dev counts a test program right however it ends. Argument: the directory of a build with tests/misbehaving."""

import os
import re
import signal
import subprocess
import sys
import tempfile
import time
import unittest
from pathlib import Path
from unittest import mock

ROOT = Path(__file__).resolve().parents[2]
sys.path[:0] = [str(ROOT / "tools"), str(ROOT / "tests/support")]
import builds  # noqa: E402
import programs  # noqa: E402
import report  # noqa: E402
from count import Count  # noqa: E402

BUILD = Path(sys.argv.pop(1)).resolve()


class Case(unittest.TestCase):
    def setUp(self):
        directory = tempfile.TemporaryDirectory()
        self.addCleanup(directory.cleanup)
        self.log = Path(directory.name) / "log.txt"

    def run_cases(self, *cases):
        return programs.run("misbehaving", [str(BUILD / "tests/misbehaving"), "--test-case=" + ",".join(cases)],
                            self.log, {"WEFT_TEST_TIMEOUT": "1"}, timeout=60)

    def run_shell(self, script, timeout=60.0):
        return programs.run("shell", ["sh", "-c", script], self.log, timeout=timeout)


def ends(pid):
    """Whether a process that was killed is gone, or waits for its parent only."""
    for _ in range(1000):
        try:
            if Path(f"/proc/{pid}/stat").read_text().split()[2] == "Z":
                return True
        except (FileNotFoundError, ProcessLookupError):
            return True
        time.sleep(0.01)
    return False


class DoctestPrograms(Case):
    def test_what_passes_is_counted_as_passed(self):
        result = self.run_cases("passes")
        self.assertEqual((result.count, result.why), (Count(1, 0, 0), ""))

    def test_what_fails_is_counted_beside_what_passes(self):
        result = self.run_cases("passes", "fails")
        self.assertEqual((result.count, result.why), (Count(1, 1, 0), "1 failed"))

    def test_a_skipped_test_case_is_neither_passed_nor_failed(self):
        result = self.run_cases("passes", "is skipped")
        self.assertEqual((result.count, result.why), (Count(1, 0, 1), ""))

    def test_a_leaked_descriptor_fails_the_test_case_that_leaked_it(self):
        result = self.run_cases("passes", "leaks a descriptor")
        self.assertEqual(result.count, Count(1, 1, 0))
        self.assertIn("/dev/null", result.tail)

    def test_a_crash_is_one_failure_and_names_its_test_case(self):
        result = self.run_cases("passes", "crashes")
        self.assertEqual(result.count.failed, 1)
        self.assertEqual(result.why, 'SIGABRT during "crashes"')

    def test_a_hang_dies_with_its_dump(self):
        result = self.run_cases("hangs")
        self.assertEqual((result.count, result.why), (Count(0, 1, 0), 'SIGABRT during "hangs"'))
        self.assertIn("the dump of a hang", result.tail)

    def test_an_early_exit_with_status_zero_is_a_failure(self):
        result = self.run_cases("passes", "exits early")
        self.assertEqual(result.count.failed, 1)
        self.assertIn('"exits early" without a summary', result.why)

    def test_a_program_that_starts_itself_counts_its_own_test_cases_only(self):
        result = self.run_cases("passes", "starts its own program")
        self.assertEqual((result.count, result.why), (Count(2, 0, 0), ""))

    def test_a_program_that_runs_no_test_case_is_a_failure(self):
        result = self.run_cases("there is no such test case")
        self.assertEqual((result.count, result.why), (Count(0, 1, 0), "it ran no test case"))


class OtherPrograms(Case):
    def test_the_last_line_counts(self):
        self.assertEqual(self.run_shell("echo 1 passed, 0 failed; echo 3 passed, 0 failed, 2 skipped").count,
                         Count(3, 0, 2))

    def test_a_bad_exit_status_is_a_failure_whatever_the_line_says(self):
        result = self.run_shell("echo 3 passed, 0 failed; exit 3")
        self.assertEqual((result.count, result.why), (Count(3, 1, 0), "exit status 3"))

    def test_failures_count_once_though_the_exit_status_is_bad_too(self):
        self.assertEqual(self.run_shell("echo 3 passed, 2 failed; exit 1").count, Count(3, 2, 0))

    def test_no_line_is_a_failure(self):
        self.assertEqual(self.run_shell("echo all is well").count, Count(0, 1, 0))

    def test_a_hang_is_ended_with_its_children(self):
        result = self.run_shell("sleep 1000 & echo $!; sleep 1000", timeout=0.5)
        self.assertEqual((result.count, result.why), (Count(0, 1, 0), "no end after 0 s"))
        self.assertTrue(ends(int(self.log.read_text())), "the child lives on")

    def test_a_program_that_is_not_there_is_a_failure(self):
        result = programs.run("none", ["/nonexistent"], self.log)
        self.assertEqual(result.count, Count(0, 1, 0))


class Packages(Case):
    """tools/packages.sh with an apt-get, a sudo and an id that only say that they were called."""

    def need(self, *words, user=0, apt="exit 0", verb="need"):
        bin = self.log.parent / "bin"
        bin.mkdir()
        for name, script in {"apt-get": f'echo "apt-get $*"; {apt}', "sudo": 'echo sudo; exec "$@"',
                             "id": f"echo {user}"}.items():
            (bin / name).write_text(f"#!/bin/sh\n{script}\n")
            (bin / name).chmod(0o755)
        return subprocess.run(["bash", "-euc", '. tools/packages.sh; "$@"; echo done', "-", verb, *words], cwd=ROOT,
                              env={**os.environ, "PATH": f"{bin}:{os.environ['PATH']}"}, capture_output=True, text=True)

    def test_what_is_there_is_not_installed(self):
        done = self.need("dash=sh", "base-files=/etc/debian_version")
        self.assertEqual((done.stdout, done.stderr), ("done\n", ""))

    def test_only_what_is_missing_is_installed_and_root_needs_no_sudo(self):
        done = self.need("dash=sh", "one=/nonexistent/one", "two=nonexistent-two")
        self.assertIn("one two\n", done.stderr)
        self.assertNotIn("dash", done.stderr)
        self.assertNotIn("sudo", done.stderr)
        self.assertEqual(done.stdout, "done\n")

    def test_others_than_root_ask_sudo(self):
        self.assertIn("sudo\n", self.need("one=/nonexistent/one", user=1000).stderr)

    def test_an_installation_that_fails_ends_the_verb_and_says_what_is_missing(self):
        done = self.need("one=/nonexistent/one", apt="[ $1 = update ]")
        self.assertEqual((done.returncode, done.stdout), (1, ""))
        self.assertIn("could not install one", done.stderr)

    def test_a_probe_may_be_a_pattern(self):
        done = self.need("base-files=/etc/debian_ver*", "one=/nonexistent/*")
        self.assertIn("installing one,", done.stderr)

    def test_what_is_only_wanted_and_cannot_be_had_is_a_line_and_no_error(self):
        done = self.need("dash=sh", "one=/nonexistent/one", apt="[ $1 = update ]", verb="want")
        self.assertEqual((done.returncode, done.stdout), (0, "done\n"))
        self.assertIn("dev: going on without one\n", done.stderr)
        self.assertNotIn("without dash", done.stderr)


class Warnings(unittest.TestCase):
    def test_each_place_counts_once_and_only_warnings_do(self):
        said = ("a/../b/one.cpp:3:4: warning: ‘x’ [-Wx]\nc/one.cpp:3:4: warning: ‘y’ [-Wx]\n"
                "one.cpp:5:4: warning: z\none.cpp:6:4: note: no warning: here\n/usr/bin/ld: warning: w: executable stack\n")
        self.assertEqual(len(builds.warnings_of(said)), 3)
        self.assertFalse(builds.warnings_of("[1/2] Compiling C++ object warning.cpp.o\n"))


class Builds(Case):
    """builds.Build with a meson and a ninja that only say how they were called."""

    def setUp(self):
        super().setUp()
        self.root = self.log.parent
        for name in ["meson", "ninja"]:
            (self.root / name).write_text('#!/bin/sh\necho ${0##*/} "$@"\n[ ${0##*/} = ninja ] || : >$ROOT/one/build.ninja\n')
            (self.root / name).chmod(0o755)
        (self.root / "one").mkdir()
        path = f"{self.root}:{os.environ['PATH']}"
        for patch in [mock.patch.object(builds, "BUILD", self.root), mock.patch.dict(os.environ, PATH=path, ROOT=str(self.root))]:
            patch.start()
            self.addCleanup(patch.stop)

    def calls(self, **changes):
        self.assertTrue(builds.Build("one", **{"options": ["-Done=1"], **changes}).compile(self.log))
        return self.log.read_text().splitlines()

    def test_what_is_configured_is_only_compiled(self):
        self.assertRegex(self.calls()[0], "^meson setup (?!.*--wipe)")
        self.assertEqual([line.split()[0] for line in self.calls()], ["ninja"])

    def test_other_options_or_another_compiler_configure_anew(self):
        self.calls()
        self.assertIn("--wipe", self.calls(options=["-Done=2"])[0])
        self.assertIn("--wipe", self.calls(options=["-Done=2"], compiler="clang++-16")[0])
        self.assertEqual(len(self.calls(options=["-Done=2"], compiler="clang++-16")), 1)

    def test_a_library_that_was_installed_meanwhile_configures_anew(self):
        headers = self.root / "include"
        with mock.patch.object(builds, "HEADERS", headers):
            self.calls()
            (headers / "valgrind").mkdir(parents=True)
            (headers / "valgrind/valgrind.h").touch()
            self.assertIn("--wipe", self.calls()[0])
            self.assertEqual(len(self.calls()), 1)


class Measuring(unittest.TestCase):
    """What the demo and the benches start ends with them, however they end."""

    SCRIPT = """
import subprocess, sys, time
from processes import Processes
with Processes() as processes:
    server = processes.start(["sh", "-c", "sleep 1000 & echo $!; exec sleep 1000"], stdout=subprocess.PIPE)
    print(server.pid, server.stdout.readline(), flush=True)
    {then}
"""

    def left(self, then="time.sleep(1000)", by=None):
        """The exit status, and which of the server and its child have not ended."""
        with subprocess.Popen([sys.executable, "-c", self.SCRIPT.format(then=then)], stdout=subprocess.PIPE,
                              stderr=subprocess.DEVNULL, env={**os.environ, "PYTHONPATH": str(ROOT / "bench/support")},
                              text=True) as measuring:
            started = [int(word) for word in measuring.stdout.readline().split()]
            self.assertEqual(len(started), 2)
            if by:
                measuring.send_signal(by)
            status = measuring.wait(60)
        return status, [pid for pid in started if not ends(pid)]

    def test_when_all_is_done(self):
        self.assertEqual(self.left("pass"), (0, []))

    def test_when_something_fails(self):
        self.assertEqual(self.left("raise ValueError()"), (1, []))

    def test_on_ctrl_c(self):
        self.assertEqual(self.left(by=signal.SIGINT), (-signal.SIGINT, []))

    def test_on_an_end_from_outside(self):
        self.assertEqual(self.left(by=signal.SIGTERM), (128 + signal.SIGTERM, []))
        self.assertEqual(self.left(by=signal.SIGHUP), (128 + signal.SIGHUP, []))


class Dev(Case):
    def dev(self, *words):
        return subprocess.run([ROOT / "dev", *words], capture_output=True, text=True)

    def test_help_names_every_verb(self):
        verbs = re.findall(r"^  ([a-z]+)\) ", (ROOT / "dev").read_text(), re.M)
        self.assertGreater(len(verbs), 7)
        for verb in verbs:
            self.assertRegex(self.dev("help").stdout, rf"(?m)^  {verb} ")

    def test_a_verb_that_does_not_exist_is_an_error(self):
        self.assertEqual(self.dev("dance").returncode, 2)

    def test_a_leg_that_does_not_exist_is_an_error(self):
        self.assertNotEqual(self.dev("check", "nonsense").returncode, 0)

    def test_the_full_product_has_every_leg_of_the_usual_one(self):
        usual = set(self.dev("check", "--list").stdout.splitlines())
        full = set(self.dev("check", "--list", "--all").stdout.splitlines())
        self.assertLess(usual, full)
        self.assertLess({"release at 16", "debug at 1", "asan at 4", "tsan at 4", "boost-debug at 2", "aarch64"}, usual)


report.main()
