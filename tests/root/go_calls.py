# SPDX-License-Identifier: GPL-2.0-only
"""What C code allocates that Go has called is found under the Go functions that have called it, which
Go's own runtime tells (workloads/go_calls/)."""

import collections
import os
import shutil
import subprocess
import tempfile
import unittest

import seep_test
from seep_test import Recording, SeepTestCase, Workload
from stacks_match_gdb import Addresses, all_recorded_stacks

SOURCE = os.path.join(os.path.dirname(os.path.abspath(__file__)), "..", "workloads", "go_calls")
# Between malloc and the callers of main.allocate: two functions of C, one that cgo makes, asmcgocall,
# cgocall since Go 1.21, another that cgo makes, a closure and main.allocate, some of them inlined.
BETWEEN = range(5, 10)


@unittest.skipUnless(shutil.which("go"), "Go is not installed")
class GoCalls(SeepTestCase):
    @classmethod
    def setUpClass(cls):
        cls.directory = tempfile.TemporaryDirectory(prefix="seep-test-")
        cls.addClassCleanup(cls.directory.cleanup)

    def build(self, *flags):
        program = os.path.join(self.directory.name, "program")
        environment = {"PATH": os.environ["PATH"], "HOME": self.directory.name, "CGO_ENABLED": "1",
                       "GOFLAGS": "-buildvcs=false", "GOPROXY": "off"}
        subprocess.run(["go", "build", "-o", program, *flags, "."], cwd=SOURCE, env=environment,
                       check=True)
        return program

    def check(self, *flags):
        with Workload(self.build(*flags)) as workload, Recording(workload.pid) as recording:
            truth = workload.work()
            addresses = Addresses(workload.pid)
            recording.stop()
            recorded = all_recorded_stacks(recording.path)
        said = collections.Counter()
        for allocation in truth:
            said[tuple(map(addresses.of, allocation["callers"]))] += allocation["size"]
        self.assertGreater(len(said), 40)
        found = collections.Counter()
        for ending, frames, size, _ in recorded:
            places = [frame[:2] for frame in frames]
            for i in BETWEEN:
                if tuple(places[i:]) in said:
                    self.assertEqual(ending, 0)
                    found[tuple(places[i:])] += size
                    break
        self.assertEqual(differences(found, said), [])
        print(f"{len(truth)} stacks compared")

    def test_with_debug_information(self):
        self.check()

    def test_with_debug_information_that_is_not_compressed(self):
        self.check("-ldflags=-compressdwarf=false")

    def test_stripped(self):
        self.check("-ldflags=-s -w")

    def test_position_independent(self):
        self.check("-buildmode=pie")


def differences(found, said):
    """Stacks of callers whose bytes are not what they should be."""
    return [f"{said[callers]} bytes by Go, {found[callers]} recorded: {text_of(callers)}"
            for callers in {*found, *said} if found[callers] != said[callers]]


def text_of(callers):
    return " ".join(f"{name}+{address:#x}" for name, address in callers)


if __name__ == "__main__":
    seep_test.main()
