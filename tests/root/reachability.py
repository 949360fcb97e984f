# SPDX-License-Identifier: GPL-2.0-only
"""What no pointer leads to is lost, and leaks; what is in a list, or kept by epoll, is not.

A program that keeps its addresses where nobody can read them is found out when it frees what
seemed lost, and nothing is said of it.
"""

import time
import unittest

import seep_test
from seep_test import Recording, Workload


def stacks_of(stacks, function):
    return [stack for stack in stacks if seep_test.stack_calls(stack, [function])]


class Reachability(seep_test.SeepTestCase):
    @classmethod
    def setUpClass(cls):
        with Workload("lost_blocks", 30000) as workload:
            with Recording(workload.pid) as recording:
                cls.truth = workload.work()
                recording.stop()
                cls.report = recording.report("--top", "100")
            cls.changed = seep_test.changed_text(workload.pid)

    def stacks_of(self, function):
        found = stacks_of(self.report["stacks"], function)
        self.assertTrue(found, function)
        return found

    def test_what_nothing_points_to_is_lost(self):
        self.assertEqual(self.changed, [])
        for function in ("lose_one", "lose_cycle"):
            for stack in self.stacks_of(function):
                seen = stack["evidence"]["unreachable"]
                self.assertGreater(seen["blocks"], 500, function)
                self.assertGreater(seen["share"], 0.9, function)
                self.assertEqual(stack["verdict"], "leak", stack["reason"])
                self.assertIn("nothing in the process's memory points to them", stack["reason"])

    def test_what_points_to_one_another_is_lost_as_one_object(self):
        [one] = self.stacks_of("lose_one")
        self.assertEqual(one["evidence"]["lost_object"], one["id"])
        cycle = self.stacks_of("lose_cycle")
        self.assertEqual(len(cycle), 2)
        [object] = {stack["evidence"]["lost_object"] for stack in cycle}
        self.assertIn(object, {stack["id"] for stack in cycle})

    def test_what_is_in_a_list_or_kept_by_the_kernel_is_not(self):
        for function in ("add_to_list", "watch_event"):
            [stack] = self.stacks_of(function)
            seen = stack["evidence"]["unreachable"]
            self.assertGreater(seen["blocks"], 100, function)
            self.assertEqual(seen["share"], 0, function)
            self.assertTrue(seen["all_known"])
            self.assertIn("still pointed to", stack["reason"])

    def test_what_was_freed_after_all_was_hidden(self):
        [stack] = self.stacks_of("hide_one")
        self.assertIsNone(stack["evidence"]["unreachable"])
        self.assertNotEqual(stack["verdict"], "leak", stack["reason"])

    def test_what_is_lost_beside_others_is_a_leak_of_its_own_rate(self):
        [stack] = self.stacks_of("take_message")
        self.assertEqual(stack["verdict"], "leak", stack["reason"])
        truth = self.truth["lost_bytes_per_second"]
        self.assertAlmostEqual(stack["growth"]["bytes_per_second"], truth, delta=0.1 * truth)
        self.assertLess(stack["growth"]["low"], 1.01 * truth)
        self.assertGreater(stack["growth"]["high"], 0.99 * truth)


class Sampled(seep_test.SeepTestCase):
    @classmethod
    def setUpClass(cls):
        with Workload("lost_blocks", 60000) as workload:
            with Recording(workload.pid, sample="1k") as recording:
                workload.start_working()
                time.sleep(12)
                recording.stop()  # while the table is in a register
                report = recording.report("--top", "100")
        cls.stacks = report["stacks"]
        cls.heap = report["memory"]["heap_in_use"]

    def test_what_is_lost_holds_nothing_though_it_is_not_followed(self):
        stacks = stacks_of(self.stacks, "lose_cycle")
        self.assertTrue(stacks)
        for stack in stacks:
            self.assertGreater(stack["evidence"]["unreachable"]["share"], 0.9, stack["reason"])

    def test_of_all_the_heap_it_is_known_what_is_lost(self):
        # One that is lost, two in a cycle, and a message: 400 a second, of 1,500 blocks.
        self.assertGreater(self.heap["lost"]["blocks"], 3000)
        self.assertLess(self.heap["lost"]["blocks"], 0.7 * self.heap["blocks"])

    def test_a_register_may_have_what_holds_the_rest(self):
        [stack] = stacks_of(self.stacks, "add_to_table")
        self.assertEqual(stack["evidence"]["unreachable"]["share"], 0, stack["reason"])

    def test_nothing_is_said_of_what_unknown_blocks_may_point_to(self):
        seen = [stack for stack in self.stacks if stack["evidence"]["unreachable"]]
        self.assertTrue(seen)
        for stack in seen:
            self.assertFalse(stack["evidence"]["unreachable"]["all_known"])
            # But of what would be lost beside others in step with it.
            if stack not in stacks_of(self.stacks, "add_to_table"):
                self.assertNotIn("still pointed to", stack["reason"])


if __name__ == "__main__":
    seep_test.main()
