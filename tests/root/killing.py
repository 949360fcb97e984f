# SPDX-License-Identifier: GPL-2.0-only
"""SIGKILL at any moment leaves the target without probes, and the recording readable."""

import os
import random
import subprocess
import tempfile
import time

import seep_test
from seep_test import Workload, changed_text, eventually

ROUNDS = 12


def is_readable(path):
    return os.path.exists(path) and \
        seep_test.run("report", path, "--format", "json").returncode == 0


class Killing(seep_test.SeepTestCase):
    def check_round(self, workload, path, wait):
        """Records to `path`, calls `wait` and kills. Whether the recording can be reported."""
        before = seep_test.all_links()
        recorder = subprocess.Popen(
            [seep_test.SEEP, "record", "-p", str(workload.pid), "--sample", "exact", "--interval",
             "100ms", "-o", path], stdin=subprocess.DEVNULL, stdout=subprocess.DEVNULL,
            stderr=subprocess.DEVNULL)
        try:
            wait()
        finally:
            recorder.kill()
            recorder.wait()
        eventually(lambda: changed_text(workload.pid) == [], "text as in the files")
        eventually(lambda: seep_test.all_links() <= before, "no link left")
        self.assertTrue(workload.alive())
        if not os.path.exists(path):
            return False
        report = seep_test.run("report", path, "--format", "json")
        if report.returncode == 0:
            return True
        # Killed before the first snapshot, it says so.
        self.assertEqual(report.returncode, 2, report.stderr)
        return False

    def test_killed_at_random_moments(self):
        chance = random.Random(1009)
        with tempfile.TemporaryDirectory(prefix="seep-test-") as directory, \
                Workload("exact_threads", 7, 1 << 60) as workload:
            workload.start_working()
            # Killed right after the first readable snapshot: it must still be readable. How long
            # that takes here, now, is the scale of the moments that follow.
            first = os.path.join(directory, "first.seep")
            start = time.monotonic()
            self.assertTrue(self.check_round(
                workload, first, lambda: eventually(lambda: is_readable(first), "a snapshot")))
            longest = 2 * (time.monotonic() - start)
            for i in range(ROUNDS):
                seconds = chance.uniform(0, longest)
                self.check_round(workload, os.path.join(directory, f"{i}.seep"),
                                 lambda: time.sleep(seconds))


if __name__ == "__main__":
    seep_test.main()
