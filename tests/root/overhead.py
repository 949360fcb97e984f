# SPDX-License-Identifier: GPL-2.0-only
"""The overhead that a report tells is the one that the target has.

alloc_rate does nothing but allocate and free, in 5 ns a pair; traced, nearly all of its CPU time is
the probes'. Measured on Linux 6.18 in a virtual machine, a pair took 3.1 to 3.4 us with every
allocation followed and 1.4 us with one in 512 KiB, which is 99.6 to 99.8 % overhead; the reports
said 91 % in attach modes session and multi, and 57 to 79 % in mode single and under sampling: what a
hit costs is measured in a tight loop at the start, and is more in a program that does other things.
"""

import seep_test
from alloc_rate import AllocRate
from seep_test import Recording

FACTOR = 2.5


class Overhead(seep_test.SeepTestCase):
    def check(self, *options, **named):
        with AllocRate() as workload:
            untraced = workload.measure(2).cpu_per_pair
            with Recording(workload.pid, *options, **named) as recording:
                traced = workload.measure(2).cpu_per_pair
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
