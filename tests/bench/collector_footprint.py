# SPDX-License-Identifier: GPL-2.0-only
"""What the collector itself takes: CPU time of a snapshot with 10,000 changed stacks and a million
live blocks, its resident memory, and its CPU time beside a target that sleeps. The figures are this
machine's at this moment; what fails is a ledger that does not hold what the workload does."""

import os
import subprocess
import sys
import time

sys.path.insert(0, os.path.join(os.path.dirname(os.path.abspath(__file__)), "..", "root"))
import seep_test  # pylint: disable=wrong-import-position

SNAPSHOTS = 10
IDLE_SECONDS = 30
TICKS = os.sysconf("SC_CLK_TCK")


def cpu_seconds(pid):
    """Of all its threads."""
    with open(f"/proc/{pid}/stat", encoding="ascii", errors="replace") as file:
        fields = file.read().rpartition(")")[2].split()
    return (int(fields[11]) + int(fields[12])) / TICKS


def resident_mb(pid):
    with open(f"/proc/{pid}/status", encoding="ascii", errors="replace") as file:
        [kib] = [line.split()[1] for line in file if line.startswith("VmRSS:")]
    return int(kib) / 1024


def snapshots(recording):
    return recording.report()["window"]["snapshots"]


def settled_cpu(pid):
    """CPU time until now, once what is done a stack (symbols, its row) is done."""
    before = cpu_seconds(pid)
    for _ in range(15):
        time.sleep(2)
        now = cpu_seconds(pid)
        if now - before < 0.5:
            break
        before = now
    return now


class CollectorFootprint(seep_test.SeepTestCase):
    def test_busy(self):
        with seep_test.Workload("busy_stacks") as workload, \
                seep_test.Recording(workload.pid, interval="1s") as recording:
            workload.start_working()
            self.assertEqual(workload.process.stdout.readline(), "holding\n")
            pid = recording.process.pid
            before, first = settled_cpu(pid), snapshots(recording)
            time.sleep(SNAPSHOTS)
            spent, last = cpu_seconds(pid) - before, snapshots(recording)
            resident = resident_mb(pid)
            recording.stop()
            process = recording.report()["process"]
        self.assertAlmostEqual(process["live_count"], 1_000_000, delta=1)
        self.assertGreater(last, first)
        print(f"a snapshot of 10,000 changed stacks, a million live blocks: "
              f"{1000 * spent / (last - first):.0f} ms of CPU time; {resident:.0f} MB resident")

    def test_idle(self):
        with subprocess.Popen(["sleep", "infinity"]) as target:
            try:
                with seep_test.Recording(target.pid, sample="auto", interval="10s") as recording:
                    pid = recording.process.pid
                    before = settled_cpu(pid)
                    time.sleep(IDLE_SECONDS)
                    spent, resident = cpu_seconds(pid) - before, resident_mb(pid)
                    recording.stop()
            finally:
                target.kill()
        print(f"beside a target that sleeps, a snapshot every 10 s: "
              f"{100 * spent / IDLE_SECONDS:.2g} % of a core; {resident:.0f} MB resident")


if __name__ == "__main__":
    seep_test.main()
