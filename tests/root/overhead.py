# SPDX-License-Identifier: GPL-2.0-only
"""The overhead that a report tells is the one that the target has.

alloc_rate does nothing but allocate and free, in 5 ns a pair; traced, nearly all of its CPU time is
the probes'. Measured on Linux 6.18 in a virtual machine, a pair took 3.1 to 3.4 us with every
allocation followed and 1.4 us with one in 512 KiB, which is 99.6 to 99.8 % overhead; the reports
said 91 % in attach modes session and multi, and 79 % in mode single and under sampling.
"""

import time
import unittest

import seep_test
from seep_test import Recording, Workload

FACTOR = 1.5


def cpu_seconds(pid):
    """Of the first thread, to the nanosecond."""
    with open(f"/proc/{pid}/schedstat", encoding="ascii") as file:
        return int(file.read().split()[0]) / 1e9


def cpu_per_pair(workload, seconds=2):
    """The rates it prints are of wall time, which others on the machine take from it."""
    pairs, lines = 0, int(seconds / 0.1)
    workload.process.stdout.readline()
    start, before = time.monotonic(), cpu_seconds(workload.pid)
    for _ in range(lines):
        pairs += float(workload.process.stdout.readline())
    wall = time.monotonic() - start
    return (cpu_seconds(workload.pid) - before) / (pairs / lines * wall)


def drain_old_lines(workload):
    """Lines from before now wait in the pipe, or in Python's buffer: at most one comes at once."""
    while True:
        start = time.monotonic()
        workload.process.stdout.readline()
        if time.monotonic() - start > 0.05:
            return


class Overhead(seep_test.SeepTestCase):
    def check(self, *options, **named):
        with Workload("alloc_rate") as workload:
            untraced = cpu_per_pair(workload)
            with Recording(workload.pid, *options, **named) as recording:
                drain_old_lines(workload)
                traced = cpu_per_pair(workload)
                recording.stop()
                told = recording.report()["overhead"]["cpu_percent"]
        measured = 100 * (1 - untraced / traced)
        self.assertGreater(told, measured / FACTOR)
        self.assertLess(told, measured * FACTOR)

    def test_modes(self):
        for mode in ("session", "multi", "single"):
            with self.subTest(mode=mode):
                self.check("--attach-mode", mode)

    def test_sampled(self):
        self.check(sample="512K")


if __name__ == "__main__":
    seep_test.main()
