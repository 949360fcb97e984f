// SPDX-License-Identifier: GPL-2.0-only
#include "claimed_report.h"

#include <utility>

#include "analysis/confirmation.h"
#include "analysis/growth.h"

namespace seep {

Growth growth(double bytes_per_second) {
    return {.bytes_per_second = bytes_per_second,
            .low = 0.9 * bytes_per_second,
            .high = 1.1 * bytes_per_second};
}

ReportStack leak(const char* function, double bytes_per_second) {
    ReportStack stack;
    stack.id = function;
    stack.verdict = Verdict::growing;
    stack.seen_to_leak = true;
    stack.growth = growth(bytes_per_second);
    stack.totals.allocated_bytes = stack.totals.lapsed_bytes = 1'000'000;
    stack.totals.allocated_count = stack.totals.lapsed_count = 100;
    stack.frames = {{.function = function, .module = "program"}};
    return stack;
}

ReportStack other(const char* function, double bytes_per_second) {
    ReportStack stack = leak(function, bytes_per_second);
    stack.seen_to_leak = false;
    return stack;
}

void confirm(Report& report, std::vector<ReportStack> stacks, double memory, double memory_lately) {
    report.window_end_ns = 1'000'000'000'000;  // long enough for what the kernel may miscount
    report.sampling.observed_share = 0.5;
    report.memory.anonymous_bytes = 100'000'000;
    report.snapshots = 2 * least_snapshots;
    report.memory.anonymous_steps = 8;
    report.memory.anonymous = growth(memory);
    report.memory.anonymous_lately = growth(memory_lately);
    report.stacks = std::move(stacks);
    confirm_by_memory(report);
}

Report confirmed(std::vector<ReportStack> stacks, double memory, double memory_lately) {
    Report report;
    confirm(report, std::move(stacks), memory, memory_lately);
    return report;
}

ReportStack looked_at(ReportStack stack, double share, bool dying) {
    stack.evidence.staying =
        Staying{.survival = {.age_seconds = 500, .share = share, .low = 0.9 * share, .high = share},
                .blocks = 64,
                .dying = dying,
                .sure = true};
    return stack;
}

Verdict verdict_of(std::vector<ReportStack> stacks, double memory, double memory_lately) {
    return confirmed(std::move(stacks), memory, memory_lately).stacks.front().verdict;
}

}  // namespace seep
