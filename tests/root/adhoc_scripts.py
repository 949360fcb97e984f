# SPDX-License-Identifier: GPL-2.0-only
"""The scripts for ad-hoc investigations work on live programs, and refuse what they cannot do."""

import os
import re
import signal
import subprocess
import tempfile
import time
import unittest

import seep_test
from seep_test import Workload, changed_text, eventually

SCRIPTS = os.path.join(os.path.dirname(os.path.abspath(__file__)), "..", "..", "scripts")
NAMES = ("triage.sh", "leak-flamegraph.sh", "leak-growth.sh", "alloc-sizes.sh", "page-growth.sh")
HAS_HEADERS = os.path.exists(f"/lib/modules/{os.uname().release}/build")


class AdhocScripts(seep_test.SeepTestCase):
    def setUp(self):
        self.directory = tempfile.TemporaryDirectory()
        self.addCleanup(self.directory.cleanup)

    def run_script(self, name, *arguments, **options):
        return subprocess.run(
            [os.path.join(SCRIPTS, name), *map(str, arguments)], cwd=self.directory.name,
            capture_output=True, text=True, stdin=subprocess.DEVNULL, check=False, timeout=120,
            **options)

    def investigate(self, name, workload, *arguments):
        workload.start_working()
        result = self.run_script(name, workload.pid, *arguments)
        self.assertEqual(result.returncode, 0, result.stdout + result.stderr)
        self.assertTrue(workload.alive())
        self.assertEqual(seep_test.changed_text(workload.pid), [])
        return result.stdout

    def test_leak_flamegraph(self):
        with Workload("many_stacks", 30) as workload:
            self.investigate("leak-flamegraph.sh", workload, 5)
            with open(os.path.join(self.directory.name, f"leak-{workload.pid}.svg"),
                      encoding="utf-8") as file:
                self.assertIn("handle_request", file.read())

    def test_leak_flamegraph_of_one_that_ends(self):
        with Workload("endless_leak") as workload:
            script = self.begin("leak-flamegraph.sh", workload)
            time.sleep(2)
            workload.process.kill()
            _, errors = script.communicate(timeout=seep_test.PATIENCE)
        self.assertEqual(script.returncode, 0, errors)
        with open(os.path.join(self.directory.name, f"leak-{workload.pid}.svg"),
                  encoding="utf-8") as file:
            self.assertIn("forget_request", file.read())

    def test_leak_growth(self):
        with Workload("many_stacks", 30) as workload:
            ranking = self.investigate("leak-growth.sh", workload, 5)
        self.assertIn("handle_request", ranking)

    def test_triage(self):
        with Workload("many_stacks", 30) as workload:
            answers = self.investigate("triage.sh", workload, 6)
        for number in range(1, 9):
            self.assertRegex(answers, rf"(?m)^{number}\. .*\n    \S", answers)
        summary = answers[answers.index("\nSummary\n"):]
        self.assertIn("many_stacks", summary)
        self.assertIn(f"triage-{workload.pid}.seep", summary)
        self.assertNotIn("null", answers)

    def begin(self, name, workload):
        """Long enough to be ended by something else, once it traces the workload."""
        script = subprocess.Popen(
            ["env", "--default-signal=INT", os.path.join(SCRIPTS, name), str(workload.pid), "100"],
            cwd=self.directory.name, stdin=subprocess.DEVNULL, stdout=subprocess.PIPE,
            stderr=subprocess.PIPE, text=True)
        self.addCleanup(script.communicate)
        self.addCleanup(script.terminate)
        eventually(lambda: changed_text(workload.pid) != [], "the probes")
        return script

    def triage_until_it_ends(self, seconds):
        with Workload("endless_leak") as workload:
            triage = self.begin("triage.sh", workload)
            time.sleep(seconds)
            workload.process.kill()
            answers, errors = triage.communicate(timeout=seep_test.PATIENCE)
        self.assertEqual(triage.returncode, 0, errors)
        for number in range(1, 9):
            self.assertRegex(answers, rf"(?m)^{number}\. .*\n    \S", answers)
        summary = " ".join(answers[answers.index("\nSummary\n"):].split())  # not as it is wrapped
        self.assertIn("It ended at", summary)
        return answers, summary

    def test_triage_of_one_that_ends(self):
        answers, summary = self.triage_until_it_ends(12)
        self.assertIn("forget_request", summary)
        self.assertIn("Steadily.", answers)

    def test_triage_of_one_that_ends_at_once(self):
        answers, _ = self.triage_until_it_ends(0.5)
        self.assertIn("too short a time to compare", answers)

    def test_triage_twice(self):
        with Workload("many_stacks", 30) as workload:
            self.investigate("triage.sh", workload, 3)
            again = self.run_script("triage.sh", workload.pid, 3)
        self.assertEqual(again.returncode, 0, again.stderr)
        self.assertIn(f"triage-{workload.pid}-2.seep", again.stdout)
        self.assertIn(f"triage-{workload.pid}-2.seep", os.listdir(self.directory.name))

    def test_triage_takes_its_recorder_along(self):
        with Workload("endless_leak") as workload:
            triage = self.begin("triage.sh", workload)
            triage.send_signal(signal.SIGTERM)
            triage.communicate(timeout=seep_test.PATIENCE)
            self.assertEqual(triage.returncode, 128 + signal.SIGTERM)
            self.assertEqual(changed_text(workload.pid), [])
            recorders = subprocess.run(["pgrep", "-f", f"record -p {workload.pid} "],
                                       capture_output=True, text=True, check=False).stdout
            self.assertEqual(recorders, "")
            report = seep_test.run("report", os.path.join(self.directory.name,
                                                          f"triage-{workload.pid}.seep"))
            self.assertEqual(report.returncode, 0, report.stderr)

    def test_triage_interrupted_answers(self):
        with Workload("endless_leak") as workload:
            triage = self.begin("triage.sh", workload)
            time.sleep(3)
            triage.send_signal(signal.SIGINT)
            answers, errors = triage.communicate(timeout=seep_test.PATIENCE)
            self.assertEqual(triage.returncode, 0, errors)
            self.assertEqual(changed_text(workload.pid), [])
        self.assertIn("\nSummary\n", answers)

    @unittest.skipUnless(HAS_HEADERS, "BCC needs kernel headers")
    def test_alloc_sizes(self):
        with Workload("alloc_rate") as workload:
            histogram = self.investigate("alloc-sizes.sh", workload, 2)
        rows = re.findall(r"(\d+) -> (\d+) +: (\d+)", histogram)
        self.assertEqual([row[:2] for row in rows if int(row[2]) > 0], [("64", "127")], histogram)

    @unittest.skipUnless(HAS_HEADERS, "BCC needs kernel headers")
    def test_page_growth(self):
        with Workload("many_stacks", 60) as workload:
            stacks = self.investigate("page-growth.sh", workload, 3)
        self.assertRegex(stacks, r"page_fault_user ==\n(?s:.*)\n +\S+\n +\d+\n")

    def test_wrong_seep(self):
        for name in ("triage.sh", "leak-flamegraph.sh", "leak-growth.sh"):
            for wrong in ("/nonexistent/seep", self.directory.name):
                with self.subTest(name, wrong=wrong):
                    refused = self.run_script(name, os.getpid(), 2,
                                              env={**os.environ, "SEEP": wrong})
                    self.assertEqual(refused.returncode, 2, refused.stderr)
                    self.assertIn(f"SEEP={wrong}", refused.stderr)

    def test_help_and_refusals(self):
        for name in NAMES:
            with self.subTest(name):
                helped = self.run_script(name, "-h")
                self.assertEqual(helped.returncode, 0)
                self.assertIn("Example", helped.stdout)
                for arguments in ([], ["x"], ["1", "x"], ["1", "2", "3"], ["--frobnicate", "1"]):
                    self.assertEqual(self.run_script(name, *arguments).returncode, 2, arguments)
                self.assertEqual(self.run_script(name, 2).returncode, 3)
                self.assertEqual(self.run_script(name, 4194305).returncode, 3)


if __name__ == "__main__":
    seep_test.main()
