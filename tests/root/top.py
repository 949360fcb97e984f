# SPDX-License-Identifier: GPL-2.0-only
"""`seep top` as people use it, in a real terminal: tmux draws it, presses its keys and tells what is
on the screen."""

import glob
import os
import re
import shlex
import signal
import subprocess
import tempfile

import seep_test
from seep_test import SEEP, eventually

# bash 5.2 forgets part of what it has parsed each time it meets an unterminated function.
LEAK = """
exec 3<> <(:)
while :; do
    eval "worker() { echo starting; echo reading; " 2>/dev/null
    read -r -t 0.01 -u 3
done"""
LEAKING_FUNCTION = "alloc_word_desc"
TOP = ("top", "--interval", "200ms", "--sample", "exact")


class Terminal:
    """A shell command in a terminal of that size."""

    def __init__(self, command, columns=80, lines=24, **environment):
        self.directory = tempfile.TemporaryDirectory(prefix="seep-test-")
        self.socket = os.path.join(self.directory.name, "tmux")
        environment = {"LC_ALL": "C.UTF-8", "PS1": "", **environment}
        assignments = " ".join(f"{name}={shlex.quote(value)}" for name, value in environment.items())
        self.tmux("-f", "/dev/null", "new-session", "-d", "-x", str(columns), "-y", str(lines),
                  "-c", self.directory.name,
                  f"{assignments} exec bash -c {shlex.quote(command + '; sleep 1000')}")

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self.tmux("kill-server")
        self.directory.cleanup()

    def tmux(self, *arguments):
        # -u: it is UTF-8 whatever the locale of the tests is.
        return subprocess.run(["tmux", "-u", "-S", self.socket, *arguments], check=True,
                              capture_output=True, text=True).stdout

    def press(self, *keys):
        for key in keys:
            self.tmux("send-keys", key)

    def type(self, text):
        self.tmux("send-keys", "-l", text)

    def resize(self, columns, lines):
        self.tmux("resize-window", "-x", str(columns), "-y", str(lines))

    def screen(self):
        return self.tmux("capture-pane", "-p")

    def selected(self):
        """The line in reverse video."""
        found = re.findall("^(?:\x1b\\[[0-9;]*m)*\x1b\\[[0-9;]*7m.*$",
                           self.tmux("capture-pane", "-p", "-e"), re.MULTILINE)
        return re.sub("\x1b\\[[0-9;]*m", "", found[0]) if found else ""

    def shows(self, text):
        try:
            return eventually(lambda: text in self.screen(), text)
        except AssertionError:
            raise AssertionError(f"{text!r} is not on the screen:\n{self.screen()}") from None

    def seep_pid(self):
        pane = int(self.tmux("display", "-p", "#{pane_pid}"))
        children = subprocess.run(["pgrep", "-P", str(pane), "-f", "seep top"], check=True,
                                  capture_output=True, text=True).stdout.split()
        return int(children[0])

    def files(self, pattern):
        return glob.glob(os.path.join(self.directory.name, pattern))


def top(*arguments):
    """The command, with the terminal's settings before and after and its exit status."""
    command = shlex.join([os.path.abspath(SEEP), *TOP, *map(str, arguments)])
    return f'before=$(stty -g); {command}; echo "status $?"; ' \
           '[ "$before" = "$(stty -g)" ] && echo "the terminal is as it was"'


def leaking_bash():
    return subprocess.Popen(["/bin/bash", "-c", LEAK], stdin=subprocess.DEVNULL,
                            stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL,
                            env={"LD_LIBRARY_PATH": seep_test.own_library_path()})


class Top(seep_test.SeepTestCase):
    @classmethod
    def setUpClass(cls):
        cls.bash = leaking_bash()
        cls.addClassCleanup(cls.bash.wait)
        cls.addClassCleanup(cls.bash.kill)

    def rows(self, terminal):
        """The rows of the ranking."""
        lines = terminal.screen().split("\n")
        head = next(i for i, line in enumerate(lines) if line.startswith("VERDICT"))
        return [line for line in lines[head + 1:-2] if line.strip()]

    def test_a_session(self):
        with Terminal(top("-p", self.bash.pid)) as terminal:
            terminal.shows(LEAKING_FUNCTION)
            screen = terminal.screen()
            for label in (f"seep top  {self.bash.pid} /bin/bash -c", "resident ", "live heap ",
                          "allocations/s", "overhead ", "losses "):
                self.assertIn(label, screen)
            eventually(lambda: re.search(r"growing|leak", self.rows(terminal)[0]), "a verdict")
            self.assertRegex(self.rows(terminal)[0], r"[▁▂▃▄▅▆▇]+█")

            with self.subTest("sort and select"):
                terminal.press("l")
                terminal.shows("by live bytes")
                terminal.press("g", "Down")
                terminal.shows("by growth")
                second = eventually(terminal.selected, "a selected row")
                self.assertRegex(second, r"growing|leak|\?")
            with self.subTest("filter"):
                terminal.type("/no such function")
                terminal.shows("0 with \"no such function\"")
                terminal.press("Escape", "/")
                terminal.type("Read_Builtin")
                terminal.press("Enter")
                terminal.shows("with \"Read_Builtin\"")
                self.assertTrue(self.rows(terminal))
                terminal.press("Escape")
                eventually(lambda: "with \"" not in terminal.screen(), "all stacks again")
                terminal.press("Home")
            with self.subTest("a stack"):
                terminal.press("Enter")
                terminal.shows("malloc.c:" if "malloc.c" in terminal.screen() else "malloc")
                terminal.shows("live in")
                terminal.press("End")
                terminal.shows("_start")
                terminal.press("Escape")
                terminal.shows("VERDICT")
            with self.subTest("help"):
                terminal.press("?")
                terminal.shows("write a flame graph")
                terminal.press("?")
                terminal.shows("VERDICT")
            with self.subTest("size"):
                terminal.resize(120, 40)
                eventually(lambda: len(self.rows(terminal)) > 20, "more rows")
                terminal.resize(50, 8)
                terminal.shows("too small")
                terminal.resize(80, 24)
                terminal.shows("VERDICT")
            with self.subTest("flame graph"):
                terminal.press("f")
                terminal.shows("flame graph (growth) in seep-bash-")
                with open(terminal.files("seep-bash-*.svg")[0], encoding="utf-8") as file:
                    self.assertIn(LEAKING_FUNCTION, file.read())
            with self.subTest("recording"):
                terminal.press("r")
                terminal.shows("recording in seep-bash-")
                saved, = terminal.files("seep-bash-*.seep")
                self.assertEqual(os.stat(saved).st_mode & 0o7777, 0o600)
                report = seep_test.run("report", saved)
                self.assertEqual(report.returncode, 0, report.stderr)
                self.assertIn(LEAKING_FUNCTION, report.stdout)
            terminal.press("q")
            terminal.shows("status 0")
            terminal.shows("the terminal is as it was")
        self.assertEqual(seep_test.changed_text(self.bash.pid), [])

    def test_the_last_view_stays_when_the_target_ends(self):
        bash = leaking_bash()
        self.addCleanup(bash.wait)
        self.addCleanup(bash.kill)
        with Terminal(top("-p", bash.pid)) as terminal:
            terminal.shows(LEAKING_FUNCTION)
            bash.kill()
            bash.wait()
            terminal.shows("the target has ended; q quits")
            self.assertIn(LEAKING_FUNCTION, terminal.screen())
            terminal.press("r")
            terminal.shows("recording in seep-bash-")
            terminal.press("C-c")
            terminal.shows("status 0")
            terminal.shows("the terminal is as it was")

    def test_a_command_is_kept_off_the_screen(self):
        command = "echo noise; exec 2>&1; ls /nonexistent; sleep 1; exit 3"
        with Terminal(top("--", "bash", "-c", command)) as terminal:
            terminal.shows("bash exited with status 3; q quits")
            self.assertNotIn("nonexistent'", terminal.screen())
            self.assertNotIn("\nnoise", terminal.screen())
            terminal.press("q")
            terminal.shows("status 0")

    def test_signals_give_the_terminal_back(self):
        with Terminal(top("-p", self.bash.pid)) as terminal:
            terminal.shows("VERDICT")
            os.kill(terminal.seep_pid(), signal.SIGTERM)
            terminal.shows("the terminal is as it was")
            self.assertNotIn("VERDICT", terminal.screen())

    def test_without_unicode(self):
        with Terminal(top("-p", self.bash.pid), LC_ALL="C") as terminal:
            terminal.shows(LEAKING_FUNCTION)
            eventually(lambda: re.search(r"[-_.~=+*]+#", self.rows(terminal)[0]), "a sparkline")
            self.assertTrue(terminal.screen().isascii(), terminal.screen())

    def test_batches_go_to_standard_output(self):
        result = seep_test.run(*TOP, "-p", self.bash.pid, "-b", "-n", "2", "--top", "3")
        self.assertEqual(result.returncode, 0, result.stderr)
        self.assertEqual(result.stdout.count("VERDICT "), 2, result.stdout)
        self.assertEqual(result.stdout.count("seep top "), 2)
        self.assertNotIn("\x1b", result.stdout)
        self.assertNotIn("seep top", result.stderr)

    def test_where_it_cannot_be_drawn(self):
        message = self.assert_fails(2, *TOP, "-p", self.bash.pid)
        self.assertIn("not a terminal", message)
        self.assertIn("-b", message)
        self.assert_fails(2, *TOP, "-p", self.bash.pid, "-n", "3")
        self.assert_fails(3, *TOP, "-b", "-p", "4194304")
        with Terminal(top("-p", self.bash.pid), columns=40, lines=10) as terminal:
            terminal.shows("too small")
            terminal.shows("status 2")
        with Terminal(top("-p", self.bash.pid), TERM="dumb") as terminal:
            terminal.shows("cannot be drawn on (TERM is dumb)")
            terminal.shows("status 2")


if __name__ == "__main__":
    seep_test.main()
