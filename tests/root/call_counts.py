# SPDX-License-Identifier: GPL-2.0-only
"""Calls that leave blocks are counted: what the probes slow down in windows is told at its own pace.

The workload leaks with each two-hundredth of its requests, which are many times as many without
probes as with them. The call that leaks is counted between windows, too, at next to no cost, and not
the one within it that others make as well: so the rate is that of all the time, although a hundredth
of it was seen.
"""

import sqlite3
import unittest

import seep_test
from seep_test import Recording, Workload

COUNTS = """
SELECT count.location, count.observed_ns, count.observed_calls, count.unobserved_ns, count.unobserved_calls
FROM call_count AS count JOIN symbol ON symbol.location = count.location AND symbol.position = 0
WHERE symbol.function LIKE '%leak_record%' ORDER BY count.snapshot
"""


class CountedCalls(seep_test.SeepTestCase):
    @classmethod
    def record(cls, workload, *options, sample):
        with Recording(workload.pid, *options, sample=sample, interval="500ms") as recording:
            cls.truth = workload.work()
            recording.stop()
            cls.report = recording.report()
            with sqlite3.connect(recording.path) as database:
                cls.counts = database.execute(COUNTS).fetchall()
        cls.changed = seep_test.changed_text(workload.pid)

    def assert_about(self, rate, truth):
        # A thirtieth of the time is counted, and what else the machine does moves the pace by more
        # than a tenth from second to second; windows have a twentieth of it.
        self.assertGreater(rate, 0.75 * truth)
        self.assertLess(rate, 1.33 * truth)


class CallCounts(CountedCalls):
    @classmethod
    def setUpClass(cls):
        with Workload("slowed_leak", 45000) as workload:
            cls.record(workload, "--max-overhead", "5", sample="auto")

    def test_the_call_is_counted_in_windows_and_between_them(self):
        self.assertGreaterEqual(len(self.counts), 5)
        self.assertEqual(len({location for location, *_ in self.counts}), 1)
        for column in zip(*self.counts):
            self.assertEqual(list(column), sorted(column))
        _, observed_ns, observed, unobserved_ns, unobserved = self.counts[-1]
        truth = self.truth["leaks_per_second"]
        rate = unobserved / unobserved_ns * 1e9
        self.assert_about(rate, truth)
        # With eight pairs of allocations and frees beside it.
        self.assertLess(observed / observed_ns, 0.5 * unobserved / unobserved_ns)

    def test_the_leak_is_told_at_the_pace_of_all_the_time(self):
        scale = self.report["sampling"]["rate_scale"]
        self.assertEqual(scale["by"], "calls")
        self.assertGreater(scale["estimate"], 2)
        stack = next(stack for stack in self.report["stacks"]
                     if seep_test.stack_calls(stack, ["leak_record"]))
        rate = stack["growth"]["bytes_per_second"]
        truth = self.truth["leaked_bytes_per_second"]
        self.assert_about(rate, truth)
        self.assertIn(stack["id"], self.report["findings"][0]["stacks"])

    def test_it_costs_what_is_allowed(self):
        self.assertLess(self.report["sampling"]["observed_share"], 0.2)
        self.assertLess(self.report["overhead"]["cpu_percent"], 10)

    def test_nothing_is_left_in_the_program(self):
        self.assertEqual(self.changed, [])


class CallsWhileSampled(CountedCalls):
    """Of what is sampled all the time, calls that leave a block each are counted, too."""

    def test_the_leaks_calls_are_counted(self):
        with Workload("slowed_leak", 12000, 200) as workload:
            self.record(workload, "--max-overhead", "100", sample="4K")
        self.assertEqual(len({location for location, *_ in self.counts}), 1)
        _, observed_ns, observed, unobserved_ns, unobserved = self.counts[-1]
        self.assertEqual([unobserved_ns, unobserved], [0, 0])
        self.assertGreater(observed_ns, 5e9)
        self.assert_about(observed / observed_ns * 1e9, self.truth["leaks_per_second"])
        self.assertEqual(self.report["sampling"]["observed_share"], 1)
        self.assertEqual(self.changed, [])


if __name__ == "__main__":
    seep_test.main()
