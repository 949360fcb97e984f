# SPDX-License-Identifier: GPL-2.0-only
"""Profiles in Go's own pprof: its tables, its comparison of two, its pages."""

import os
import re
import socket
import subprocess
import time
import unittest
import urllib.request

from profiles import Recordings, need, seep


class GoToolPprof(unittest.TestCase):
    @classmethod
    def setUpClass(cls):
        cls.directory = Recordings()
        # Where pprof keeps copies of what it fetched, and its settings.
        cls.environment = {**os.environ, "HOME": cls.directory.name,
                           "PPROF_TMPDIR": cls.directory.name}
        for name in ("earlier", "plain", "nasty"):
            seep("pprof", cls.path(name + ".seep"), "-o", cls.path(name + ".pb.gz"))

    @classmethod
    def tearDownClass(cls):
        cls.directory.cleanup()

    @classmethod
    def path(cls, name):
        return os.path.join(cls.directory.name, name)

    def go(self, *arguments):
        done = subprocess.run(["go", "tool", "pprof", *arguments], capture_output=True, text=True,
                              env=self.environment, stdin=subprocess.DEVNULL, check=False)
        self.assertEqual(done.returncode, 0, done.stderr)
        return done.stdout

    def top(self, *arguments):
        """{function: (flat, cumulative)} in bytes."""
        text = self.go("-top", "-unit=bytes", "-nodecount=100", "-nodefraction=0", *arguments)
        rows = re.findall(r"^ *(-?\d+)B? +\S+ +\S+ +(-?\d+)B? +\S+ +(.+?)(?: \(inline\))?$", text,
                          re.M)
        return {name: (int(flat), int(cumulative)) for flat, cumulative, name in rows}

    def test_top(self):
        live = self.top(self.path("plain.pb.gz"))
        total = 1100 * 64 + 5000 + 7 * 16
        self.assertEqual(live["malloc"], (total, total))
        # pprof leaves parameters out of C++ names.
        self.assertEqual(live["Cache::insert"], (0, 1100 * 64))
        self.assertEqual(live["walk"], (0, 1100 * 64))
        self.assertEqual(live["[libother.so]"], (0, 5000))
        self.assertEqual(live["[truncated]"], (0, 112))
        growth = self.top("-sample_index=growth_space", self.path("plain.pb.gz"))
        self.assertEqual(growth["main"], (0, 1100 * 64))

    def test_comparison(self):
        more = self.top("-base", self.path("earlier.pb.gz"), self.path("plain.pb.gz"))
        self.assertEqual(more["serve(Request&)"], (0, 990 * 64))
        self.assertNotIn("[libother.so]", more)

    def test_everything_is_read(self):
        raw = self.go("-raw", self.path("nasty.pb.gz"))
        self.assertIn("alloc_objects/count alloc_space/bytes inuse_objects/count "
                      "inuse_space/bytes[dflt] growth_space/bytes", raw)
        self.assertRegex(self.go("-traces", self.path("plain.pb.gz")), "verdict: +[a-z]")

    def test_pages(self):
        with socket.socket() as free:
            free.bind(("127.0.0.1", 0))
            address = f"127.0.0.1:{free.getsockname()[1]}"
        server = subprocess.Popen(
            ["go", "tool", "pprof", "-no_browser", "-http", address, self.path("plain.pb.gz")],
            env=self.environment, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
        try:
            end = time.monotonic() + 60
            while True:
                try:
                    page = urllib.request.urlopen(f"http://{address}/ui/flamegraph").read().decode()
                    break
                except OSError:
                    self.assertLess(time.monotonic(), end)
                    time.sleep(0.1)
            self.assertIn("Cache::insert", page)
        finally:
            server.terminate()
            server.wait()


if __name__ == "__main__":
    need("go")
    unittest.main()
