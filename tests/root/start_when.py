# SPDX-License-Identifier: GPL-2.0-only
"""`record --start-when` waits without a probe, and records once its condition holds."""

import json
import os
import signal
import subprocess
import tempfile

import seep_test
from seep_test import SEEP, Workload, eventually


class StartWhen(seep_test.SeepTestCase):
    def setUp(self):
        self.directory = tempfile.TemporaryDirectory(prefix="seep-test-")
        self.addCleanup(self.directory.cleanup)
        self.path = os.path.join(self.directory.name, "x.seep")

    def wait(self, *options):
        process = subprocess.Popen(
            [SEEP, "record", "--interval", "200ms", "--sample", "exact", "-o", self.path, *options],
            stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True)
        self.addCleanup(process.stderr.close)
        self.addCleanup(process.stdout.close)
        self.addCleanup(process.wait)
        self.addCleanup(process.kill)
        self.assertIn("waiting until", process.stderr.readline())
        return process

    def recorded(self, process):
        text, errors = process.communicate(timeout=seep_test.PATIENCE)
        self.assertEqual(process.returncode, 0, errors)
        return errors

    def test_no_probe_before_the_signal_and_a_recording_after(self):
        with Workload("exact_threads", 2) as workload:
            process = self.wait("-p", str(workload.pid), "--start-when", "rss>1000G",
                                "--start-when", "signal")
            self.assertEqual(seep_test.changed_text(workload.pid), [])
            self.assertEqual(seep_test.links_of(process.pid), set())
            self.assertFalse(os.path.exists(self.path))
            process.send_signal(signal.SIGUSR1)
            eventually(lambda: seep_test.changed_text(workload.pid), "probes")
            eventually(lambda: seep_test.run("report", self.path).returncode == 0, "a snapshot")
            truth = workload.work()
            process.send_signal(signal.SIGINT)
            self.assertIn("signal holds", self.recorded(process))
            report = seep_test.run("report", self.path, "--format", "json")
            self.assert_totals_are_the_truth(json.loads(report.stdout), truth)

    def test_memory_that_grows(self):
        source = "import time\na = []\nwhile True:\n a.append(bytes(200000)); time.sleep(.02)"
        target = subprocess.Popen(["/usr/bin/python3", "-c", source])
        self.addCleanup(target.wait)
        self.addCleanup(target.kill)
        process = self.wait("--start-when", "rss-growth>500M/h over 3s", "--duration", "1s",
                            "-p", str(target.pid))
        self.assertIn("rss-growth>500M/h over 3s holds", self.recorded(process))

    def test_the_target_or_its_user_ends_the_waiting(self):
        process = self.wait("--start-when", "rss>1000G", "--", "sh", "-c", "sleep 0.5; exit 7")
        _, errors = process.communicate(timeout=seep_test.PATIENCE)
        self.assertEqual(process.returncode, 3, errors)
        self.assertIn("sh exited with status 7", errors)
        self.assertIn("nothing was recorded", errors)
        with Workload("exact_threads", 2) as workload:
            process = self.wait("-p", str(workload.pid), "--start-when", "rss>1000G")
            process.send_signal(signal.SIGTERM)
            self.assertIn("nothing was recorded", self.recorded(process))
        self.assertFalse(os.path.exists(self.path))

    def test_what_can_never_hold_is_refused(self):
        with Workload("exact_threads", 2) as workload:
            for bad in ("rss", "rss<2G", "heap>1G", "rss-growth>5M", "cgroup>200%"):
                message = self.assert_fails(2, "record", "-p", workload.pid, "--start-when", bad)
                self.assertIn("write rss>2G", message)
            self.assert_fails(3, "record", "-p", 4194304, "--start-when", "rss>1G")


if __name__ == "__main__":
    seep_test.main()
