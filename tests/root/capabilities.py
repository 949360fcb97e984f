# SPDX-License-Identifier: GPL-2.0-only
"""An ordinary user traces with file capabilities, and is told which one is missing."""

import json
import os
import shutil
import subprocess
import tempfile

import seep_test
from seep_test import SEEP, Workload, own_library_path

NOBODY = 65534
AS_NOBODY = {"user": NOBODY, "group": NOBODY, "extra_groups": []}
TRACING = "cap_bpf,cap_perfmon"


class Capabilities(seep_test.SeepTestCase):
    def setUp(self):
        # The program as a user may run it: in a directory that everybody can enter.
        self.directory = tempfile.TemporaryDirectory(prefix="seep-test-")
        self.addCleanup(self.directory.cleanup)
        os.chmod(self.directory.name, 0o755)
        os.chmod(own_library_path(), 0o755)
        self.seep = shutil.copy(SEEP, os.path.join(self.directory.name, "seep"))
        self.home = os.path.join(self.directory.name, "home")
        os.mkdir(self.home)
        os.chown(self.home, NOBODY, NOBODY)

    def grant(self, capabilities):
        subprocess.run(["setcap", capabilities + "=ep", self.seep], check=True)

    def run_seep(self, *arguments):
        return subprocess.run([self.seep, *map(str, arguments)], capture_output=True, text=True,
                              stdin=subprocess.DEVNULL, timeout=seep_test.PATIENCE, check=False,
                              cwd=self.home, **AS_NOBODY)

    def record_work(self, workload):
        """What record says of the work, all of it under the user's own rights."""
        path = os.path.join(self.home, "recording.seep")
        recorder = subprocess.Popen(
            [self.seep, "record", "-p", str(workload.pid), "--interval", "200ms", "--sample",
             "exact", "-o", path],
            stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True,
            cwd=self.home, **AS_NOBODY)
        try:
            report = lambda: self.run_seep("report", path, "--format", "json")
            seep_test.eventually(
                lambda: recorder.poll() is not None or report().returncode == 0, "a snapshot")
            self.assertIsNone(recorder.poll(), recorder.poll() and recorder.stderr.read())
            truth = workload.work()
            recorder.terminate()
            _, errors = recorder.communicate(timeout=seep_test.PATIENCE)
            self.assertEqual(recorder.returncode, 0, errors)
            return truth, json.loads(report().stdout)
        finally:
            recorder.kill()
            recorder.wait()
            os.unlink(path)

    def assert_traced(self, workload):
        truth, report = self.record_work(workload)
        self.assert_totals_are_the_truth(report, truth)
        self.assert_no_losses(report)

    def test_own_and_other_users_processes(self):
        with Workload("exact_threads", 2, 5_003, **AS_NOBODY) as own:
            self.grant(TRACING)
            self.assert_traced(own)
        with Workload("exact_threads", 2, 5_003) as roots:
            refused = self.run_seep("record", "-p", roots.pid, "--duration", "1s")
            self.assertEqual(refused.returncode, 3)
            self.assertIn("CAP_SYS_PTRACE", refused.stderr)
            self.grant(TRACING + ",cap_sys_ptrace")
            self.assert_traced(roots)

    def test_a_command_is_launched(self):
        self.grant(TRACING)
        path = os.path.join(self.home, "launched.seep")
        done = self.run_seep("record", "-o", path, "--", "/bin/ls", "/")
        self.assertEqual(done.returncode, 0, done.stderr)
        self.assertIn("malloc", self.run_seep("folded", path, "--value", "allocated").stdout)

    def test_what_is_missing_is_named(self):
        with Workload("exact_threads", 1, 101, **AS_NOBODY) as own:
            for granted, missing in (("", {"CAP_BPF", "CAP_PERFMON"}),
                                     ("cap_bpf", {"CAP_PERFMON"}),
                                     ("cap_perfmon", {"CAP_BPF"})):
                if granted:
                    self.grant(granted)
                doctor = self.run_seep("doctor", "--format", "json")
                self.assertEqual(doctor.returncode, 3)
                named = {check["name"] for check in json.loads(doctor.stdout)["checks"]
                         if check["status"] == "missing" and check["name"].startswith("CAP_")}
                self.assertEqual(named, missing)
                refused = self.run_seep("record", "-p", own.pid, "--duration", "1s")
                self.assertEqual(refused.returncode, 3, refused.stderr)


if __name__ == "__main__":
    seep_test.main()
