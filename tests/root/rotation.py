# SPDX-License-Identifier: GPL-2.0-only
"""A recording without end: --keep holds it to its last seconds, --rotate puts copies of it aside."""

import glob
import os
import stat

import seep_test
from seep_test import Recording, Workload, eventually


class Rotation(seep_test.SeepTestCase):
    def test_copies_are_recordings_and_the_newest_stay(self):
        with Workload("exact_threads", 2) as workload, \
                Recording(workload.pid, "--rotate", "2s", "--rotate-files", "2") as recording:
            truth = workload.work()
            stem = recording.path.removesuffix(".seep")
            mine = [f"{stem}-20200101T000000Z.txt", f"{stem}-older.seep"]
            # A copy of an earlier run, and two files of other names.
            for path in (f"{stem}-20200101T000000Z.seep", *mine):
                with open(path, "w", encoding="ascii"):
                    pass
            seen = set()

            def three_copies():
                seen.update(glob.glob(f"{stem}-2*Z.seep"))
                return len(seen) >= 4
            eventually(three_copies, "three copies")
            recording.stop()
            copies = sorted(glob.glob(f"{stem}-2*Z.seep"))
            self.assertEqual(copies, sorted(seen)[-2:])
            for path in mine:
                self.assertTrue(os.path.exists(path))
            for path in (recording.path, *copies):
                self.assertEqual(stat.S_IMODE(os.stat(path).st_mode), 0o600)
                result = seep_test.run("report", path, "--format", "json", "--top", "100000")
                self.assertEqual(result.returncode, 0, result.stderr)
                report = seep_test.json.loads(result.stdout)
                # Old snapshots are gone, and yet every number is there.
                self.assert_totals_are_the_truth(report, truth)
                self.assertLess(report["window"]["seconds"], 30)

    def test_too_little_to_keep_is_refused(self):
        with Workload("exact_threads", 2) as workload:
            for options in (["--keep", "5s"], ["--rotate", "5s"], ["--keep", "0s"],
                            ["--rotate", "1h", "--rotate-files", "0"]):
                self.assert_fails(2, "record", "-p", workload.pid, "--interval", "1s", *options)


if __name__ == "__main__":
    seep_test.main()
