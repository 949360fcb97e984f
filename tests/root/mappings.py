# SPDX-License-Identifier: GPL-2.0-only
"""What a process maps is known to the byte, by stack, and none of it is counted twice."""

import signal

import seep_test
from seep_test import Recording, Workload, stack_calls


def mapping_stacks(report, *functions):
    return [stack for stack in report["stacks"]
            if stack["kind"] == "mapping" and (not functions or stack_calls(stack, functions))]


def live_bytes(stacks):
    return sum(stack["live_bytes"] for stack in stacks)


def memory_of(pid):
    """What the kernel counts as the process's private writable memory, but for its first stack."""
    with open(f"/proc/{pid}/status", encoding="ascii") as status:
        return next(1024 * int(line.split()[1]) for line in status if line.startswith("VmData:"))


class Mappings(seep_test.SeepTestCase):
    def record(self, source):
        """(truth, report, VmData) of the workload."""
        with Workload("mapper") as workload, \
                Recording(workload.pid, "--source", source) as recording:
            truth = workload.work()
            recording.stop()
            return truth, recording.report("--top", "1000000"), memory_of(workload.pid)

    def check_program(self, truth, report, memory):
        """What the program mapped itself, and that nothing is missing."""
        for function, expected in truth["mapped"].items():
            self.assertEqual(live_bytes(mapping_stacks(report, function)), expected, function)
        mapped = report["process"]["mapped"]
        self.assertEqual(mapped["thread_stack_bytes"], truth["thread_stack_bytes"])
        self.assertEqual(live_bytes(mapping_stacks(report)), mapped["live_bytes"])
        self.assertEqual(
            mapped["live_bytes"] + mapped["allocator_bytes"] + mapped["earlier_bytes"], memory)
        self.assertEqual(report["losses"]["lost_mapping_calls"], 0)
        for stack in mapping_stacks(report):
            self.assertFalse(stack["truncated"], stack["frames"])

    def test_beside_the_heap(self):
        truth, report, memory = self.record("heap,mapping")
        self.check_program(truth, report, memory)
        self.assertEqual(mapping_stacks(report, "allocate"), [])
        self.assertEqual(live_bytes(mapping_stacks(report, "start_threads")),
                         truth["thread_stack_bytes"])
        allocated = seep_test.heap_totals(report, "allocate")
        self.assertEqual(allocated["live_bytes"], truth["block_bytes"])
        self.assertGreaterEqual(report["process"]["mapped"]["allocator_bytes"],
                                truth["block_bytes"])

    def test_alone(self):
        truth, report, memory = self.record("mapping")
        self.check_program(truth, report, memory)
        self.assertEqual(report["process"]["mapped"]["allocator_bytes"], 0)
        self.assertGreaterEqual(live_bytes(mapping_stacks(report, "allocate")),
                                truth["block_bytes"])
        self.assertEqual({stack["kind"] for stack in report["stacks"]}, {"mapping"})

    def test_lost_calls_are_told_and_made_up_for(self):
        with Workload("mapping_storm", 200_003) as workload, \
                Recording(workload.pid, "--source", "mapping") as recording:
            recording.process.send_signal(signal.SIGSTOP)
            workload.work()
            recording.process.send_signal(signal.SIGCONT)
            recording.stop()
            report = recording.report()
            mapped = report["process"]["mapped"]
            self.assertGreater(report["losses"]["lost_mapping_calls"], 0)
            self.assertTrue(any("lost_mapping_calls" in text for text in report["warnings"]))
            self.assertEqual(mapped["live_bytes"] + mapped["earlier_bytes"],
                             memory_of(workload.pid))

    def test_a_program_without_an_allocator_can_be_traced(self):
        with Workload("no_allocator") as workload:
            error = self.assert_fails(3, "record", "-p", workload.pid)
            self.assertIn("--source mapping", error)
            with Recording(workload.pid, "--source", "heap,mapping") as recording:
                recording.stop()
                self.assertEqual(recording.report()["sources"], "heap,mapping")

    def test_sources_that_do_not_exist(self):
        for source in ("", "heap,", "disk", "heap;mapping"):
            self.assert_fails(2, "record", "--source", source, "-p", "1")


if __name__ == "__main__":
    seep_test.main()
