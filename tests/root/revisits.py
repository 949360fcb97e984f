# SPDX-License-Identifier: GPL-2.0-only
"""What outlives a window is looked at again, and a full cache is not taken for a leak.

The workload leaks, and replaces the entries of a full cache, beside more requests than can be
followed at the overhead that is allowed: the probes come and go, and most frees are never seen.
What was leaked is still there whenever it is looked at; no entry of the cache is after a second.
"""

import json
import sqlite3
import unittest

import seep_test
from seep_test import Recording, Workload


class Revisits(seep_test.SeepTestCase):
    @classmethod
    def setUpClass(cls):
        with Workload("full_cache", 20000) as workload:
            with Recording(workload.pid, "--max-overhead", "5", sample="auto",
                           interval="500ms") as recording:
                cls.truth = workload.work()
                recording.stop()
                cls.report = recording.report("--top", "100")
                with sqlite3.connect(recording.path) as database:
                    cls.rows = database.execute(
                        "SELECT looked, gone, vague_looked, vague_gone FROM revisit").fetchall()
            cls.changed = seep_test.changed_text(workload.pid)

    def stack_of(self, function):
        found = [stack for stack in self.report["stacks"]
                 if seep_test.stack_calls(stack, [function])]
        self.assertEqual(len(found), 1, function)
        return found[0]

    def test_it_was_followed_in_windows(self):
        self.assertLess(self.report["sampling"]["observed_share"], 0.5)
        self.assertEqual(self.changed, [])

    def test_what_leaks_is_still_there(self):
        stack = self.stack_of("leak_record")
        staying = stack["evidence"]["staying"]
        self.assertGreaterEqual(staying["blocks"], 10)
        self.assertEqual(staying["share"], 1)
        self.assertFalse(staying["dying"])
        self.assertGreaterEqual(staying["age_seconds"], 4)
        self.assertLess(staying["low"], 1)
        rate = stack["growth"]["bytes_per_second"]
        truth = self.truth["leaked_bytes_per_second"]
        self.assertGreater(rate, 0.7 * truth)
        self.assertLess(rate, 1.3 * truth)
        self.assertIn("leak_record", self.report["findings"][0]["sentence"])

    def test_what_is_replaced_is_gone(self):
        stack = self.stack_of("replace_entry")
        staying = stack["evidence"]["staying"]
        self.assertGreaterEqual(staying["blocks"], 10)
        self.assertLess(staying["share"], 0.05)
        self.assertTrue(staying["dying"])
        self.assertIn(stack["verdict"], ("steady", "undetermined"), stack["reason"])
        self.assertIn("looked at again", stack["reason"])
        # It allocates ten times as many bytes as are leaked.
        self.assertLess(stack["growth"]["bytes_per_second"], self.truth["leaked_bytes_per_second"])
        self.assertFalse(any("replace_entry" in finding["sentence"]
                             for finding in self.report["findings"]))

    def test_a_stack_loses_no_more_blocks_than_were_looked_at(self):
        self.assertGreaterEqual(len(self.rows), 2)
        for row in self.rows:
            looked, gone, vague_looked, vague_gone = map(json.loads, row)
            for there, lost in ((looked, gone), (vague_looked, vague_gone)):
                self.assertLessEqual(len(lost), len(there))
                for one, other in zip(lost, there):
                    self.assertLessEqual(one, other)


if __name__ == "__main__":
    seep_test.main()
