# SPDX-License-Identifier: GPL-2.0-only
"""Under --sample SIZE, what is live is estimated, and the report says how well: the truth lies
within three of its standard errors."""

import math

import seep_test
from seep_test import Recording, Workload, record_work


def most_outside(trials, probability, chance=1e-6):
    """The least k for which more than k of `trials` independent events of that probability have no
    more than that chance."""
    tail, k = 1.0, -1
    while tail > chance:
        k += 1
        tail -= math.comb(trials, k) * probability ** k * (1 - probability) ** (trials - k)
    return k


class SampledEstimates(seep_test.SeepTestCase):
    @classmethod
    def setUpClass(cls):
        with Workload("equal_stacks") as workload:
            # A stack keeps 512 KiB: at least 80 samples of it, so that its estimate is about normal.
            cls.truth, cls.report = record_work(workload, sample="4K")
        cls.stacks = [stack for stack in cls.report["stacks"]
                      if seep_test.stack_calls(stack, ["step_left", "step_right"])]

    def test_every_stack_is_there(self):
        self.assert_no_losses(self.report)
        self.assertEqual(len(self.stacks), self.truth["stacks"])
        self.assertEqual(self.report["sampling"]["bytes"], 4096)

    def test_the_truth_is_within_three_standard_errors(self):
        outside = [stack["live_bytes"] for stack in self.stacks
                   if abs(stack["live_bytes"] - self.truth["bytes_a_stack"])
                   > 3 * stack["live_bytes_standard_error"]]
        self.assertLessEqual(len(outside), most_outside(len(self.stacks), 0.01), outside)

    def test_a_standard_error_is_no_larger_than_it_need_be(self):
        # Of a normal distribution, 31.7 % lie beyond one; a chance of 1e-6 is five deviations off.
        outside = sum(abs(stack["live_bytes"] - self.truth["bytes_a_stack"])
                      > stack["live_bytes_standard_error"] for stack in self.stacks)
        expected = 0.317 * len(self.stacks)
        self.assertAlmostEqual(outside, expected, delta=5 * math.sqrt(expected * (1 - 0.317)))

    def test_the_sum_is_as_sure(self):
        process = self.report["process"]
        error = process["live_bytes_standard_error"]
        self.assertAlmostEqual(process["live_bytes"], self.truth["live_bytes"], delta=5 * error)
        self.assertAlmostEqual(error, math.sqrt(sum(
            stack["live_bytes_standard_error"] ** 2 for stack in self.report["stacks"])), delta=1)

    def test_what_is_followed_whole_has_none(self):
        with Workload("eight_functions") as workload, Recording(workload.pid) as recording:
            workload.work()
            recording.stop()
            report = recording.report()
        self.assertIsNone(report["process"]["live_bytes_standard_error"])
        self.assertIsNone(report["stacks"][0]["live_bytes_standard_error"])


if __name__ == "__main__":
    seep_test.main()
