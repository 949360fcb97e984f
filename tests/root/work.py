# SPDX-License-Identifier: GPL-2.0-only
"""--work and --work-file: units of work are counted, and recorded with every snapshot."""

import json
import os
import sqlite3
import tempfile

import seep_test
from seep_test import Recording, Workload


def work_of(path):
    with sqlite3.connect(path) as recording:
        return [row[0] for row in recording.execute("SELECT work FROM snapshot ORDER BY id")]


class Work(seep_test.SeepTestCase):
    def test_calls_of_a_function(self):
        with Workload("many_stacks", 3) as workload, \
                Recording(workload.pid, "--work", "handle_request") as recording:
            truth = workload.work()
            recording.stop()
            counts = work_of(recording.path)
            report = recording.report()
            compared = seep_test.run("diff", recording.path, recording.path, "--per", "work",
                                     "--base-window", ":2s", "--window", "2s:", "--format", "json")
        self.assertEqual(counts[0], 0)
        self.assertEqual(counts, sorted(counts))
        self.assertEqual(report["process"]["work"]["count"], counts[-1])
        leak = next(stack for stack in report["stacks"]
                    if seep_test.stack_calls(stack, ["handle_request"]))
        growth = leak["growth_per_1000_work"]
        # 89 bytes every eighth request
        self.assertTrue(0.95 < growth["bytes"] / (1000 * 89 / 8) < 1.05, growth)
        self.assertIn("per 1,000 units of work", " ".join(recording.text.split()))
        self.assertTrue(growth["low"] <= growth["bytes"] <= growth["high"], growth)
        self.assertEqual(compared.returncode, 0, compared.stderr)
        self.assertEqual(json.loads(compared.stdout)["per"], "work")
        # One call in eight leaks, the first among them.
        leaks = truth["leak"]["count"]
        self.assertIn(counts[-1], range(8 * (leaks - 1) + 1, 8 * leaks + 1))

    def test_a_count_in_a_file(self):
        with tempfile.NamedTemporaryFile("w", suffix=".count") as counter, \
                Workload("many_stacks", 2) as workload:
            counter.write("41\n")
            counter.flush()
            with Recording(workload.pid, "--work-file", counter.name) as recording:
                counter.seek(0)
                counter.write("141\n")
                counter.flush()
                workload.work()
                recording.stop()
                counts = work_of(recording.path)
        self.assertEqual((counts[0], counts[-1]), (0, 100))

    def test_without_work_there_is_none(self):
        with Workload("many_stacks", 1) as workload, Recording(workload.pid) as recording:
            workload.work()
            recording.stop()
            self.assertEqual(set(work_of(recording.path)), {None})
            report = recording.report()
            self.assertIsNone(report["process"]["work"])
            self.assertIsNone(report["process"]["growth_per_1000_work"])
            self.assert_fails(2, "diff", recording.path, recording.path, "--per", "work")

    def test_what_cannot_be_counted_is_refused(self):
        with Workload("many_stacks", 1) as workload:
            absent = seep_test.run("record", "-p", workload.pid, "--work", "no_such_function")
            self.assertEqual(absent.returncode, 3, absent.stderr)
            self.assertIn("no_such_function", absent.stderr)
            no_file = seep_test.run("record", "-p", workload.pid, "--work-file", "/nonexistent")
            self.assertEqual(no_file.returncode, 2, no_file.stderr)
            both = seep_test.run("record", "-p", workload.pid, "--work", "main", "--work-file",
                                 os.devnull)
            self.assertEqual(both.returncode, 2, both.stderr)
            self.assertEqual(seep_test.changed_text(workload.pid), [])


if __name__ == "__main__":
    seep_test.main()
