# SPDX-License-Identifier: GPL-2.0-only
"""What a frame of a stack costs: prints the time of a traced malloc/free pair by depth. The times
are this machine's at this moment; what fails is a lost or truncated stack."""

import os
import sys

sys.path.insert(0, os.path.join(os.path.dirname(os.path.abspath(__file__)), "..", "root"))
import seep_test  # pylint: disable=wrong-import-position


class WalkCost(seep_test.SeepTestCase):
    def test_cost_of_a_frame(self):
        with seep_test.Workload("walk_depths", 30) as workload:
            truth, report = seep_test.record_work(workload)
        self.assert_no_losses(report)
        times = {int(depth): ns for depth, ns in truth.items()}
        least, most = min(times), max(times)
        ns_a_frame = (times[most] - times[least]) / (most - least)
        for depth, ns in sorted(times.items()):
            print(f"{depth:3} calls deep: {ns:7.0f} ns a pair")
        print(f"{ns_a_frame:.0f} ns a frame")


if __name__ == "__main__":
    seep_test.main()
