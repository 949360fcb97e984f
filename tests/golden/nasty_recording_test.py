# SPDX-License-Identifier: GPL-2.0-only
"""A recording with the worst names there can be, through every output: escaped or cut everywhere.

A new output is a new entry in OUTPUTS.
"""

import contextlib
import json
import os
import pty
import re
import subprocess
import tempfile
import unittest
import xml.dom.minidom

from browser import Browser
from profiles import Profile, Recordings, SEEP, need, seep, unprintable

COLOUR = re.compile("\x1b\\[[0-9;]*m")
LARGEST = 4 << 20  # of a few frames whose names are megabytes long


@contextlib.contextmanager
def shown(page, name):
    """A browser that has opened these bytes as a file of this name."""
    with tempfile.TemporaryDirectory() as directory, Browser() as browser:
        path = os.path.join(directory, name)
        with open(path, "wb") as file:
            file.write(page)
        browser.open(path)
        yield browser


class NastyRecording(unittest.TestCase):
    @classmethod
    def setUpClass(cls):
        cls.directory = Recordings()
        cls.file = os.path.join(cls.directory.name, "nasty.seep")

    @classmethod
    def tearDownClass(cls):
        cls.directory.cleanup()

    def printable(self, text):
        found = unprintable(text)
        self.assertIsNone(found, found and text[max(0, found.start() - 50):found.end() + 50])

    def text(self, output):
        self.printable(output.decode())
        # No name starts a line of its own.
        self.assertNotIn("\nevil", output.decode())

    def json(self, output):
        report = json.loads(output.decode())
        self.assertEqual(sorted(stack["kind"] for stack in report["stacks"]),
                         ["fault", "heap", "heap", "heap"])
        self.assertEqual(report["targets"][0]["pid"], 4242)

    def folded(self, output, frames=(3, 3, 7)):
        lines = output.decode().removesuffix("\n").split("\n")
        for line in lines:
            self.printable(line)
            self.assertRegex(line, " [0-9]+$")
        # A `;` in a name would make a frame more; the second stack starts at [truncated].
        self.assertEqual(sorted(line.count(";") + 1 for line in lines), list(frames))

    def folded_pages(self, output):
        self.folded(output, [5])

    def svg(self, output):
        page = xml.dom.minidom.parseString(output)
        scripts = len(xml.dom.minidom.parseString(
            seep("flame", "-o", "-", os.path.join(self.directory.name, "plain.seep"))
        ).getElementsByTagName("script"))
        self.assertEqual(len(page.getElementsByTagName("script")), scripts)
        self.printable(output.decode())
        with shown(output, "nasty.svg") as browser:
            title = browser.run("return document.title")
            self.assertNotEqual(title, "hacked")
            self.assertEqual(browser.run("return document.querySelectorAll('script').length"), scripts)
            self.assertEqual(browser.log(), [])

    def html(self, output):
        self.printable(output.decode())
        with shown(output, "nasty.html") as browser:
            browser.run("for (const button of document.querySelectorAll('.stack button'))"
                        " button.click()")
            self.assertNotEqual(browser.run("return document.title"), "hacked")
            self.assertEqual(browser.run("return document.querySelectorAll('script').length"), 2)
            self.assertEqual(browser.run("return document.querySelectorAll('tr.detail').length"), 4)
            self.assertEqual(browser.run("return document.querySelector('iframe').contentDocument"
                                         ".querySelectorAll('script').length"), 2)
            self.assertEqual(browser.log(), [])

    def pprof(self, output):
        profile = Profile(output)
        for text in profile.strings:
            self.assertIsNone(unprintable(text))
            self.assertNotIn("\n", text)
            self.assertLessEqual(len(text.encode()), 4096)
        self.assertEqual(len(profile.samples), 3)
        self.assertEqual(profile.raw["period"], [4096])

    def metrics(self, output):
        self.text(output)
        for line in output.decode().splitlines():
            self.assertLess(len(line), 2000)
            self.assertRegex(line, r'^#|^seep_[a-z_]+({([a-z]+="([^"\\]|\\["\\])*",?)+})? [^ ]+$')

    OUTPUTS = [
        (["report"], text),
        (["report", "--top", "0", "--sort", "live"], text),
        (["report", "--format", "json"], json),
        (["folded"], folded),
        (["folded", "--kind", "fault"], folded_pages),
        (["flame", "-o", "-"], svg),
        (["report", "--format", "html"], html),
        (["pprof", "-o", "-"], pprof),
        (["report", "--format", "metrics"], metrics),
    ]

    def test_every_output(self):
        for command, check in self.OUTPUTS:
            with self.subTest(command=command):
                output = seep(*command, self.file)
                self.assertLess(len(output), LARGEST)
                check(self, output)

    def test_live_view(self):
        for columns, lines in ((60, 12), (80, 24), (200, 60)):
            output = subprocess.run([os.environ["SEEP_LIVE_PAGES"], self.file, str(columns), str(lines)],
                                    capture_output=True, check=True).stdout.decode()
            shown = COLOUR.sub("", output)
            self.text(shown.encode())
            # Of ASCII; the view counts other characters as two columns.
            self.assertEqual([line for line in shown.split("\n")
                              if len(line.encode("ascii", "ignore")) > columns], [])
            self.assertIn("evil", shown)

    def test_terminal(self):
        """A terminal gets colours, and no other escape sequence."""
        master, slave = pty.openpty()
        with subprocess.Popen([SEEP, "report", self.file], stdout=slave,
                              env={**os.environ, "TERM": "xterm", "NO_COLOR": ""}) as process:
            os.close(slave)
            output = b""
            try:
                while part := os.read(master, 65536):
                    output += part
            except OSError:
                pass  # the other end of a terminal is closed
            os.close(master)
        self.assertEqual(process.returncode, 0)
        self.printable(COLOUR.sub("", output.decode()).replace("\r\n", "\n"))

    def test_errors_name_files_safely(self):
        name = "/nowhere/\x1b[2J\nseep: all is well"
        done = subprocess.run([SEEP, "report", name], capture_output=True, text=True, check=False)
        self.assertEqual(done.returncode, 2)
        self.printable(done.stderr)
        self.assertNotIn("\nseep: all", done.stderr)


if __name__ == "__main__":
    need("protoc", "chromedriver")
    unittest.main()
