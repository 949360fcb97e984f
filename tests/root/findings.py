# SPDX-License-Identifier: GPL-2.0-only
"""The findings name the leak among thousands of bounded stacks, --fail-on holds for it, and a
suppression file silences it."""

import json
import os
import signal
import tempfile

import seep_test
from seep_test import Recording, Workload

LEAK = "forget_a_little"


class Findings(seep_test.SeepTestCase):
    @classmethod
    def setUpClass(cls):
        with Workload("many_stacks", 6) as workload:
            cls.recording = Recording(workload.pid)
            cls.addClassCleanup(cls.recording.__exit__)
            cls.truth = workload.work()
            cls.recording.stop()

    def report(self, *options):
        return seep_test.run("report", self.recording.path, *options)

    def suppressions(self, text):
        file = tempfile.NamedTemporaryFile("w", suffix=".supp")
        self.addCleanup(file.close)
        file.write(text)
        file.flush()
        return file.name

    def test_the_leak_is_among_the_first_three(self):
        findings = self.recording.report("--window", "1s:")["findings"]
        found = [finding for finding in findings[:3] if seep_test.name_of(finding) == LEAK]
        self.assertEqual(len(found), 1, json.dumps(findings[:5], indent=1))
        leak = found[0]
        self.assertIn(leak["verdict"], ("leak", "growing"))
        self.assertEqual(os.path.basename(leak["file"]), self.truth["leak"]["file"])
        self.assertEqual(leak["line"], self.truth["leak"]["line"])
        self.assertIn(f"{LEAK}` (many_stacks.cpp:{leak['line']})", leak["sentence"])
        self.assertEqual(leak["live_bytes"], self.truth["leak"]["bytes"])
        self.assertEqual(leak["live_count"], self.truth["leak"]["count"])
        self.assertEqual(leak["freed_count"], 0)
        hourly = leak["bytes_per_hour"]
        self.assertTrue(0 < hourly["low"] <= hourly["high"], hourly)

    def test_text_leads_with_the_findings(self):
        text = self.report("--window", "1s:").stdout
        self.assertIn(f"{LEAK}`", text[:text.index("\nTarget ")])
        self.assertRegex(text, r"(?s)\(finding \d+\)\n.*" + LEAK)

    def test_fail_on(self):
        window = ("--window", "1s:")
        failed = self.report(*window, "--fail-on", "leak:1G", "--fail-on", "growing:1K")
        self.assertEqual(failed.returncode, 4, failed.stderr)
        self.assertIn("--fail-on growing:1K: `", failed.stderr)
        self.assertEqual(self.report(*window, "--fail-on", "growing:100G").returncode, 0)
        for bad in ("leaks", "leak:", "steady", "leak:1X"):
            self.assert_fails(2, "report", self.recording.path, "--fail-on", bad)

    def test_what_is_suppressed_makes_no_finding_and_is_counted(self):
        rules = self.suppressions(f"# known\nleak:{LEAK}\nleak:no_such_function\n")
        report = self.recording.report("--suppressions", rules)
        self.assertNotIn(LEAK, map(seep_test.name_of, report["findings"]))
        self.assertEqual(report["suppressions"],
                         [{"pattern": LEAK, "stacks": 1,
                           "live_bytes": self.truth["leak"]["bytes"],
                           "live_count": self.truth["leak"]["count"]}])
        suppressed = [stack for stack in report["stacks"] if stack["suppressed"]]
        self.assertEqual(len(suppressed), 1)
        self.assertTrue(seep_test.stack_calls(suppressed[0], [LEAK]))
        everything = self.report("--suppressions", self.suppressions("leak:malloc"), "--fail-on",
                                 "growing")
        self.assertEqual(everything.returncode, 0, everything.stderr)

    def test_a_bad_suppression_file_is_refused_with_its_line(self):
        rules = self.suppressions("leak:good\n\nthread:bad\n")
        message = self.assert_fails(2, "report", self.recording.path, "--suppressions", rules)
        self.assertIn("line 3", message)
        self.assert_fails(2, "report", self.recording.path, "--suppressions", "/nonexistent")
        # Before anything is traced or started.
        with tempfile.TemporaryDirectory() as directory:
            ran = os.path.join(directory, "ran")
            self.assert_fails(2, "record", "--suppressions", rules, "-o",
                              os.path.join(directory, "x.seep"), "--", "touch", ran)
            self.assertFalse(os.path.exists(ran))

    def test_record_exits_with_4_as_report_does(self):
        with Workload("memory_shapes", 2) as workload, \
                Recording(workload.pid, "--fail-on", "growing") as recording:
            workload.work()
            recording.process.send_signal(signal.SIGINT)
            text, errors = recording.process.communicate(timeout=seep_test.PATIENCE)
            self.assertEqual(recording.process.returncode, 4, text + errors)
            self.assertIn("--fail-on growing: `", errors)


if __name__ == "__main__":
    seep_test.main()
