# SPDX-License-Identifier: GPL-2.0-only
"""The workload alloc_rate, and how fast it is over a span of time that begins now."""

import time
from typing import NamedTuple

from seep_test import Workload


class Rate(NamedTuple):
    pairs_per_second: float  # of wall time, which others on the machine take from it
    cpu_per_pair: float      # seconds of its own CPU time, which they do not


class AllocRate(Workload):
    def __init__(self, *arguments, **options):
        super().__init__("alloc_rate", *arguments, **options)

    def measure(self, seconds=0.2):
        # Lines from before now wait in the pipe: each carries its time, on the clock of this one.
        first = self.line_after(time.monotonic())
        last = self.line_after(first[2] + seconds)
        pairs, cpu, wall = (b - a for a, b in zip(first, last))
        return Rate(pairs / wall, cpu / pairs)

    def line_after(self, moment):
        while True:
            pairs, cpu, now = map(int, self.process.stdout.readline().split())
            if now / 1e9 >= moment:
                return pairs, cpu / 1e9, now / 1e9
