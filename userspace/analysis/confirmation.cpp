// SPDX-License-Identifier: GPL-2.0-only
#include "analysis/confirmation.h"

#include <fmt/format.h>

#include <algorithm>
#include <map>
#include <string>
#include <utility>

#include "analysis/findings.h"
#include "analysis/growth.h"
#include "analysis/reconciliation.h"

namespace seep {

namespace {

/// What the estimates may be off by in any case, as a share of all claims.
constexpr double least_missing = 0.1;
/// Of a cause's claim, what must be true.
constexpr double least_true = 0.5;
/// Memory that grows by more than so many times what all stacks claim grows for another reason.
constexpr double most_other = 2;

double claim(const ReportStack& stack) {
    const Growth& growth = stack.growth;
    if (stack.kind != StackKind::heap || growth.bytes_per_second <= 0) return 0;
    const auto bytes = static_cast<double>(stack.totals.held_bytes());
    const auto blocks = static_cast<double>(stack.totals.held_count());
    return growth.bytes_per_second * (1 + (bytes > 0 ? block_overhead * blocks / bytes : 0));
}

/// One for all stacks of a cause, as findings.h puts them together: by lockstep, or by function.
std::string cause_of(const ReportStack& stack) {
    if (stack.evidence.cluster != 0) return fmt::format("{}", stack.evidence.cluster);
    return stack.frames.empty() ? stack.id : function_key(stack.frames[stack.culprit]);
}

}  // namespace

void confirm_by_memory(Report& report) {
    double claimed = 0;
    std::map<std::string, double> causes;
    for (const ReportStack& stack : report.stacks) {
        claimed += claim(stack);
        if (stack.seen_to_leak) causes[cause_of(stack)] += claim(stack);
    }
    if (causes.empty()) return;
    const Growth& whole = report.memory.anonymous;
    const Growth& lately = report.memory.anonymous_lately;
    const bool grows = report.snapshots >= 2 * least_snapshots && whole.low > 0 && lately.low > 0;
    const double shown = grows ? std::min(whole.bytes_per_second, lately.bytes_per_second) : 0;
    const double missing = std::max(least_missing * claimed, claimed - shown);
    const bool otherwise = shown > most_other * claimed;
    for (ReportStack& stack : report.stacks) {
        if (!stack.seen_to_leak) continue;
        const double cause = causes[cause_of(stack)];
        const bool confirmed = !otherwise && cause - missing >= least_true * cause;
        if (confirmed) stack.verdict = Verdict::leak;
        stack.reason += confirmed ? fmt::format(
                                        "; but the process's anonymous memory grows by {}, "
                                        "which without it nothing would explain",
                                        hourly(whole))
                        : grows ? fmt::format(
                                      "; the process's anonymous memory grows by {}, which "
                                      "tells too little of this one",
                                      hourly(whole))
                                : std::string(
                                      "; the process's anonymous memory does not grow for "
                                      "certain");
    }
}

}  // namespace seep
