# SPDX-License-Identifier: GPL-2.0-only
"""What becomes of a process's memory besides its heap gets a verdict of its own; two recordings
compare by the names of their functions."""

import json

import seep_test
from seep_test import Recording, Workload

HOLES, MAPPED, LEAK = range(3)
MEBIBYTE = 1 << 20


class ProcessMemory(seep_test.SeepTestCase):
    def record(self, shape):
        workload = Workload("memory_shapes", shape)
        self.addCleanup(workload.__exit__)
        recording = Recording(workload.pid)
        self.addCleanup(recording.__exit__)
        truth = workload.work()
        recording.stop()
        return truth, recording

    def test_holes_are_fragmentation(self):
        truth, recording = self.record(HOLES)
        report = recording.report()
        process, memory = report["process"], report["memory"]
        self.assertEqual(process["verdict"], "fragmentation", process)
        self.assertIn("malloc_trim", memory["advice"])
        self.assertEqual(memory["heap_bytes"],
                         truth["allocated_bytes"] - truth["freed_bytes"])
        self.assertGreater(memory["heap_peak_bytes"], 56 * MEBIBYTE)
        self.assertGreater(memory["anonymous_bytes"], 40 * MEBIBYTE)
        self.assertNotIn("leak", [finding["verdict"] for finding in report["findings"]])
        self.assertIn("Fragmentation: the allocator keeps", " ".join(recording.text.split()))

    def test_mapped_memory_is_outside_the_heap(self):
        _, recording = self.record(MAPPED)
        report = recording.report()
        self.assertEqual(report["process"]["verdict"], "outside the heap", report["process"])
        self.assertEqual(report["memory"]["advice"], "")
        self.assertLess(report["memory"]["coverage"], 0.1)

    def test_a_leak_is_the_heaps_and_shows_in_a_comparison(self):
        _, leaking = self.record(LEAK)
        report = leaking.report("--window", "500ms:")
        self.assertIn(report["process"]["verdict"], ("leak", "growing"), report["process"])
        self.assertEqual(seep_test.name_of(report["findings"][0]), "touched_block")
        self.assertTrue(0.9 < report["memory"]["kappa"] < 1.3, report["memory"])

        _, base = self.record(MAPPED)
        compared = seep_test.run("diff", base.path, leaking.path, "--format", "json")
        self.assertEqual(compared.returncode, 0, compared.stderr)
        more = [stack for stack in json.loads(compared.stdout)["stacks"]
                if stack["change"] == "more"]
        self.assertTrue(seep_test.stack_calls(more[0], ["leak_blocks"]), more[0])
        self.assertFalse(more[0]["base"]["seen"])
        text = seep_test.run("diff", leaking.path, leaking.path)
        self.assertIn("No significant difference", text.stdout, text.stderr)
        self.assert_fails(2, "diff", base.path, "/nonexistent")
        self.assert_fails(2, "diff", base.path, leaking.path, "--per", "moon")


if __name__ == "__main__":
    seep_test.main()
