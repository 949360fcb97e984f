# SPDX-License-Identifier: GPL-2.0-only
"""BCC's memleak, attached to the same program at the same time, counts the same."""

import os
import re
import subprocess
import time
import unittest

import seep_test
from seep_test import Recording, Workload, changed_text, eventually, heap_totals


class Memleak:
    """memleak-bpfcc, from the moment its probes are in place until it has printed once."""

    def __init__(self, pid, seconds):
        before = len(changed_text(pid))
        self.process = subprocess.Popen(
            ["memleak-bpfcc", "-p", str(pid), "--top", "1000000", "--older", "0", str(seconds), "1"],
            stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True)
        # It places its probes one by one and says nothing when it is done.
        eventually(lambda: len(changed_text(pid)) > before, "memleak's probes")
        settled(lambda: len(changed_text(pid)))

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
        with Workload(*command) as workload, Recording(workload.pid) as recording, \
                Memleak(workload.pid, seconds=8) as memleak:
            truth = workload.work()
            theirs = memleak.totals()
            recording.stop()
            totals = heap_totals(recording.report("--top", "1000000"))
        self.assertEqual((totals["live_bytes"], totals["live_count"]), theirs)
        self.assertEqual(theirs, (truth["live_bytes"], truth["live_count"]))

    def test_eight_functions(self):
        self.check_same("eight_functions")

    def test_many_blocks(self):
        self.check_same("million_live", 10_007)


if __name__ == "__main__":
    seep_test.main()
