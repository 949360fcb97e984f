// SPDX-License-Identifier: GPL-2.0-only
#include "analysis/confirmation.h"

#include <fmt/format.h>

#include <algorithm>
#include <cmath>
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
/// Of all claims, what must be confirmed for the memory to tell their rates.
constexpr double most_of_all = 0.8;
/// Memory that grows by more than so many times what all stacks claim grows for another reason.
constexpr double most_other = 3;

double claim(const ReportStack& stack) {
    const Growth& growth = stack.growth;
    if (stack.kind != StackKind::heap || growth.low <= 0) return 0;
    const auto bytes = static_cast<double>(stack.totals.held_bytes());
    const auto blocks = static_cast<double>(stack.totals.held_count());
    return growth.bytes_per_second * (1 + (bytes > 0 ? block_overhead * blocks / bytes : 0));
}

/// One for all stacks of a cause, as findings.h puts them together: by lockstep, or by function.
std::string cause_of(const ReportStack& stack) {
    if (stack.evidence.cluster != 0) return fmt::format("{}", stack.evidence.cluster);
    return stack.frames.empty() ? stack.id : function_key(stack.frames[stack.culprit]);
}

/// What the memory says of the claims.
struct Proof {
    Growth memory;
    bool grows = false;
    double claimed = 0;
    double missing = 0;  ///< Of the claims, what the memory does not show.

    [[nodiscard]] bool is_of_something_else() const {
        return memory.bytes_per_second > most_other * claimed;
    }
    /// Of a cause that claims so much.
    [[nodiscard]] bool confirms(double cause) const {
        return grows && !is_of_something_else() && cause - missing >= least_true * cause;
    }
};

Proof proof_of(const Report& report) {
    const Growth& whole = report.memory.anonymous;
    const Growth& lately = report.memory.anonymous_lately;
    Proof proof{.memory = whole};
    proof.grows = report.snapshots >= 2 * least_snapshots && whole.low > 0 && lately.low > 0;
    for (const ReportStack& stack : report.stacks) proof.claimed += claim(stack);
    const double shown = std::min(whole.bytes_per_second, lately.bytes_per_second);
    proof.missing = std::max(least_missing * proof.claimed, proof.claimed - shown);
    return proof;
}

/// Of a growth that is the share `part` of the claims, at least `sure` of which are true.
Growth by_memory(const Proof& proof, const Growth& growth, double sure) {
    const double part = growth.bytes_per_second / proof.claimed;
    Growth result = growth;
    result.bytes_per_second = part * proof.memory.bytes_per_second;
    result.low = part * proof.memory.low * sure;
    result.high = part * proof.memory.high / sure;
    result.bytes = std::llround(static_cast<double>(growth.bytes) * result.bytes_per_second /
                                growth.bytes_per_second);
    return result;
}

}  // namespace

void confirm_by_memory(Report& report) {
    const Proof proof = proof_of(report);
    std::map<std::string, double> causes;
    for (const ReportStack& stack : report.stacks)
        if (stack.seen_to_leak) causes[cause_of(stack)] += claim(stack);
    double confirmed = 0;
    for (const auto& [cause, claims] : causes)
        if (proof.confirms(claims)) confirmed += claims;
    for (ReportStack& stack : report.stacks) {
        if (!stack.seen_to_leak) continue;
        if (!proof.confirms(causes[cause_of(stack)])) {
            stack.reason += proof.grows ? fmt::format(
                                              "; the anonymous memory grows by {}, which tells too "
                                              "little of this one",
                                              hourly(proof.memory))
                                        : "; the anonymous memory does not grow for certain";
            continue;
        }
        stack.verdict = Verdict::leak;
        stack.reason += fmt::format(
            "; but the anonymous memory grows by {}, which without it nothing would explain",
            hourly(proof.memory));
        const double sure = confirmed / proof.claimed;
        if (sure < most_of_all) continue;
        stack.growth = by_memory(proof, stack.growth, sure);
        stack.reason += ", and of which its rate is the part";
    }
}

}  // namespace seep
