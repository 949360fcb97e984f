// SPDX-License-Identifier: GPL-2.0-only
#include "analysis/replacement.h"

#include <fmt/format.h>

#include <algorithm>

#include "analysis/findings.h"
#include "analysis/growth.h"

namespace seep {

void temper_by_whole(std::span<ReportStack> stacks, const LiveSeries& sum,
                     const std::vector<SnapshotRecord>& snapshots, const Window& window) {
    double leaking = 0;
    for (const ReportStack& stack : stacks)
        if (stack.verdict == Verdict::leak) leaking += std::max(0.0, stack.growth.low);
    if (leaking == 0) return;
    const Window later{window.first + (window.last - window.first) / 2, window.last};
    const GrowthEstimate whole = estimate_growth(sum, snapshots, later);
    if (!whole.estimated || whole.growth.high >= leaking / 2) return;
    for (ReportStack& stack : stacks) {
        if (stack.verdict != Verdict::leak) continue;
        stack.verdict = Verdict::growing;
        stack.reason += fmt::format(
            "; but all stacks together grew by {} in the later half of the window: others give "
            "back what this one takes, as where blocks are replaced by those of another stack",
            hourly(whole.growth));
    }
}

}  // namespace seep
