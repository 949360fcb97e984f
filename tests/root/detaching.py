# SPDX-License-Identifier: GPL-2.0-only
"""However seep ends, the target runs on without a probe left in it, and the recording is whole."""

import signal
import time

import seep_test
from seep_test import Recording, Workload, changed_text, eventually


def present_rate(workload):
    """What alloc_rate says now, after the lines that waited in the pipe: one that has to be waited
    for itself."""
    while True:
        asked = time.monotonic()
        line = workload.process.stdout.readline()
        if time.monotonic() - asked > 0.05:
            return int(line)


class Detaching(seep_test.SeepTestCase):
    def check_end(self, end):
        with Workload("alloc_rate") as workload, Recording(workload.pid) as recording:
            traced = present_rate(workload)
            self.assertNotEqual(changed_text(workload.pid), [], "no probe while attached")
            links = seep_test.links_of(recording.process.pid)
            self.assertNotEqual(links, set(), "no BPF link while attached")

            recording.process.send_signal(end)
            recording.process.wait(seep_test.PATIENCE)
            eventually(lambda: changed_text(workload.pid) == [], "text as in the files")
            self.assertEqual(links & seep_test.all_links(), set())

            self.assertTrue(workload.alive())
            eventually(lambda: present_rate(workload) > 3 * traced, "a rate without probes")
            self.assertGreaterEqual(recording.report()["window"]["snapshots"], 1)
            return recording.process.returncode

    def test_interrupted(self):
        self.assertEqual(self.check_end(signal.SIGINT), 0)

    def test_terminated(self):
        self.assertEqual(self.check_end(signal.SIGTERM), 0)

    def test_killed(self):
        self.assertEqual(self.check_end(signal.SIGKILL), -signal.SIGKILL)


if __name__ == "__main__":
    seep_test.main()
