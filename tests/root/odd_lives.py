# SPDX-License-Identifier: GPL-2.0-only
"""Programs that throw, jump, fork, exec and load libraries are traced, and live."""

import json
import os
import tempfile

import seep_test
from seep_test import Recording, WORKLOADS, Workload, heap_totals, record_work


class OddLives(seep_test.SeepTestCase):
    def assert_leak_is_found(self, report, truth, function):
        totals = heap_totals(report, function)
        self.assertEqual({name: totals[name] for name in ("live_count", "live_bytes")},
                         {name: truth[name] for name in ("live_count", "live_bytes")})

    def test_exceptions_and_jumps_out_of_allocators(self):
        with Workload("thrower") as workload:
            truth, report = record_work(workload)
        self.assert_leak_is_found(report, truth, "leak_now")

    def test_library_loaded_after_attaching(self):
        library = os.path.join(WORKLOADS, "libleaky_library.so")
        with Workload("dlopen_late", library) as workload:
            truth, report = record_work(workload)
        self.assert_leak_is_found(report, truth, "leak_from_library")
        stack = next(s for s in report["stacks"]
                     if seep_test.stack_calls(s, ["leak_from_library"]))
        self.assertEqual(stack["frames"][1]["module"], "libleaky_library.so")

    def check_libraries_in_turn(self, names, rounds, milliseconds):
        libraries = [os.path.join(WORKLOADS, f"libin_turn_{name}.so") for name in names]
        with Workload("libraries_in_turn", *libraries, rounds, milliseconds) as workload:
            truth, report = record_work(workload)
        self.assertEqual(truth["same_place"], rounds - 1)
        stacks = [s for s in report["stacks"]
                  if seep_test.stack_calls(s, ["leak_from_library"])]
        told = {}
        for stack in stacks:
            functions = " ".join(frame["function"] for frame in stack["frames"][1:5])
            modules = {frame["module"] for frame in stack["frames"][1:4]}
            told[functions, *modules] = told.get((functions, *modules), 0) + stack["live_count"]
            self.assertFalse(stack["truncated"], stack)
        self.assertEqual(told, {
            (f"inner_{name} middle_{name} leak_from_library main", f"libin_turn_{name}.so"):
            truth["live_count"] for name in names})

    def test_libraries_that_take_turns_at_one_place(self):
        # Some rounds for each snapshot; then a snapshot or two for each round.
        self.check_libraries_in_turn(("first", "third"), 100, 0)
        self.check_libraries_in_turn(("first", "third"), 6, 300)

    def test_libraries_that_take_turns_and_are_laid_out_alike(self):
        self.check_libraries_in_turn(("first", "second"), 100, 0)
        self.check_libraries_in_turn(("first", "second"), 6, 300)

    def test_children_of_the_target_live(self):
        with Workload("forker") as workload:
            truth, report = record_work(workload)
        self.assertEqual(truth["children_ended_well"], truth["children"])
        self.assert_leak_is_found(report, truth, "leak_in_parent")

    def test_target_becomes_another_program(self):
        with Workload("execer", os.path.join(WORKLOADS, "exact_threads"), 2) as workload, \
                Recording(workload.pid) as recording:
            workload.start_working()
            self.assertEqual(workload.wait_until_ready(), workload.pid)
            workload.work()
            self.assertTrue(workload.alive())
            # Recording goes on with the new program, or ends: it does not fail.
            if recording.process.poll() is None:
                recording.stop()
            else:
                recording.finish()
            self.assertGreaterEqual(recording.report()["window"]["snapshots"], 1)

    def test_target_ends(self):
        with Workload("eight_functions") as workload, Recording(workload.pid) as recording:
            truth = workload.work()
            workload.start_working()  # the last step of the protocol: exit
            recording.finish()
            self.assert_totals_are_the_truth(recording.report(), truth)

    def test_launched_program_is_traced_from_its_first_instruction(self):
        with tempfile.TemporaryDirectory() as directory:
            path = os.path.join(directory, "launched.seep")
            result = seep_test.run("record", "--sample", "exact", "-o", path, "--",
                                   os.path.join(WORKLOADS, "eight_functions"))
            self.assertEqual(result.returncode, 0, result.stderr)
            report = json.loads(seep_test.run("report", path, "--format", "json").stdout)
        self.assertEqual(heap_totals(report, "main")["live_bytes"], 8 * 30_000)


if __name__ == "__main__":
    seep_test.main()
