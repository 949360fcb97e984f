# SPDX-License-Identifier: GPL-2.0-only
"""However seep ends, the target runs on without a probe left in it, and the recording is whole."""

import signal
import sqlite3
import statistics
import time

import seep_test
from alloc_rate import AllocRate
from seep_test import Recording, changed_text, eventually


class Detaching(seep_test.SeepTestCase):
    def check_end(self, end):
        with AllocRate() as workload, Recording(workload.pid) as recording:
            traced = workload.measure().pairs_per_second
            self.assertNotEqual(changed_text(workload.pid), [], "no probe while attached")
            links = seep_test.links_of(recording.process.pid)
            self.assertNotEqual(links, set(), "no BPF link while attached")

            recording.process.send_signal(end)
            recording.process.wait(seep_test.PATIENCE)
            eventually(lambda: changed_text(workload.pid) == [], "text as in the files")
            self.assertEqual(links & seep_test.all_links(), set())

            self.assertTrue(workload.alive())
            eventually(lambda: workload.measure().pairs_per_second > 3 * traced,
                       "a rate without probes")
            self.assertGreaterEqual(recording.report()["window"]["snapshots"], 1)
            return recording.process.returncode

    def test_interrupted(self):
        self.assertEqual(self.check_end(signal.SIGINT), 0)

    def test_terminated(self):
        self.assertEqual(self.check_end(signal.SIGTERM), 0)

    def test_killed(self):
        self.assertEqual(self.check_end(signal.SIGKILL), -signal.SIGKILL)

    def test_the_last_snapshot_is_of_the_moment_at_which_recording_stopped(self):
        """The target is at full speed before all probes are gone; none of that is in it."""
        with AllocRate() as workload:
            with Recording(workload.pid, interval="100ms") as recording:
                time.sleep(2)
                recording.stop()
                with sqlite3.connect(recording.path) as database:
                    samples = database.execute("SELECT cpu_ns, allocated_count FROM process_sample "
                                               "ORDER BY snapshot").fetchall()
        # Over two intervals, as the last one may be of a moment.
        costs = [(after[0] - before[0]) / max(1, after[1] - before[1])
                 for before, after in zip(samples, samples[2:])]
        self.assertLess(costs[-1], 1.5 * statistics.median(costs), costs)


if __name__ == "__main__":
    seep_test.main()
