# SPDX-License-Identifier: GPL-2.0-only
"""Who brought each page into memory is known, whatever brought it, and adds up to RssAnon."""

import os
import sqlite3
import subprocess
import sys
import tempfile

import seep_test
from seep_test import Recording, Workload, stack_calls

SLACK = 160 * 1024  # the kernel counts RssAnon by CPU and in batches; stacks and libc grow a little


def fault_stacks(report, *functions):
    return [stack for stack in report["stacks"]
            if stack["kind"] == "fault" and (not functions or stack_calls(stack, functions))]


def live_bytes(stacks):
    return sum(stack["live_bytes"] for stack in stacks)


class Faults(seep_test.SeepTestCase):
    def record(self, source):
        workload = self.enterContext(Workload("toucher"))
        recording = self.enterContext(Recording(workload.pid, "--source", source))
        truth = workload.work()
        recording.stop()
        return truth, recording.report("--top", "1000000"), recording

    def check(self, truth, report):
        for function, expected in truth["touched"].items():
            self.assertEqual(live_bytes(fault_stacks(report, function)), expected, function)
        faulted = report["process"]["faulted"]
        self.assertEqual(live_bytes(fault_stacks(report)), faulted["live_bytes"])
        self.assertAlmostEqual(faulted["live_bytes"] + faulted["untold_bytes"],
                               truth["anonymous_growth"], delta=SLACK)
        self.assertLess(faulted["untold_bytes"], SLACK)
        self.assertEqual(report["losses"]["lost_faults"], 0)
        kept = fault_stacks(report, "touch_kept")[0]
        self.assertEqual([seep_test.name_of(frame) for frame in kept["frames"][:2]],
                         ["touch_kept", "main"])

    def test_alone(self):
        truth, report, recording = self.record("faults")
        self.check(truth, report)
        self.assertEqual(report["sources"], "faults")
        self.assertEqual(report["process"]["live_bytes"], 0)
        folded = seep_test.run("folded", recording.path)
        self.assertIn("main;(anonymous namespace)::touch_kept(char*) 16789504\n", folded.stdout)

    def test_beside_the_others_nothing_is_added_up(self):
        truth, report, recording = self.record("heap,mapping,faults")
        self.check(truth, report)
        total = sum(int(line.rsplit(" ", 1)[1])
                    for line in seep_test.run("folded", recording.path).stdout.splitlines())
        self.assertEqual(total, report["process"]["live_bytes"] +
                         report["process"]["mapped"]["live_bytes"])
        faults = seep_test.run("folded", recording.path, "--kind", "fault").stdout
        self.assertIn("main;(anonymous namespace)::touch_kept(char*) 16789504\n", faults)

    def test_threads_and_a_runtime(self):
        """Threads made before and after attaching, in a program that nobody prepared."""
        program = ("import sys, threading\n"
                   "kept = []\n"
                   "def fill():\n"
                   "    for _ in range(200): kept.append(bytearray(b'x' * 100_000))\n"
                   "print('ready', flush=True)\n"
                   "sys.stdin.readline()\n"
                   "threads = [threading.Thread(target=fill) for _ in range(4)]\n"
                   "[t.start() for t in threads]; [t.join() for t in threads]\n"
                   "print('done', flush=True)\n"
                   "sys.stdin.readline()\n")
        with subprocess.Popen([sys.executable, "-c", program], stdin=subprocess.PIPE,
                              stdout=subprocess.PIPE, text=True) as target:
            self.addCleanup(target.kill)
            self.assertEqual(target.stdout.readline(), "ready\n")
            with Recording(target.pid, "--source", "faults") as recording:
                target.stdin.write("\n")
                target.stdin.flush()
                self.assertEqual(target.stdout.readline(), "done\n")
                recording.stop()
                faulted = recording.report()["process"]["faulted"]
            target.stdin.write("\n")
            target.stdin.flush()
        self.assertGreater(faulted["live_bytes"], 75_000_000)
        self.assertLess(faulted["untold_bytes"], 0.02 * faulted["live_bytes"])

    def test_a_child_and_an_end_between_snapshots(self):
        """A child fills its memory as soon as it is known, and ends long before a snapshot."""
        program = ("import os, sys, time\n"
                   "def fill(): return bytearray(b'x' * 20_000_000)\n"
                   "if os.fork() == 0:\n"
                   "    sys.stdin.readline()\n"
                   "    kept = fill()\n"
                   "    time.sleep(4)\n"
                   "    os._exit(0)\n"  # before the interpreter gives the memory back
                   "kept = fill()\n"
                   "os.wait()\n"
                   "os._exit(0)\n")
        with tempfile.TemporaryDirectory() as directory:
            path = os.path.join(directory, "recording.seep")
            with subprocess.Popen(
                    [seep_test.SEEP, "record", "--follow-forks", "--source", "faults",
                     "--interval", "1m", "--verbose", "-o", path, "--",
                     sys.executable, "-c", program],
                    stdin=subprocess.PIPE, stdout=subprocess.DEVNULL, stderr=subprocess.PIPE,
                    text=True) as record:
                for line in record.stderr:
                    if "fork: " in line:
                        record.stdin.write("\n")
                        record.stdin.flush()
            with sqlite3.connect(path) as recording:
                touched = [row[0] for row in recording.execute(
                    "SELECT MAX(touched_bytes) FROM process_sample GROUP BY process")]
        self.assertEqual(len(touched), 2)
        for each in touched:
            self.assertGreater(each, 20_000_000)


if __name__ == "__main__":
    seep_test.main()
