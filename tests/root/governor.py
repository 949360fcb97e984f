# SPDX-License-Identifier: GPL-2.0-only
"""What --sample auto follows changes with what that costs, and the books stay right.

The workload leaks all along, through a calm, a storm of allocations and a calm. Everything is
followed in the calm; in the storm the probes are taken away within a second or so and come back for
short windows. What outlives such a window is neither live nor freed, and the leak is still on top.
"""

import sqlite3
import time
import unittest

import seep_test
from seep_test import Recording, Workload


def rows(path, query):
    with sqlite3.connect(path) as database:
        return database.execute(query).fetchall()


class Governor(seep_test.SeepTestCase):
    def test_calm_storm_calm(self):
        # What the storm's first moments cost is paid off within the second calm, also where they
        # were noticed late.
        with Workload("storm", 3000, 6000, 15000) as workload:
            with Recording(workload.pid, "--max-overhead", "20", sample="auto") as recording:
                truth = workload.work()
                recording.stop()
                report = recording.report()
                periods = rows(recording.path,
                               "SELECT level, started_ns, unobserved_ns FROM period")
                events = rows(recording.path, "SELECT text FROM event WHERE kind = 'level'")
            self.assertEqual(seep_test.changed_text(workload.pid), [])
        self.check_levels(periods, truth["storm_ns"])
        self.assertNotEqual(events, [])
        self.check_leak(report, truth)
        self.check_coverage(report)

    def check_levels(self, periods, storm_ns):
        """Continuous, then windows as soon as it storms, and continuous again."""
        self.assertEqual(periods[0][0], "continuous")
        self.assertEqual(periods[-1][0], "continuous", periods)
        in_windows = [period for period in periods if period[0] == "windows"]
        self.assertNotEqual(in_windows, [])
        # A second on a machine that does nothing else.
        self.assertLess(in_windows[0][1] - storm_ns, 3e9)
        for level, _, unobserved_ns in periods:
            self.assertEqual(unobserved_ns > 0, level == "windows", periods)

    def check_leak(self, report, truth):
        top = report["stacks"][0]
        self.assertTrue(seep_test.stack_calls(top, ["leak"]), top)
        # It does leak; frees went unseen, but what the heap has in use may tell.
        self.assertIn(top["verdict"], ("leak", "growing", "undetermined"), top["reason"])
        # A calm and the storm leak from different lines.
        rate = sum(stack["growth"]["bytes_per_second"] for stack in report["stacks"]
                   if seep_test.stack_calls(stack, ["leak"]))
        self.assertGreater(rate, truth["leaked_bytes_per_second"] / 2)
        self.assertLess(rate, truth["leaked_bytes_per_second"] * 2)
        # 4,099 blocks at most are in flight at any time, of 257 bytes on average.
        for stack in report["stacks"][1:]:
            self.assertLess(stack["live_bytes"], 2 * 4099 * 257, stack)
            self.assertLess(stack["growth"]["low"], rate, stack)

    def check_coverage(self, report):
        sampling = report["sampling"]
        self.assertEqual(sampling["asked"], "auto")
        self.assertGreater(sampling["observed_share"], 0.1)
        self.assertLess(sampling["observed_share"], 0.95)
        self.assertEqual(report["overhead"]["budget_percent"], 20)
        self.assertEqual(report["losses"]["missed_frees"], 0)

    def test_a_calm_program_is_followed_exactly(self):
        with Workload("exact_threads", 2) as workload:
            truth, report = seep_test.record_work(workload, sample="auto")
        self.assertEqual(report["sampling"]["asked"], "auto")
        if report["sampling"]["mode"] == "exact" and report["sampling"]["observed_share"] == 1:
            self.assert_totals_are_the_truth(report, truth)
        else:  # its work is a storm of some moments
            self.assertLessEqual(report["process"]["allocated_count"],
                                 2 * truth["allocated_count"])

    def test_a_chosen_sampling_is_kept(self):
        with Workload("alloc_rate") as workload:
            with Recording(workload.pid, sample="exact") as recording:
                time.sleep(2)
                recording.stop()
                report = recording.report()
        self.assertEqual(report["sampling"]["mode"], "exact")
        self.assertEqual(report["sampling"]["observed_share"], 1)
        self.assertEqual(len(report["sampling"]["periods"]), 1)
        self.assertTrue(any("--max-overhead" in text for text in report["warnings"]),
                        report["warnings"])

    def test_a_chosen_sampling_and_a_chosen_limit(self):
        with Workload("alloc_rate") as workload:
            with Recording(workload.pid, "--max-overhead", "5", sample="exact") as recording:
                time.sleep(3)
                recording.stop()
                report = recording.report()
        self.assertEqual(report["sampling"]["mode"], "exact")
        self.assertLess(report["sampling"]["observed_share"], 0.9)

    def test_limits_that_are_none(self):
        for limit in ("0", "0.01", "101", "-5", "lots", "5%", "nan", ""):
            with self.subTest(limit=limit):
                message = self.assert_fails(2, "record", "-p", "1", "--max-overhead", limit)
                self.assertIn("overhead", message)


if __name__ == "__main__":
    seep_test.main()
