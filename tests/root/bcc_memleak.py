# SPDX-License-Identifier: GPL-2.0-only
"""BCC's memleak counts the same in another run of the same program.

Not in the same run: BCC 0.26 asks for its probes with a reference counter that it does not mean
(perf_event_open's config is 6 << 32), and the kernel refuses two probes on one instruction that
differ in that with EINVAL. So seep, coming second, says so and leaves the target alone.
"""

import os
import re
import subprocess
import time
import unittest

import seep_test
from seep_test import Workload, changed_text, eventually, heap_totals, record_work


class Memleak:
    """memleak-bpfcc, from the moment its probes are in place until it has printed once."""

    def __init__(self, pid, seconds, *options):
        self.process = subprocess.Popen(
            ["memleak-bpfcc", "-p", str(pid), "--top", "1000000", "--older", "0", *options,
             str(seconds), "1"],
            stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True)
        # It places its probes one by one and says nothing when it is done.
        eventually(lambda: changed_text(pid), "memleak's probes")
        settled(lambda: changed_text(pid))
        if self.process.poll() is not None:
            raise AssertionError("memleak ended:\n" + self.process.stdout.read())

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self.process.kill()
        self.process.wait()
        self.process.stdout.close()

    def totals(self):
        output, _ = self.process.communicate(timeout=seep_test.PATIENCE)
        stacks = re.findall(r"^\s*(\d+) bytes in (\d+) allocations from stack", output, re.MULTILINE)
        if not stacks:
            raise AssertionError("memleak found nothing:\n" + output)
        return sum(int(b) for b, _ in stacks), sum(int(c) for _, c in stacks)


def settled(measure):
    """Until two measurements a second apart agree."""
    while True:
        value = measure()
        time.sleep(1)
        if measure() == value:
            return


@unittest.skipUnless(os.path.exists(f"/lib/modules/{os.uname().release}/build"),
                     "BCC needs kernel headers: scripts/install-deps.sh --tests")
class BccMemleak(seep_test.SeepTestCase):
    def check_same(self, *command):
        with Workload(*command) as workload:
            _, report = record_work(workload)
        with Workload(*command) as workload, Memleak(workload.pid, seconds=8) as memleak:
            truth = workload.work()
            theirs = memleak.totals()
        totals = heap_totals(report)
        self.assertEqual((totals["live_bytes"], totals["live_count"]), theirs)
        self.assertEqual(theirs, (truth["live_bytes"], truth["live_count"]))

    def test_eight_functions(self):
        self.check_same("eight_functions")

    def test_at_the_same_time(self):
        with Workload("eight_functions") as workload:
            with Memleak(workload.pid, seconds=600):
                theirs = changed_text(workload.pid)
                for mode in ("session", "multi", "single"):
                    with self.subTest(mode=mode):
                        errors = self.assert_fails(
                            3, "record", "-p", workload.pid, "--sample", "exact", "--attach-mode", mode,
                            "-o", "/dev/null/not-to-be-made")
                        self.assertIn("cannot attach to malloc of libc", errors)
                        self.assertIn("reference counter", errors)
                        self.assertEqual(changed_text(workload.pid), theirs)
            truth, report = record_work(workload)
        self.assert_totals_are_the_truth(report, truth)

    def test_many_blocks(self):
        self.check_same("million_live", 10_007)


if __name__ == "__main__":
    seep_test.main()
