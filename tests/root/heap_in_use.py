# SPDX-License-Identifier: GPL-2.0-only
"""What glibc's heaps have in use is counted by their own account, while the program goes on: blocks
of all sizes in the arenas of several threads, however few of them were followed."""

import sqlite3

import seep_test
from seep_test import Recording, Workload

IN_USE = """
SELECT snapshot, sum(blocks), sum(bytes) FROM heap_in_use WHERE chunk_bytes > 0
GROUP BY snapshot ORDER BY snapshot
"""


class HeapInUse(seep_test.SeepTestCase):
    def test_the_arenas_of_threads_are_counted(self):
        with Workload("arenas", 3, 4000) as workload, \
                Recording(workload.pid, sample="1M") as recording:
            truth = workload.work()
            recording.stop()
            with sqlite3.connect(recording.path) as database:
                counts = database.execute(IN_USE).fetchall()
            report = recording.report()
        self.assertGreaterEqual(len(counts), 3, counts)
        _, blocks, size = counts[-1]
        self.assertGreater(truth["live_count"], 50_000)
        # Each thread keeps up to seven blocks of each small size for itself (glibc's tcache).
        kept = 3 * 7 * 64
        self.assertGreaterEqual(blocks, truth["live_count"])
        self.assertLess(blocks, truth["live_count"] + kept + 200)
        self.assertGreaterEqual(size, truth["live_bytes"])
        self.assertLess(size, 1.02 * truth["live_bytes"] + 500_000)
        heap = report["memory"]["heap_in_use"]
        self.assertEqual([heap["blocks"], heap["bytes"]], [blocks, size])
        self.assertGreater(heap["bytes_per_hour"]["estimate"], 0)


if __name__ == "__main__":
    seep_test.main()
