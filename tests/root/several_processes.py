# SPDX-License-Identifier: GPL-2.0-only
"""Several processes in one recording: by number, by cgroup, and those that they fork."""

import os
import sqlite3
import subprocess
import tempfile
import unittest

import seep_test
from seep_test import Recording, WORKLOADS, Workload, heap_totals

HIERARCHIES = ("/sys/fs/cgroup/unified", "/sys/fs/cgroup", "/sys/fs/cgroup/memory")
UNIFIED = [path for path in HIERARCHIES if os.path.exists(os.path.join(path, "cgroup.procs"))]
NAMES = ("live_count", "live_bytes")


def new_cgroup():
    return tempfile.mkdtemp(prefix="seep-test-", dir=UNIFIED[0])


def put(pid, group):
    with open(os.path.join(group, "cgroup.procs"), "w", encoding="ascii") as file:
        file.write(str(pid))


def remove(group):
    """A cgroup can be removed once the last of its processes is gone."""
    def removed():
        try:
            os.rmdir(group)
        except OSError:
            return False
        return True
    seep_test.eventually(removed, "an empty cgroup")


def forking_shell():
    """After a line on its stdin it forks twice; the one child executes eight_functions, and the
    other keeps it alive for two seconds."""
    script = f"read start; sleep 2 | {os.path.join(WORKLOADS, 'eight_functions')}; exit 0"
    return subprocess.Popen(["bash", "-c", script], stdin=subprocess.PIPE,
                            stdout=subprocess.DEVNULL)


class CgroupRecording(Recording):
    """As Recording, with a cgroup for its target."""

    def __init__(self, path, *options):
        self.directory = tempfile.TemporaryDirectory(prefix="seep-test-")
        self.path = os.path.join(self.directory.name, "recording.seep")
        self.process = subprocess.Popen(
            [seep_test.SEEP, "record", "--cgroup", path, "--sample", "exact", "--interval", "200ms",
             "-o", self.path, *options],
            stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True)
        seep_test.eventually(self.has_snapshot, "the first snapshot")


class SeveralProcesses(seep_test.SeepTestCase):
    def assert_sum_of_truths(self, report, *truths):
        totals = heap_totals(report)
        self.assertEqual({name: totals[name] for name in NAMES},
                         {name: sum(truth[name] for truth in truths) for name in NAMES})

    def test_two_pids(self):
        with Workload("eight_functions") as one, Workload("exact_threads", 2) as two, \
                Recording(one.pid, "-p", str(two.pid)) as recording:
            truths = [one.work(), two.work()]
            recording.stop()
            report = recording.report("--top", "1000000")
        self.assert_sum_of_truths(report, *truths)
        self.assert_no_losses(report)

    @unittest.skipUnless(UNIFIED, "no cgroup hierarchy is mounted")
    def test_cgroup(self):
        group = new_cgroup()
        try:
            with Workload("eight_functions") as one, Workload("exact_threads", 2) as two, \
                    Workload("eight_functions") as outside:
                for workload in (one, two):
                    put(workload.pid, group)
                with CgroupRecording(group) as recording:
                    truths = [one.work(), two.work()]
                    outside.work()
                    recording.stop()
                    report = recording.report("--top", "1000000")
            self.assert_sum_of_truths(report, *truths)
        finally:
            remove(group)

    def check_forks(self, shell, recording):
        with shell, recording:
            shell.stdin.write(b"\n")
            shell.stdin.flush()
            recording.finish()
            database = sqlite3.connect(recording.path)
            commands = [row[0] for row in database.execute("select command from process")]
            database.close()
        self.assertTrue(any("eight_functions" in command for command in commands), commands)

    def test_forked_children_are_followed(self):
        shell = forking_shell()
        self.check_forks(shell, Recording(shell.pid, "--follow-forks"))

    @unittest.skipUnless(UNIFIED, "no cgroup hierarchy is mounted")
    def test_processes_that_join_a_cgroup_by_fork(self):
        group = new_cgroup()
        try:
            shell = forking_shell()
            put(shell.pid, group)
            self.check_forks(shell, CgroupRecording(group))
        finally:
            remove(group)

    def test_status_of_a_launched_command(self):
        with tempfile.TemporaryDirectory(prefix="seep-test-") as directory:
            for script, says in (("exit 7", "exited with status 7"),
                                 ("kill -TERM $$", "SIGTERM|signal 15|Terminated")):
                path = os.path.join(directory, says[:6] + ".seep")
                result = seep_test.run("record", "-o", path, "--", "bash", "-c", script)
                self.assertEqual(result.returncode, 0, result.stderr)
                self.assertRegex(result.stderr, says)

    def test_target_whose_files_are_gone(self):
        """In a mount namespace of its own, its executable deleted."""
        with tempfile.TemporaryDirectory(prefix="seep-test-") as directory:
            program = os.path.join(directory, "eight_functions")
            subprocess.run(["cp", os.path.join(WORKLOADS, "eight_functions"), program], check=True)
            process = ["unshare", "-m", "sh", "-c",
                       f"mount -t tmpfs none {directory} && "
                       f"cp {WORKLOADS}/eight_functions {program} && exec {program}"]
            with Workload("/usr/bin/env", *process) as workload:
                os.unlink(f"/proc/{workload.pid}/root{program}")
                truth, report = seep_test.record_work(workload)
        self.assert_totals_are_the_truth(report, truth)
        self.assert_no_losses(report)
        self.assertGreater(heap_totals(report, "leak_malloc")["live_count"], 0)


if __name__ == "__main__":
    seep_test.main()
