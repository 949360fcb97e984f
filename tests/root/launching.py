# SPDX-License-Identifier: GPL-2.0-only
"""A launched command is traced from its first allocation, and so is what it becomes; and it runs on
whatever happens to seep."""

import contextlib
import itertools
import os
import signal
import sqlite3
import subprocess
import tempfile

import seep_test
from seep_test import eventually

PERL = 'my %h = map { $_ => "x" x $_ } 1..999; print join(",", sort keys %h)'
ENVIRONMENT = {**os.environ, "PERL_HASH_SEED": "0", "LC_ALL": "C"}


def allocations_by_program(path):
    """(program, allocations that it made, those of them whose stacks were followed to the root)."""
    with contextlib.closing(sqlite3.connect(path)) as database:
        return [(command.split()[0], made, whole) for command, made, whole in database.execute(
            "select command, (select max(allocated_count) from process_sample"
            "                 where process = process_image.id),"
            " (select sum(allocated_count) from latest_totals"
            "  join stack on stack.id = latest_totals.stack"
            "  where stack.process = process_image.id and ending = 0)"
            " from process as process_image order by id")]


def state_of(pid):
    """(name, state) of a process; no name for none."""
    try:
        with open(f"/proc/{pid}/stat", encoding="ascii") as file:
            name, fields = file.read().split("(", 1)[1].rsplit(") ", 1)
            return name, fields[0]
    except OSError:
        return "", "X"


def children_of(pid):
    with contextlib.suppress(OSError), \
            open(f"/proc/{pid}/task/{pid}/children", encoding="ascii") as file:
        return [int(child) for child in file.read().split()]
    return []


class Launching(seep_test.SeepTestCase):
    def setUp(self):
        directory = tempfile.TemporaryDirectory(prefix="seep-test-")
        self.addCleanup(directory.cleanup)
        self.directory = directory.name
        self.numbers = itertools.count()
        self.marker = os.path.join(self.directory, "marker")

    def arguments(self, command):
        """Each time with a recording of its own, self.path."""
        self.path = os.path.join(self.directory, f"{next(self.numbers)}.seep")
        return [seep_test.SEEP, "record", "--sample", "exact", "--interval", "500ms",
                "-o", self.path, "--", *command]

    def record(self, *command):
        result = subprocess.run(self.arguments(command), stdin=subprocess.DEVNULL, env=ENVIRONMENT,
                                capture_output=True, text=True, timeout=seep_test.PATIENCE,
                                check=False)
        self.assertEqual(result.returncode, 0, result.stderr)
        self.assertIn("exited with status 0", result.stderr)
        programs = allocations_by_program(self.path)
        for name, made, whole in programs:
            self.assertEqual(made, whole, name)
        return {name: made for name, made, _ in programs}

    def test_what_a_command_becomes_is_traced_from_its_first_allocation(self):
        alone = self.record("perl", "-e", PERL)
        self.assertEqual(self.record("env", "perl", "-e", PERL)["perl"], alone["perl"])
        # Between them time passes, and other processes run.
        script = 'x=$(perl -e "print 1"); sleep 0.3; exec nice setsid perl -e "$0"'
        wrapped = self.record("bash", "-c", script, PERL)
        self.assertEqual(list(wrapped), ["bash", "nice", "setsid", "perl"])
        # SHLVL and _ are more of its environment.
        self.assertGreaterEqual(wrapped["perl"], alone["perl"])

    def launch(self, *command):
        recorder = subprocess.Popen(self.arguments(command), stdin=subprocess.DEVNULL,
                                    stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
        self.addCleanup(recorder.wait)
        self.addCleanup(recorder.kill)
        return recorder

    def await_state(self, recorder, name, states):
        """Waits until the launched command has them; its process id."""
        return eventually(lambda: next((pid for pid in children_of(recorder.pid)
                                        if state_of(pid) in [(name, s) for s in states]), None),
                          f"{name} in state {states}")

    def test_the_command_lives_on_when_seep_is_killed(self):
        # The first makes no children: their signals would wait for the recorder, too.
        command = ("perl", "-e", "select(undef, undef, undef, 0.5); exec(@ARGV)", "sh", "-c",
                   f"sleep 0.5; touch '{self.marker}'")
        for name, states in ("perl", "S"), ("sh", "t"):
            with self.subTest(name=name, states=states):
                recorder = self.launch(*command)
                self.await_state(recorder, "perl", "S")
                if states == "t":  # the stop lasts as long as nobody goes on from it
                    recorder.send_signal(signal.SIGSTOP)
                self.await_state(recorder, name, states)
                recorder.kill()
                recorder.wait()
                eventually(lambda: os.path.exists(self.marker), "the program has gone on")
                os.remove(self.marker)

    def test_a_command_that_is_stopped_by_its_user(self):
        recorder = self.launch("env", "perl", "-e", "sleep 1000")
        command = self.await_state(recorder, "perl", "S")
        os.kill(command, signal.SIGSTOP)
        self.await_state(recorder, "perl", "t")
        # Job control still holds when it is let go.
        self.await_state(recorder, "perl", "T")
        os.kill(command, signal.SIGCONT)
        self.await_state(recorder, "perl", "S")
        os.kill(command, signal.SIGTERM)
        self.assertEqual(recorder.wait(seep_test.PATIENCE), 0)


if __name__ == "__main__":
    seep_test.main()
