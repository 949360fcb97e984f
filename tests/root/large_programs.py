# SPDX-License-Identifier: GPL-2.0-only
"""Many stacks and many live blocks: the ranking finds the small leak, the totals stay exact."""

import seep_test
from seep_test import Workload, record_work


class LargePrograms(seep_test.SeepTestCase):
    def test_small_leak_among_many_stacks_ranks_first(self):
        with Workload("many_stacks", 6) as workload:
            truth, report = record_work(workload)
        self.assert_totals_are_the_truth(report, truth)
        self.assertGreaterEqual(len(report["stacks"]), truth["stacks"])
        leak = truth["leak"]
        first = report["stacks"][0]
        self.assertEqual(first["rank"], 1)
        self.assertEqual((first["live_count"], first["live_bytes"]),
                         (leak["count"], leak["bytes"]))
        frame = first["frames"][1]
        self.assertEqual(seep_test.name_of(frame), leak["function"])
        self.assertEqual(frame["file"].rsplit("/", 1)[-1], leak["file"])
        self.assertEqual((frame["line"], frame["inlined"]), (leak["line"], True))

    def check_process_totals(self, name):
        with Workload(name) as workload, \
                seep_test.Recording(workload.pid, interval="1s") as recording:
            truth = workload.work()
            recording.stop()
            report = recording.report("--top", "3")
        process = report["process"]
        for total in ("live_count", "live_bytes", "allocated_bytes", "freed_bytes"):
            self.assertEqual(process[total], truth[total], total)
        self.assert_no_losses(report)

    def test_a_million_live_blocks(self):
        self.check_process_totals("million_live")

    def test_a_hundred_thousand_stacks(self):
        self.check_process_totals("hundred_thousand_stacks")


if __name__ == "__main__":
    seep_test.main()
