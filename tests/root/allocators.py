# SPDX-License-Identifier: GPL-2.0-only
"""Under every allocator, preloaded or linked in, totals are exact, and programs that throw live."""

import json
import os
import shutil
import subprocess
import tempfile
import unittest

import seep_test
from seep_test import Workload, heap_totals, record_work

LIBRARIES = "/usr/lib/x86_64-linux-gnu"
SOURCES = os.path.join(os.path.dirname(os.path.abspath(__file__)), "..", "workloads")
EXACT = (("exact_threads", 4, 3_001), ("eight_functions",), ("all_operators",))
MODES = ("session", "multi", "single")


def build(directory, name, compiler, *flags):
    """Compile a workload anew; its path."""
    source = next(os.path.join(SOURCES, name + end) for end in (".cpp", ".c")
                  if os.path.exists(os.path.join(SOURCES, name + end)))
    # In a folder of its own, so that a program keeps its name whatever it is linked with.
    path = os.path.join(tempfile.mkdtemp(dir=directory), name)
    subprocess.run([compiler, "-g", "-O2", "-o", path, source, *flags], check=True)
    return path


class Allocators(seep_test.SeepTestCase):
    @classmethod
    def setUpClass(cls):
        cls.directory = tempfile.mkdtemp(prefix="seep-test-")
        cls.addClassCleanup(shutil.rmtree, cls.directory)
        cls.operators = build(cls.directory, "all_operators", "g++", "-std=c++20")

    def check_totals(self, *command, options=(), **popen):
        with Workload(*command, **popen) as workload:
            truth, report = record_work(workload, *options)
        self.assert_totals_are_the_truth(report, truth)
        return report

    def check_exact(self, *command, **named):
        self.assert_no_losses(self.check_totals(*command, **named))

    def check_preloaded(self, library):
        path = os.path.join(LIBRARIES, library)
        if not os.path.exists(path):
            self.skipTest(f"{library} is not installed: scripts/install-deps.sh --tests")
        environment = {**os.environ, "LD_PRELOAD": path}
        for name, *arguments in EXACT:
            program = self.operators if name == "all_operators" else name
            for mode in MODES if name == "all_operators" else MODES[:1]:
                with self.subTest(library=library, mode=mode, program=name):
                    self.check_exact(program, *arguments, options=("--attach-mode", mode),
                                     env=environment)
        return environment

    def check_thrower(self, environment):
        with Workload("thrower", env=environment) as workload:
            truth, report = record_work(workload)
        totals = heap_totals(report, "leak_now")
        self.assertEqual((totals["live_count"], totals["live_bytes"]),
                         (truth["live_count"], truth["live_bytes"]))

    def test_jemalloc(self):
        self.check_thrower(self.check_preloaded("libjemalloc.so.2"))

    def test_tcmalloc(self):
        self.check_thrower(self.check_preloaded("libtcmalloc.so.4"))

    def test_tcmalloc_minimal(self):
        self.check_thrower(self.check_preloaded("libtcmalloc_minimal.so.4"))

    def test_mimalloc(self):
        # Without thrower: Debian's is built as C, where a failing operator new aborts.
        self.check_preloaded("libmimalloc.so.2")

    def test_glibc(self):
        for mode in MODES:
            with self.subTest(mode=mode):
                self.check_exact(self.operators, options=("--attach-mode", mode))

    def check_static(self, *flags, programs=EXACT):
        for name, *arguments in programs:
            with self.subTest(program=name):
                program = build(self.directory, name, "g++", "-std=c++20", "-static", *flags,
                                "-pthread")
                self.check_exact(program, *arguments)

    def test_static_glibc(self):
        self.check_static()

    def test_static_jemalloc(self):
        # It has no pvalloc, so that glibc's malloc would come along with that function.
        self.check_static("-ljemalloc", programs=[e for e in EXACT if e[0] != "eight_functions"])

    def test_static_tcmalloc(self):
        self.check_static("-ltcmalloc_minimal")

    @unittest.skipUnless(shutil.which("musl-gcc"), "musl-tools is not installed")
    def test_static_musl(self):
        program = build(self.directory, "c_functions", "musl-gcc", "-static")
        losses = self.check_totals(program)["losses"]
        # musl has no call frame information: what is outside main is not found.
        for name in ("truncated_stacks", "stacks_no_row"):
            losses[name] = 0
        self.assertEqual(sum(losses.values()), 0, losses)

    def test_launched(self):
        """Everything is seen from the first instruction, so no free is unmatched."""
        for library in ("", "libjemalloc.so.2", "libtcmalloc_minimal.so.4", "libmimalloc.so.2"):
            path = os.path.join(self.directory, f"launched-{library}.seep")
            with self.subTest(library=library):
                # seep itself runs on that allocator then, too.
                preload = {"LD_PRELOAD": os.path.join(LIBRARIES, library)} if library else {}
                result = seep_test.run("record", "--sample", "exact", "-o", path, "--",
                                       self.operators, env={**os.environ, **preload})
                self.assertEqual(result.returncode, 0, result.stderr)
                report = json.loads(seep_test.run("report", path, "--format", "json").stdout)
                self.assertEqual(report["losses"]["unmatched_frees"], 0)
                self.assertEqual(heap_totals(report, "main")["live_bytes"], 24 * 1_088)


if __name__ == "__main__":
    seep_test.main()
