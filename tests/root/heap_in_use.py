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


def counts_of(recording):
    with sqlite3.connect(recording.path) as database:
        return database.execute(IN_USE).fetchall()


class HeapInUse(seep_test.SeepTestCase):
    def test_the_arenas_of_threads_are_counted(self):
        with Workload("arenas", 3, 4000) as workload, \
                Recording(workload.pid, sample="1M") as recording:
            truth = workload.work()
            seep_test.eventually(lambda: len(counts_of(recording)) >= 3, "three counts")
            recording.stop()
            counts = counts_of(recording)
            report = recording.report()
        _, blocks, size = counts[-1]
        self.assertGreater(truth["live_count"], 50_000)
        # What threads keep for themselves, and what is in fastbins, is known to be free but for the
        # last of each list. A block of which nothing was written yet may look as if it were there.
        self.assertGreaterEqual(blocks, truth["live_count"] - 100)
        self.assertLess(blocks, truth["live_count"] + 100)
        self.assertLess(abs(size - truth["live_bytes"]), 0.01 * truth["live_bytes"])
        heap = report["memory"]["heap_in_use"]
        self.assertEqual([heap["blocks"], heap["bytes"]], [blocks, size])


if __name__ == "__main__":
    seep_test.main()
