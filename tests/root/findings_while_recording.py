# SPDX-License-Identifier: GPL-2.0-only
"""While recording goes on, a leak runs a command once and is logged, again and again."""

import json
import os
import subprocess

import seep_test
from seep_test import Recording

LEAK = """
import ctypes, time
libc = ctypes.CDLL(None)
libc.malloc.restype = ctypes.c_void_p
while True:
    for _ in range(50):
        libc.malloc(1021)
    time.sleep(0.02)
"""


class FindingsWhileRecording(seep_test.SeepTestCase):
    def setUp(self):
        self.target = subprocess.Popen(
            ["/usr/bin/python3", "-c", LEAK],
            env={**os.environ, "LD_LIBRARY_PATH": seep_test.own_library_path()})
        self.addCleanup(self.target.wait)
        self.addCleanup(self.target.kill)

    def test_a_leak_runs_the_command_once_and_fills_the_log(self):
        with Recording(self.target.pid, "--on-leak-if", "growing", "--analyze-every", "300ms",
                       "--keep", "30s", "--on-leak", "sh -c 'cat >> \"$0\"; env >> \"$1\"; exit 3' "
                       "/dev/fd/2 /dev/fd/2",
                       "--findings-log", "/dev/fd/2") as recording:
            # Both on standard error: nothing need be made for them.
            ran = self.read_until(recording, "exited with status 3")
            lines = self.read_until(recording, '{"time"', '{"time"')
            recording.process.send_signal(seep_test.signal.SIGINT)
            text, errors = recording.process.communicate(timeout=seep_test.PATIENCE)
            self.assertEqual(recording.process.returncode, 0, errors)
            everything = ran + lines + errors
            self.assertEqual(everything.count("SEEP_PID="), 1)
            self.assertIn(f"SEEP_PID={self.target.pid}\n", everything)
            self.assertIn(f"SEEP_RECORDING={recording.path}\n", everything)
            findings = [json.loads(line) for line in everything.splitlines()
                        if line.startswith('{"time"')]
            self.assertGreaterEqual(len(findings), 3)
            for finding in findings:
                self.assertEqual(finding["target"]["pid"], self.target.pid)
                self.assertEqual(finding["recording"], recording.path)
            self.assertIn("recording:", text)

    def read_until(self, recording, *marks):
        text = ""
        for mark in marks:
            for line in recording.process.stderr:
                text += line
                if mark in line:
                    break
            else:
                self.fail(f"no {mark} in {text}")
        return text

    def test_what_cannot_be_used_is_refused_before_tracing(self):
        for options in (["--on-leak", "echo 'open"], ["--on-leak", "/no/such"],
                        ["--on-leak", "true", "--on-leak-if", "steady"],
                        ["--on-leak", "true", "--on-leak-timeout", "0s"],
                        ["--findings-log", "/no/such/log"]):
            self.assert_fails(2, "record", "-p", self.target.pid, *options)
        self.assertEqual(seep_test.changed_text(self.target.pid), [])


if __name__ == "__main__":
    seep_test.main()
