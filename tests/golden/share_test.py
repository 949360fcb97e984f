# SPDX-License-Identifier: GPL-2.0-only
"""Manual pages and completions, which the build makes from the option table: in man, mandoc, bash,
zsh and fish, and held against --help."""

import glob
import os
import pty
import re
import select
import subprocess
import tempfile
import time
import unittest

from profiles import need, SEEP, seep

SHARE = os.environ["SEEP_SHARE"]
BASH = os.path.join(SHARE, "bash/seep")
ZSH = os.path.join(SHARE, "zsh/_seep")
FISH = os.path.join(SHARE, "fish/seep.fish")


def commands():
    text = seep("--help").decode().split("Commands:\n")[1].split("\n\n")[0]
    return re.findall(r"(?m)^  (\S+)", text)


def options(command):
    """Names of the options as --help has them."""
    names = set()
    for line in seep(command, "--help").decode().splitlines():
        if match := re.match(r"  ((-[^ ,]+)(, -[^ ]+)*)", line):
            names |= set(match[1].split(", "))
    return names - {"--"}


class ManualPages(unittest.TestCase):
    def pages(self):
        return sorted(glob.glob(os.path.join(SHARE, "man/*.1")))

    def test_there_is_one_a_command(self):
        self.assertEqual({os.path.basename(page) for page in self.pages()},
                         {"seep.1"} | {f"seep-{command}.1" for command in commands()})

    def test_man_and_mandoc_have_nothing_to_say(self):
        for page in self.pages():
            with self.subTest(page=os.path.basename(page)):
                lint = subprocess.run(["mandoc", "-T", "lint", "-W", "warning", page],
                                      capture_output=True, text=True, check=False)
                self.assertEqual(lint.stdout + lint.stderr, "")
                shown = subprocess.run(
                    ["man", "--warnings=w", "-E", "UTF-8", "-l", "-Tutf8", page],
                    env={**os.environ, "MANROFFSEQ": "", "MANWIDTH": "80"}, capture_output=True,
                    text=True, check=False)
                self.assertEqual((shown.returncode, shown.stderr), (0, ""))

    def test_every_option_is_there(self):
        for command in commands():
            page = os.path.join(SHARE, f"man/seep-{command}.1")
            text = subprocess.run(["mandoc", "-T", "ascii", page], capture_output=True, text=True,
                                  check=True).stdout
            text = re.sub(".\b", "", text)
            for option in options(command):
                self.assertRegex(text, rf"(?m)^ +(-\S+, )*{re.escape(option)}\b", command)


class Bash(unittest.TestCase):
    def complete(self, *words, before=""):
        script = (f'source "{BASH}"; {before} COMP_WORDS=("$@"); COMP_CWORD=$(($# - 1)); _seep; '
                  'printf "%s\\n" "${COMPREPLY[@]}"')
        done = subprocess.run(["bash", "-uc", script, "bash", "seep", *words], capture_output=True,
                              text=True, check=True)
        self.assertEqual(done.stderr, "")
        return set(done.stdout.split())

    def test_commands_and_options(self):
        self.assertLessEqual(set(commands()), self.complete(""))
        self.assertEqual(self.complete("rec"), {"record"})
        for command in commands():
            self.assertEqual(self.complete(command, "-"), options(command), command)

    def test_values(self):
        self.assertEqual(self.complete("report", "--format", "j"), {"json"})
        self.assertEqual(self.complete("flame", "x.seep", "--value", "a"), {"allocated"})
        self.assertIn(str(os.getpid()), self.complete("record", "-p", ""))
        with tempfile.TemporaryDirectory() as directory:
            for name in ("a.seep", "b.txt"):
                open(os.path.join(directory, name), "w", encoding="ascii").close()
            self.assertEqual(self.complete("report", directory + "/"), {directory + "/a.seep"})


class Fish(unittest.TestCase):
    def complete(self, line):
        with tempfile.TemporaryDirectory() as home:
            done = subprocess.run(
                ["fish", "--no-config", "-c", 'source $argv[1]; complete -C $argv[2]', FISH, line],
                capture_output=True, text=True, check=True, env={**os.environ, "HOME": home})
        self.assertEqual(done.stderr, "")
        return {shown.split("\t")[0] for shown in done.stdout.splitlines()}

    def test_commands_and_options(self):
        self.assertEqual(self.complete("seep rec"), {"record"})
        for command in commands():
            wanted = {name for name in options(command) if name.startswith("--")}
            self.assertEqual({name.rstrip("=") for name in self.complete(f"seep {command} --")},
                             wanted, command)

    def test_values(self):
        self.assertEqual(self.complete("seep report x --format j"), {"json"})


class Zsh(unittest.TestCase):
    """In a terminal, as a user has it: what is typed and a tab, and what then stands there."""

    def complete(self, typed, expected):
        with tempfile.TemporaryDirectory() as home:
            pid, terminal = pty.fork()
            if pid == 0:
                os.chdir(home)
                os.environ.update(HOME=home, TERM="dumb", ZDOTDIR=home)
                os.execvp("zsh", ["zsh", "-f", "-i"])
            try:
                setup = (f"PS1=; fpath=({os.path.dirname(ZSH)} $fpath); autoload -Uz compinit; "
                         "compinit -u -D; print re''ady\n")
                os.write(terminal, setup.encode())
                self.wait_for(terminal, "ready\r\n")
                os.write(terminal, typed.encode() + b"\t")
                self.wait_for(terminal, expected)
            finally:
                os.kill(pid, 9)
                os.waitpid(pid, 0)
                os.close(terminal)

    def wait_for(self, terminal, text):
        shown = ""
        end = time.monotonic() + 60
        while text not in shown:
            self.assertLess(time.monotonic(), end, shown)
            if select.select([terminal], [], [], 1)[0]:
                shown += os.read(terminal, 65536).decode(errors="replace")

    def test_commands_options_and_values(self):
        self.complete("seep rec", "record ")
        self.complete("seep record --dur", "--duration ")
        self.complete("seep report --format j", "json ")


if __name__ == "__main__":
    need("bash", "zsh", "fish", "man", "mandoc")
    unittest.main()
