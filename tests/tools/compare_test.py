#!/usr/bin/env python3
# SPDX-License-Identifier: BSL-1.0
"""The comparison keeps what was measured and goes on with the rest; its report says what the figures say."""

import copy
import json
import os
import shutil
import socket
import subprocess
import sys
import tempfile
import threading
import unittest
from pathlib import Path
from types import SimpleNamespace

sys.dont_write_bytecode = True
ROOT = Path(__file__).resolve().parents[2]
sys.path[:0] = [str(ROOT / "tests/support"), str(ROOT / "bench/support")]
import building  # noqa: E402
import comparison  # noqa: E402
import counting  # noqa: E402
import names  # noqa: E402
import report  # noqa: E402
import servers  # noqa: E402
from document import document  # noqa: E402
from judgement import figures, losses  # noqa: E402
from pictures import draw, pictures  # noqa: E402
from peers import CARGO, PEERS, SCRIPT  # noqa: E402
from processes import Failure  # noqa: E402
from questions import second_time  # noqa: E402
from summary import summary  # noqa: E402
from workload import Step  # noqa: E402
from workloads import WORKLOADS  # noqa: E402

CONTENT = json.loads(Path(__file__).with_name("compare.json").read_text())
comparison.say = lambda text: None  # the progress
MACHINE, SETTINGS = CONTENT["machine"], CONTENT["settings"]


def section(text, name):
    return text.split(f"\n## {name}\n\n")[1].split("\n## ")[0]


class Report(unittest.TestCase):
    def setUp(self):
        self.text = document(CONTENT, "# Why\n\n## yield\n\nBecause of the stack.\n")

    def test_the_first_paragraph_of_a_section_names_who_is_ahead(self):
        first = section(self.text, "yield").split("\n\n")[0]
        self.assertIn("**weft loses here**", first)
        self.assertIn("yield/2, weft, fibers: 5.00 ns against 2.50 ns of C++20 coroutines, bare (2.00x)", first)
        self.assertIn("yield/2, weft, stackless: 3.00 ns against 2.50 ns of C++20 coroutines, bare (1.20x, within the spread)",
                      first)
        self.assertNotIn("Go", first)

    def test_a_section_without_a_loss_says_so(self):
        self.assertEqual(section(self.text, "echo").split("\n\n")[0], "weft loses nowhere here.")

    def test_one_core_is_not_held_against_two(self):
        self.assertEqual(section(self.text, "forkjoin").split("\n\n")[0], "weft loses nowhere here.")

    def test_where_more_is_better_less_is_behind(self):
        content = copy.deepcopy(CONTENT)
        rps = figures(content["workloads"]["echo"])["echo/100x64/rps"]
        self.assertAlmostEqual(rps["weft"].behind(rps["raw"]), 1.1)
        self.assertAlmostEqual(rps["raw"].behind(rps["weft"]), 1 / 1.1)

    def test_two_forms_of_weft_do_not_beat_each_other(self):
        self.assertEqual([loss.side for loss in losses(figures(CONTENT["workloads"]["yield"]))], ["weft", "stackless"])

    def test_ratios_are_those_of_the_medians_to_the_fibers(self):
        rows = {line.split("|")[1].strip(): line.split("|")[-2].strip() for line in section(self.text, "yield").splitlines()
                if line.startswith("| ")}
        self.assertEqual({name: rows[name] for name in ("weft, fibers", "weft, stackless", "C++20 coroutines, bare", "Go")},
                         {"weft, fibers": "1.00", "weft, stackless": "0.60", "C++20 coroutines, bare": "0.50", "Go": "9.00"})

    def test_who_is_missing_is_named_with_the_reason(self):
        self.assertIn("- tokio: could not be installed: librust-tokio-dev", self.text)

    def test_a_step_that_failed_is_named(self):
        self.assertIn("Not measured: boost_fiber: it ended with 1.", section(self.text, "yield"))

    def test_every_command_stands_there(self):
        for workload in CONTENT["workloads"].values():
            for step in workload["steps"].values():
                self.assertIn(f"`{step['command']}`", self.text)

    def test_instructions_are_a_column_where_they_were_counted(self):
        self.assertNotIn("instructions", section(self.text, "echo"))
        content = copy.deepcopy(CONTENT)
        steps = content["workloads"]["echo"]["steps"]
        steps["raw"]["rounds"][0].append(["echo/100x64/instructions", "raw", "instr", [1234.0]])
        head, _, *rows = [line.split("|") for line in section(document(content, ""), "echo").splitlines() if line.startswith("|")]
        column = [cell.strip() for cell in head].index("instructions")
        self.assertEqual([row[column].strip() for row in rows], ["-", "1,234"])

    def test_the_machine_stands_there(self):
        for value in MACHINE.values():
            self.assertIn(str(value), self.text)

    def test_what_was_written_by_hand_stands_below_the_verdict(self):
        self.assertEqual(section(self.text, "yield").split("\n\n")[1], "Why: Because of the stack.")

    def test_the_short_form_has_the_medians_and_a_dash_for_what_was_not_measured(self):
        rows = {cells[1].strip(): [cell.strip() for cell in cells[2:-1]]
                for cells in (line.split("|") for line in summary(CONTENT).splitlines()) if len(cells) > 2}
        sides = figures(CONTENT["workloads"]["echo"])["echo/100x64/cpu"]
        self.assertEqual(rows[""][:3], ["weft, fibers", "weft, stackless", "the floor"])
        self.assertEqual(rows["echo/100x64/cpu, µs"][0], f"{sides['weft'].median:.2f}")
        self.assertEqual(rows["echo/100x64/cpu, µs"][2], f"{sides['raw'].median:.2f}")
        self.assertEqual(rows["echo/100x64/cpu, µs"][-1], "-")
        self.assertNotIn("yield/100, ns", rows)

    def test_the_short_form_of_nothing_has_no_row(self):
        self.assertNotIn("µs", summary({**CONTENT, "workloads": {}}))

    def test_the_same_figures_give_the_same_report(self):
        again = json.loads(json.dumps(CONTENT))
        self.assertEqual(document(again, ""), document(CONTENT, ""))

    def test_every_picture_is_shown_and_drawn(self):
        found = [picture for name, workload in CONTENT["workloads"].items() for picture in pictures(name, figures(workload))]
        self.assertEqual([name for name, _ in found], ["yield-ns", "forkjoin-ns", "echo-cpu", "echo-p99"])
        for name, _ in found:
            self.assertIn(f"({name}.svg)", self.text)
        if not shutil.which("gnuplot"):
            self.skipTest("there is no gnuplot")
        with tempfile.TemporaryDirectory() as directory:
            draw(directory, found)
            first = {path.name: path.read_bytes() for path in Path(directory).iterdir()}
            draw(directory, found)
            self.assertEqual(first, {path.name: path.read_bytes() for path in Path(directory).iterdir()})
            self.assertEqual(set(first), {f"{name}.svg" for name, _ in found})


class Rounds(unittest.TestCase):
    def setUp(self):
        directory = tempfile.TemporaryDirectory()
        self.addCleanup(directory.cleanup)
        self.path = Path(directory.name) / "compare.json"
        self.ran = []

    def step(self, name, **how):
        def run():
            self.ran.append(name)
            return [("m/1", name, "ns", [float(len(self.ran))])]
        return Step(name, f"./{name}", how.pop("run", run), **how)

    def go(self, *steps, rounds=2, machine=MACHINE, cores=2.0, limit=None):
        record = comparison.Record.continued(self.path, machine, SETTINGS)
        plan = [("w", record.step("w", "text", step), step) for step in steps]
        comparison.forget_what_did_not_count(plan)
        self.whole = comparison.ask(plan, rounds, record, lambda: cores, limit)
        record.save()
        return {name: len(step["rounds"]) for name, step in record.workloads["w"]["steps"].items()}

    def interrupted(self):
        raise KeyboardInterrupt

    def test_rounds_are_interleaved_and_nobody_is_always_first(self):
        self.go(self.step("a"), self.step("b"))
        self.assertEqual(self.ran, ["a", "b", "b", "a"])

    def test_an_interrupted_run_is_completed_and_nothing_is_measured_twice(self):
        with self.assertRaises(KeyboardInterrupt):
            self.go(self.step("a"), self.step("b", run=self.interrupted))
        self.assertEqual(self.ran, ["a"])
        self.assertEqual(self.go(self.step("a"), self.step("b")), {"a": 2, "b": 2})
        self.assertEqual(sorted(self.ran), ["a", "a", "b", "b"])
        self.assertTrue(self.whole)

    def test_another_revision_begins_anew_and_keeps_the_old_file_aside(self):
        self.go(self.step("a"))
        self.go(self.step("a"), machine={**MACHINE, "revision": "def5678"})
        self.assertEqual(len(self.ran), 4)
        self.assertTrue(self.path.with_suffix(".earlier.json").exists())

    def test_another_command_begins_anew(self):
        self.go(self.step("a"))
        other = self.step("a")
        other.command = "./a --other"
        self.go(other)
        self.assertEqual(len(self.ran), 4)

    def test_a_step_that_fails_is_named_and_the_rest_goes_on(self):
        def fails():
            raise Failure("it ended with 1\nand said\nsomething")
        self.assertEqual(self.go(self.step("a", run=fails), self.step("b")), {"a": 0, "b": 2})
        self.assertFalse(self.whole)
        self.assertEqual(json.loads(self.path.read_text())["workloads"]["w"]["steps"]["a"]["failed"],
                         "it ended with 1: something")
        self.assertEqual(self.go(self.step("a"), self.step("b")), {"a": 2, "b": 2})

    def test_two_cores_that_are_not_there_do_not_count_and_are_tried_again(self):
        self.go(self.step("a", two_cores=True), cores=1.2)
        self.assertEqual((self.ran, self.whole), ([], False))
        self.go(self.step("a", two_cores=True))
        self.assertEqual((self.ran, self.whole), (["a", "a"], True))

    def test_what_is_asked_once_is_asked_once(self):
        self.assertEqual(self.go(self.step("a", once=True), self.step("b")), {"a": 1, "b": 2})
        self.assertTrue(self.whole)

    def test_after_the_time_is_up_everything_was_measured_once(self):
        self.assertEqual(self.go(self.step("a"), self.step("b"), limit=1e-9), {"a": 1, "b": 1})
        self.assertFalse(self.whole)

    def test_the_remaining_time_is_that_of_the_rounds_that_are_left(self):
        entries = [{"seconds": 2.0, "rounds": [[]]}, {"rounds": []}]
        plan = [("w", entry, self.step("a")) for entry in entries]
        self.assertEqual(comparison.remaining(plan, 3), 2.0 * 2 + 2.0 * 3)


class Workloads(unittest.TestCase):
    def test_the_steps_of_a_workload_have_names_of_their_own(self):
        bench = SimpleNamespace(builds={"": ROOT / "build"}, directory=ROOT / "build", peers=dict.fromkeys(PEERS, "peer"),
                                cores=(0, 1), seconds=1.0)
        for name, workload in WORKLOADS.items():
            found = [step.name for step in workload.steps(bench)]
            self.assertEqual(sorted(found), sorted(set(found)), name)

    def test_a_quick_run_leaves_out_only_what_it_has_no_time_for(self):
        bench = SimpleNamespace(builds={"": ROOT / "build"}, directory=ROOT / "build", peers={}, cores=(0, 1), seconds=2.0)
        whole = {step.name for step in WORKLOADS["echo"].steps(bench)}
        bench.seconds = 0.3
        quick = {step.name for step in WORKLOADS["echo"].steps(bench)}
        self.assertEqual({name.split(" B")[0] for name in whole - quick}, {f"{n} x {size}" for n, size in servers.SLOW_LOADS})
        self.assertLess(quick, whole)

    def test_of_two_runs_the_second_counts(self):
        runs = iter(([("m", "cold", "s", [2.0])], [("m", "warm", "s", [1.0])]))
        step = Step("a", "./a", lambda: next(runs))
        self.assertEqual(list(second_time(step).run()), [("m", "warm", "s", [1.0])])

    def test_more_connections_than_open_files_are_refused_with_the_reason(self):
        servers.expect_descriptors(1)
        with self.assertRaisesRegex(Failure, "it takes 2000000000 open files"):
            servers.expect_descriptors(2_000_000_000)


class Load(unittest.TestCase):
    def echo(self, listener):
        """Serves those who come, one after the other, each until it has nothing to say for the moment."""
        listener.setblocking(False)
        peers = []
        while not self.ended.wait(0.001):
            try:
                peers.append(listener.accept()[0])
                peers[-1].setblocking(False)
            except BlockingIOError:
                pass
            for peer in peers:
                try:
                    peer.sendall(peer.recv(65536))
                except OSError:
                    pass
        for peer in peers:
            peer.close()

    def test_all_are_served_and_have_a_turn_before_the_measurement_and_one_in_it(self):
        connections = 5
        with tempfile.TemporaryDirectory() as directory, socket.create_server(("127.0.0.1", 0)) as listener:
            program = Path(directory) / "load"
            subprocess.run(["g++", "-std=c++20", ROOT / "bench/load.cpp", "-o", program], check=True)
            self.ended = threading.Event()
            thread = threading.Thread(target=self.echo, args=(listener,))
            thread.start()
            try:  # for no time at all
                command = [program, str(listener.getsockname()[1]), str(os.getpid()), str(connections), "64", "0"]
                said = subprocess.run(command, stdout=subprocess.PIPE, text=True, timeout=60, check=True).stdout
            finally:
                self.ended.set()
                thread.join()
        self.assertGreaterEqual(int(dict(line.split() for line in said.splitlines())["total"]), 3 * connections)


class Counting(unittest.TestCase):
    def test_a_thread_that_begins_later_is_counted_too(self):
        pages = 200
        def touch():
            memory = bytearray(pages * 16384)
            memory[::4096] = b"x" * len(memory[::4096])
        try:
            counter = counting.Counter(os.getpid(), *counting.PAGE_FAULTS)
        except Failure as failure:
            self.skipTest(str(failure))
        with counter:
            thread = threading.Thread(target=touch)
            thread.start()
            thread.join()
            self.assertGreaterEqual(counter.read(), pages)

    def test_who_is_not_there_is_not_counted(self):
        with self.assertRaises((Failure, OSError)):
            counting.Counter(2**22 + 1, *counting.PAGE_FAULTS)


class Peers(unittest.TestCase):
    def test_whoever_a_workload_is_compared_with_can_be_made(self):
        for name, workload in WORKLOADS.items():
            for peer in workload.peers:
                self.assertIn(peer, PEERS, name)

    def test_whatever_is_compiled_has_a_source(self):
        for name, (_, how) in PEERS.items():
            self.assertEqual((ROOT / "bench/peers" / name).is_dir(), how is not None and not callable(how), name)

    def test_a_crate_makes_the_program_that_is_looked_for(self):
        for name, (_, how) in PEERS.items():
            if how == CARGO:
                self.assertIn(f'name = "{name}_peer"', (ROOT / "bench/peers" / name / "Cargo.toml").read_text())

    def test_every_side_that_is_shown_has_a_name(self):
        self.assertLessEqual({*servers.ECHO_PEERS, *servers.HTTP_PEERS, *servers.PROXY_PEERS, *servers.MIXED_PEERS,
                              *building.THEIRS}, set(names.SIDES))

    def test_every_server_can_be_made(self):
        for found in (servers.ECHO_PEERS, servers.HTTP_PEERS, servers.PROXY_PEERS, servers.MIXED_PEERS, building.THEIRS):
            self.assertLessEqual(set(found.values()), set(PEERS))

    def test_a_script_can_be_run(self):
        for name, (_, how) in PEERS.items():
            if how == SCRIPT:
                self.assertTrue(os.access(ROOT / "bench/peers" / name / "main.py", os.X_OK), name)

    def test_whoever_is_asked_on_two_cores_is_told_so(self):
        bench = SimpleNamespace(builds={"": ROOT / "build"}, directory=ROOT / "build", peers=dict.fromkeys(PEERS, "peer"),
                                cores=(0, 1), seconds=1.0)
        for name, workload in WORKLOADS.items():
            for step in workload.steps(bench):
                told = "=2 " in step.command or step.command.endswith(" 2")
                self.assertEqual((step.two_cores, "taskset -c 0,1" in step.command), (told, told), f"{name}, {step.name}")


report.main()
