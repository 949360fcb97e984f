# SPDX-License-Identifier: GPL-2.0-only
"""What cannot be done ends with the right status and a sentence, never with a crash."""

import os
import shlex
import shutil
import sqlite3
import subprocess
import tempfile

import seep_test
from seep_test import Recording, SEEP, Workload

NOBODY = 65534


class BadTargets(seep_test.SeepTestCase):
    def record(self, pid, *options, **named):
        with tempfile.TemporaryDirectory() as directory:
            return self.assert_fails(3, "record", "-p", pid, "--duration", "1s", "-o",
                                     os.path.join(directory, "out.seep"), *options, **named)

    def test_no_such_process(self):
        with open("/proc/sys/kernel/pid_max", encoding="ascii") as file:
            self.assertRegex(self.record(int(file.read()) - 1), "(?i)no (such )?process")

    def test_kernel_thread(self):
        self.assertIn("kernel thread", self.record(2))

    def test_zombie(self):
        with subprocess.Popen(["true"]) as child:
            os.waitid(os.P_PID, child.pid, os.WEXITED | os.WNOWAIT)
            self.assertIn("zombie", self.record(child.pid))

    def test_program_without_an_allocator(self):
        with Workload("no_allocator") as workload:
            self.assertIn("allocator", self.record(workload.pid))
            self.assertTrue(workload.alive())

    def test_process_of_another_user(self):
        with Workload("eight_functions") as workload:
            with tempfile.TemporaryDirectory() as directory:
                # A copy, because the way to the build may be closed to others.
                os.chmod(directory, 0o755)
                seep = shutil.copy(seep_test.SEEP, directory)
                result = subprocess.run(
                    [seep, "record", "-p", str(workload.pid), "-o", "/dev/null"], user=NOBODY,
                    group=NOBODY, extra_groups=[], cwd="/", capture_output=True, text=True,
                    check=False, timeout=seep_test.PATIENCE)
            self.assertEqual(result.returncode, 3, result.stderr)
            self.assertRegex(result.stderr, "(?i)privilege|permission|CAP_")

    def test_output_that_cannot_be_written(self):
        with Workload("eight_functions") as workload:
            for path in ("/nonexistent/out.seep", "/proc/out.seep", "/"):
                result = seep_test.run("record", "-p", workload.pid, "--duration", "1s", "-o", path)
                self.assertIn(result.returncode, (1, 2), result.stderr)
                self.assertIn(path, result.stderr)
            self.assertEqual(seep_test.changed_text(workload.pid), [])


class BadUsage(seep_test.SeepTestCase):
    def test_nonsense_options(self):
        pid = os.getpid()
        for arguments in (
                [], ["frobnicate"], ["record"], ["record", "-p", "-1"], ["record", "-p", "0"],
                ["record", "-p", "12x"], ["record", "-p", "99999999999999999999"],
                ["record", "-p", pid, "--frobnicate"],
                ["record", "-p", pid, "--interval", "0s"],
                ["record", "-p", pid, "--interval", "1"],
                ["record", "-p", pid, "--interval", "10ms"],
                ["record", "-p", pid, "--duration", "-5s"],
                ["record", "-p", pid, "--duration", "soon"],
                ["record", "-p", pid, "--sample", "0"],
                ["record", "-p", pid, "--sample", "many"],
                ["record", "-p", pid, "--max-overhead", "lots"],
                ["report"], ["report", "/nonexistent.seep"],
                ["report", "/dev/null"], ["report", "/"],
                ["report", "--format", "prose", "/dev/null"],
                ["folded", "--value", "weight", "/dev/null"], ["flame", "/dev/null"]):
            with self.subTest(arguments=arguments):
                self.assert_fails(2, *arguments)


class BadRecordings(seep_test.SeepTestCase):
    @classmethod
    def setUpClass(cls):
        with Workload("exact_threads", 1) as workload, Recording(workload.pid) as recording:
            workload.work()
            recording.stop()
            with open(recording.path, "rb") as file:
                cls.good = file.read()

    def check(self, content):
        with tempfile.NamedTemporaryFile(suffix=".seep") as file:
            file.write(content)
            file.flush()
            self.assert_fails(2, "report", file.name)
            self.assert_fails(2, "folded", file.name)

    def test_truncated(self):
        for size in (0, 1, 15, 16, 99, 100, 4095, 4096, len(self.good) // 2, len(self.good) - 4096):
            with self.subTest(size=size):
                self.check(self.good[:size])

    def test_no_database(self):
        self.check(b"\x7fELF" + bytes(10_000))
        self.check(b"not a recording\n" * 1_000)

    def test_database_of_another_program(self):
        with tempfile.TemporaryDirectory() as directory:
            path = os.path.join(directory, "other.db")
            database = sqlite3.connect(path)
            database.execute("create table stacks (id integer)")
            database.commit()
            database.close()
            self.assert_fails(2, "report", path)

    def test_it_is_never_overwritten(self):
        with tempfile.NamedTemporaryFile(suffix=".seep") as file:
            file.write(self.good)
            file.flush()
            for command in (["report"], ["report", "--format", "html"], ["flame"], ["pprof"]):
                with self.subTest(command=command):
                    self.assert_fails(2, *command, file.name, "-o", file.name)
                    with open(file.name, "rb") as after:
                        self.assertEqual(after.read(), self.good)

    def test_what_cannot_be_said_changes_nothing(self):
        with tempfile.NamedTemporaryFile(suffix=".seep") as file:
            file.write(self.good)
            file.flush()
            for redirection, status in (
                    ("2>/dev/full", 0), ("2>&-", 0), ("<&-", 0), (">/dev/full", 1), (">&-", 1)):
                for arguments in (["report", file.name], ["--help"], ["report", "/nonexistent"]):
                    with self.subTest(redirection=redirection, arguments=arguments):
                        expected = 2 if arguments[-1] == "/nonexistent" else status
                        command = shlex.join([SEEP, *arguments]) + " " + redirection
                        done = subprocess.run(["bash", "-c", command], capture_output=True,
                                              check=False)
                        self.assertEqual(done.returncode, expected, done.stderr)

    def test_damaged(self):
        # The header stays, so that it is taken for a recording; status 0 is right where the damage
        # hits what is not read, a signal never is.
        for at in range(100, len(self.good), max(1, len(self.good) // 61)):
            damaged = bytearray(self.good)
            damaged[at:at + 32] = bytes(b ^ 0xff for b in damaged[at:at + 32])
            with tempfile.NamedTemporaryFile(suffix=".seep") as file:
                file.write(damaged)
                file.flush()
                result = seep_test.run("report", file.name, "--format", "json", errors="replace")
                self.assertIn(result.returncode, (0, 2), f"byte {at}: {result.stderr}")


if __name__ == "__main__":
    seep_test.main()
