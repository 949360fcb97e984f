// SPDX-License-Identifier: GPL-2.0-only
#include "analysis/bounds.h"

#include <fmt/format.h>

#include <algorithm>
#include <map>

#include "analysis/block_size.h"
#include "analysis/claims.h"
#include "analysis/growth.h"
#include "analysis/staying.h"
#include "base/text.h"

namespace seep {

namespace {

/// The most that the memory may have grown by in the later half of the window, in bytes a second,
/// or since it halted: what goes on does so then, too; and no more than it has.
double most_shown(const Witness& witness, const ProcessMemory& memory, double seconds) {
    double lately = std::max(0.0, witness.lately.high) + witness.miscounted / seconds;
    if (witness.is_heap) lately = std::min(lately, memory.in_use->most_held);
    const double paused = memory.anonymous_paused_seconds;
    if (paused <= 0) return lately;
    if (witness.is_heap) return std::min(lately, memory.in_use->most_at_end.value_or(lately));
    return std::min(lately, (memory.anonymous_paused_bytes + witness.miscounted) / paused);
}

/// What all heap stacks of each cause claim, in so many bytes at a time, by either end of their
/// intervals.
template <typename Unit>
std::map<std::string, double> claims_of_causes(const StackClaims& claims, const Report& report,
                                               double Growth::*end, Unit unit_of) {
    std::map<std::string, double> causes;
    for (std::size_t i = 0; i < report.stacks.size(); ++i) {
        const ReportStack& stack = report.stacks[i];
        if (stack.kind == StackKind::heap)
            causes[claims.causes[i]] += std::max(0.0, claims.growths[i].*end) / unit_of(stack);
    }
    return causes;
}

/// A claim in bytes is one of so many bytes a block.
double bytes_a_block(const ReportStack& stack) {
    return std::max(1.0, block_size(stack));
}

/// The part of a claim that all together leave: the memory, in bytes a second, or the blocks that
/// were counted.
struct Bound {
    double most = 0;
    double claimed = 0;  ///< The least that the claim is.
    double likely = 0;
    double least = 0;    ///< What the other claims leave at least.
    double leaking = 0;  ///< What was taken off `most` before.

    [[nodiscard]] bool contradicts() const { return claimed > most; }
    [[nodiscard]] bool leaves_little() const { return likely <= 0 || most < least_true * claimed; }
    /// Of `growth`, which is a part of the claim.
    [[nodiscard]] Growth of(const Growth& growth) const {
        const double part = growth.low / claimed;
        Growth result;
        result.low = part * least;
        result.high = part * std::max(0.0, most);
        result.bytes_per_second = part * std::clamp(likely, 0.0, std::max(0.0, most));
        result.bytes = bytes_at(result.bytes_per_second, growth);
        return result;
    }
};

std::string memory_reason(const Witness& witness, const Bound& bound) {
    return fmt::format(
        "{} grows by {} an hour at most{}: the rest was freed unseen, as where a full cache "
        "replaces its entries{}",
        witness.name, format_bytes(bound.most * seconds_an_hour),
        bound.leaking > 0 ? " beside what leaks" : "",
        witness.is_heap ? "" : ", or fills what the heap had free");
}

/// Of the memory, what is taken by leaks whose rates are not parts of its growth themselves: by
/// either end, or in the middle.
double leaking(const Report& report, double Growth::*end, double BlockShares::*share) {
    double bytes = 0;
    if (!report.sampling.by_calls) return bytes;
    for (const ReportStack& stack : report.stacks)
        if (stack.kind == StackKind::heap && stack.verdict == Verdict::leak)
            bytes += std::max(0.0, stack.growth.*end) * (block_shares(stack).*share);
    return bytes;
}

/// Whether what claims to grow may have replaced what went unseen: between windows, or as many
/// blocks from before attach as make up most of it. In samples, it is not known which of those that
/// are freed are from before attach.
bool may_be_replacement(const Report& report) {
    if (report.sampling.observed_share < 1 || report.sampling.bytes > 0) return true;
    double grown_blocks = 0;
    for (const ReportStack& stack : report.stacks)
        if (const double size = block_size(stack); requested(stack) > 0 && size > 0)
            grown_blocks += static_cast<double>(stack.growth.bytes) / size;
    return static_cast<double>(report.losses[SEEP_LOSS_UNMATCHED_FREES]) >
           least_true * grown_blocks;
}

Growth capped(Growth growth, double most) {
    if (growth.high <= most) return growth;
    growth.high = most;
    if (growth.bytes_per_second <= most) return growth;
    growth.bytes = bytes_at(most, growth);
    growth.bytes_per_second = most;
    return growth;
}

/// Nothing can grow by more than all. Returns whether a stack of the heap was bounded by that.
/// `claim`: the growth that it claimed at first.
bool bound_stack(const Bound& of_cause, const Growth& claim, const std::string& reason,
                 ReportStack& stack) {
    if (claim.low <= 0 || !of_cause.contradicts()) return false;
    const bool again = stack.growth.low <= 0;
    const Growth left = of_cause.of(claim);
    if (left.high < stack.growth.high) stack.growth = left;
    stack.reason = fmt::format("{}; {}{}", reason, again ? "" : "by what was seen, ", stack.reason);
    if (of_cause.leaves_little() && left.low <= 0 && stack.verdict == Verdict::growing)
        stack.verdict = Verdict::undetermined;
    return true;
}

/// Each by itself may be what the memory hardly shows, but not all of them.
void bound_together(const Witness& witness, const Bound& bound, Report& report) {
    if (witness.growth.low > 0 && witness.lately.low > 0) return;
    const auto is_open = [](const ReportStack& stack) {
        return stack.verdict == Verdict::growing && requested(stack) > 0;
    };
    double least = 0;
    for (const ReportStack& stack : report.stacks)
        if (is_open(stack)) least += stack.growth.low;
    if (bound.most >= least_true * least) return;
    for (ReportStack& stack : report.stacks) {
        if (!is_open(stack)) continue;
        stack.verdict = Verdict::undetermined;
        stack.growth = capped(stack.growth, bound.most);
        stack.growth.low = 0;
        stack.reason = fmt::format(
            "{}; all that grows like this claims {} an hour at least; by what was seen, {}",
            memory_reason(witness, bound), format_bytes(least * seconds_an_hour), stack.reason);
    }
}

void bound_process(const Witness& witness, const Bound& bound, Report& report) {
    Bound of_all = bound;
    of_all.claimed = report.memory.heap.low;
    if (report.verdict != verdict_name(Verdict::growing) || !of_all.contradicts() ||
        !of_all.leaves_little())
        return;
    report.verdict = verdict_name(Verdict::undetermined);
    report.reason = memory_reason(witness, of_all);
}

}  // namespace

void bound_by_balance(StackClaims& claims, Report& report) {
    const auto& net = report.sampling.net_blocks;
    if (!net) return;
    const RateScale& pace = report.sampling.rate_scale;
    Bound bound{.most = net->most * pace.high, .likely = net->more * pace.middle};
    const auto causes = claims_of_causes(claims, report, &Growth::low, bytes_a_block);
    const auto most = claims_of_causes(claims, report, &Growth::high, bytes_a_block);
    double most_of_all = 0;
    for (const auto& [cause, blocks] : most) most_of_all += blocks;
    const std::string reason = fmt::format(
        "all stacks together had {:.3g} blocks a second more at most: else, it replaces what was "
        "freed, unseen where that came from",
        std::max(0.0, bound.most));
    for (std::size_t i = 0; i < report.stacks.size(); ++i) {
        ReportStack& stack = report.stacks[i];
        if (stack.kind != StackKind::heap || stack.in_heap) continue;
        bound.claimed = causes.at(claims.causes[i]);
        const double others = most_of_all - most.at(claims.causes[i]);
        bound.least = std::max(0.0, net->least * pace.low - others);
        if (!bound_stack(bound, claims.growths[i], reason, stack)) continue;
        if (stack.growth.low > 0)
            claims.growths[i] = stack.growth;
        else
            stack.seen_to_leak = false;
    }
}

void bound_by_memory(const StackClaims& claims, const std::string& doubt, Report& report) {
    const bool known = report.memory.anonymous_bytes > 0 &&
                       report.snapshots >= 2 * least_snapshots && may_be_replacement(report);
    const Witness witness = witness_of(report);
    const double seconds = seconds_of(report);
    const Bound whole{.most = most_shown(witness, report.memory, seconds),
                      .likely = witness.growth.bytes_per_second};
    Bound bound = whole;
    bound.leaking = leaking(report, &Growth::low, &BlockShares::least);
    bound.most = std::max(0.0, whole.most - bound.leaking);
    bound.likely -= leaking(report, &Growth::bytes_per_second, &BlockShares::usual);
    // What the heap had more of once need not go on.
    const bool may_be_over = witness.is_heap && witness.lately.low <= 0;
    const std::string reason = memory_reason(witness, bound);
    const auto causes =
        claims_of_causes(claims, report, &Growth::low, [](const ReportStack&) { return 1; });
    for (std::size_t i = 0; i < report.stacks.size(); ++i) {
        ReportStack& stack = report.stacks[i];
        if (stack.kind != StackKind::heap || stack.verdict == Verdict::leak) continue;
        // What the heap had more of a size until it halted is no rate at which it goes on.
        const bool told = stack.in_heap && report.memory.anonymous_paused_seconds == 0;
        if (told || (may_be_untouched(stack) && !witness.is_heap)) continue;
        const Growth& claim = claims.growths[i];
        bound.claimed = causes.at(claims.causes[i]);
        // What the heap had free is room for what is never freed; the balance has not denied that,
        // nor has the memory, which grows before it halts if there is none.
        const bool may_fill = !witness.is_heap && report.sampling.net_blocks &&
                              stack.growth.low > 0 && stack.totals.freed_count == 0 &&
                              report.memory.anonymous_paused_seconds == 0;
        const Growth growth = stack.growth;
        const Verdict verdict = stack.verdict;
        const bool bounded = known && bound_stack(bound, claim, reason, stack);
        const double most = bound.most + witness.free_room / seconds;
        if (known && !bounded && requested(stack) > 0)
            stack.growth = capped(stack.growth, claim.low / bound.claimed * most);
        else if (known && stack.evidence.staying && stack.verdict == Verdict::growing)
            stack.growth = capped(stack.growth, most);
        if (bounded && may_fill) {
            stack.growth = growth;
            stack.growth.low = 0;
            if (is_seen_to_stay(stack, seconds)) stack.verdict = verdict;
        }
        if (bounded && may_be_over && stack.growth.low <= 0 && stack.verdict == Verdict::growing)
            stack.verdict = Verdict::undetermined;
        if (!bounded && stack.seen_to_leak) stack.reason += doubt;
    }
    if (!known) return;
    bound_together(witness, bound, report);
    bound_process(witness, whole, report);
}

}  // namespace seep
