// SPDX-License-Identifier: GPL-2.0-only
#include "analysis/confirmation.h"

#include <fmt/format.h>

#include <algorithm>
#include <cmath>
#include <functional>
#include <limits>
#include <map>
#include <string>
#include <utility>

#include "analysis/block_size.h"
#include "analysis/bounds.h"
#include "analysis/claims.h"
#include "analysis/findings.h"
#include "analysis/growth.h"
#include "analysis/staying.h"
#include "analysis/time_to_limit.h"
#include "base/text.h"

namespace seep {

namespace {

/// What the estimates may be off by in any case, as a share of all claims.
constexpr double least_missing = 0.1;
/// Of all claims, what must be confirmed for the memory to tell their rates.
constexpr double most_of_all = 0.8;
/// And for the memory to tell them where the stacks agree with it: what is not confirmed takes its
/// part of the memory as well.
constexpr double all_of_all = 0.95;
/// Else the memory's interval must be so much narrower.
constexpr double much_narrower = 0.5;
/// Of the blocks that have lapsed, those seen to be free later, from which on a stack's die.
constexpr double least_returned = 0.05;
/// Blocks that may have been replaced, as a share of a cause's, up to which it replaces none.
constexpr double most_replacing = 0.25;
/// Of a rate, to each side: it is told as well as the anonymous memory tells any.
constexpr double exact = 0.05;
/// Of what the memory grows by, what was seen to be of other things than the leaks, beside caches
/// and in busy threads.
constexpr double something_else = 0.15;
/// Of what is held across pauses, what the leaks must have for nothing else to take memory.
constexpr double next_to_all = 0.9;
/// Memory that grows by more than so many times what all stacks claim grows for another reason.
constexpr double most_other = 3;

/// By which some stacks certainly grow, and what became of their blocks that had lapsed.
struct Claim {
    double bytes = 0;    ///< A second.
    double usual = 0;    ///< Of that, likely.
    double touched = 0;  ///< Of that, what the memory has at least: a page of a large block.
    double lapsed = 0;
    double returned = 0;
    double dying = 0;    ///< Of `lapsed`, of stacks whose blocks are gone when looked at again.
    double staying = 0;  ///< Of stacks whose blocks are all there then.
    double in_heap = 0;  ///< Of `bytes`, what the heap certainly has more.
    bool lost = false;   ///< No pointer leads to what some of the stacks grow by.

    void add(const ReportStack& stack, double window_seconds) {
        const BlockShares shares = block_shares(stack);
        bytes += requested(stack) * shares.most;
        usual += requested(stack) * shares.usual;
        touched += requested(stack) *
                   (may_be_untouched(stack) ? page_bytes / block_size(stack) : shares.most);
        if (stack.surely_in_heap) in_heap += requested(stack) * shares.most;
        const auto blocks = static_cast<double>(stack.totals.lapsed_count);
        lapsed += blocks;
        returned += static_cast<double>(stack.returned_count);
        lost = lost || stack.is_lost;
        if (stack.evidence.staying && stack.evidence.staying->dying && !stack.is_lost)
            dying += blocks;
        if (is_seen_to_stay(stack, window_seconds)) staying += blocks;
    }
    [[nodiscard]] double returned_share() const { return seep::returned_share(returned, lapsed); }
    [[nodiscard]] bool dies() const {
        return !lost && (returned_share() >= least_returned || dying > least_true * lapsed);
    }
    /// Where blocks that had lapsed are seen to be free, those that were recognized may be others.
    [[nodiscard]] bool stays() const {
        return staying > least_true * lapsed && returned_share() < least_returned;
    }
    /// None of its blocks came back, and some would have if they lived as long as those of
    /// `others`.
    [[nodiscard]] bool outlives(const Claim& others) const {
        return returned == 0 && surely_stay(lapsed, others.returned_share());
    }
    /// Its blocks are far more than all that may have been replaced.
    [[nodiscard]] bool outnumbers(std::optional<double> replaced) const {
        return replaced && *replaced < most_replacing * lapsed;
    }
};

Claim claim_of(const ReportStack& stack, double window_seconds) {
    Claim result;
    result.add(stack, window_seconds);
    return result;
}

/// What the memory says of some claims.
struct Proof {
    Witness memory;
    bool grows = false;
    double paused = 0;   ///< Seconds at the end in which it did not, as it had before.
    double shown = 0;    ///< The least that the memory grows by, in bytes a second.
    double seconds = 1;  ///< For which it was watched.
    double requested = 0;
    double least = 0;  ///< Of memory that the blocks take, in bytes a second.
    double usual = 0;
    double claimed = 0;
    double confirmed = 0;  ///< Of that.
    double open = 0;       ///< What stacks may grow by of whose blocks some stay, as yet.
    /// What all the claims may have to be multiplied by, in between, as the target's pace is not
    /// known any better (pace.h).
    double least_scale = 1;
    double most_scale = 1;
    std::optional<double> most_replaced;  ///< Blocks, of all.

    [[nodiscard]] bool is_of_something_else() const {
        return memory.growth.bytes_per_second > most_other * most_scale * claimed;
    }
    /// Why a cause is not confirmed.
    [[nodiscard]] std::string doubt() const {
        if (!grows) return fmt::format("; {} does not grow for certain", memory.name);
        if (paused > 0)
            return fmt::format(
                "; {} grew evenly, but not in the last {:.0f} s: a cache that is full does that",
                memory.name, paused);
        if (memory.steps < ProcessMemory::least_steps)
            return fmt::format("; {} grows in {:.0f} steps or so, too few to tell", memory.name,
                               memory.steps);
        return fmt::format(
            "; {} grows by {}, {}", memory.name, hourly(memory.growth),
            is_of_something_else()
                ? "far more than all stacks together: something else grows, or more than was seen"
                : "which tells too little of this one");
    }
    [[nodiscard]] bool confirms(const Claim& cause) const {
        if (cause.lost) return true;
        if (paused > 0) return false;
        if (cause.in_heap > least_true * cause.bytes) return true;
        if (!grows) return false;
        // Seen to stay, and to replace nothing: whatever else there is.
        if (cause.stays() && cause.outnumbers(most_replaced)) return true;
        if (memory.steps < ProcessMemory::least_steps || is_of_something_else()) return false;
        return cause.outnumbers(most_replaced) || cause.stays()
                   ? leaves(cause.usual, usual, 0)
                   : leaves(cause.bytes, claimed, least_missing) ||
                         leaves(cause.touched, claimed - cause.bytes + cause.touched,
                                least_missing);
    }
    /// Whether most of `part` must be true, if so much of `all` or more is not.
    [[nodiscard]] bool leaves(double part, double all, double least_wrong) const {
        const double scale = std::clamp(shown / all, least_scale, most_scale);
        const double missing = std::max(least_wrong * scale * all, scale * all - shown);
        return scale * part - missing >= least_true * scale * part;
    }
    [[nodiscard]] double sure() const { return confirmed / (claimed + open); }
};

/// Of the stacks that `counts` is true for. `claims`: what all of them claimed at first; of those
/// that were bounded since, nobody knows how much is true, unless they are seen to die.
template <typename Counts>
Proof proof_of(const Report& report, const StackClaims& claims, Counts counts) {
    Proof proof{.memory = witness_of(report)};
    const Witness& witness = proof.memory;
    proof.grows =
        report.snapshots >= 2 * least_snapshots && witness.growth.low > 0 && witness.lately.low > 0;
    proof.paused = report.memory.anonymous_paused_seconds;
    proof.shown = lasting(witness.growth, witness.lately).bytes_per_second;
    proof.seconds = seconds_of(report);
    const RateScale& pace = report.sampling.rate_scale;
    proof.most_replaced = report.sampling.most_replaced;
    proof.least_scale = pace.low / pace.middle;
    proof.most_scale =
        pace.known ? pace.high / pace.middle : std::numeric_limits<double>::infinity();
    for (std::size_t i = 0; i < report.stacks.size(); ++i) {
        const ReportStack& stack = report.stacks[i];
        if (!counts(stack)) continue;
        const double rate = requested(stack);
        const BlockShares shares = block_shares(stack);
        if (const auto& seen = stack.evidence.staying; seen && seen->dying && !stack.is_lost)
            proof.open += std::max(0.0, stack.growth.bytes_per_second) * shares.most;
        if (stack.kind == StackKind::heap && claims.growths[i].low > 0 && rate == 0 &&
            !claim_of(stack, proof.seconds).dies()) {
            proof.usual += stack.growth.bytes_per_second * shares.usual;
            proof.claimed += stack.growth.high * shares.most;
        }
        proof.requested += rate;
        proof.least += rate * shares.least;
        proof.usual += rate * shares.usual;
        proof.claimed += rate * shares.most;
    }
    return proof;
}

/// Of a growth that is a part of the claims. Its interval is wide enough for whatever the allocator
/// adds to blocks, and for the claims that are not confirmed.
Growth by_memory(const Proof& proof, const Growth& growth) {
    const double rate = growth.bytes_per_second;
    const double apart = 1 + proof.memory.fragmented;
    Growth result = growth;
    result.bytes_per_second = rate / proof.usual * proof.memory.growth.bytes_per_second;
    result.low = rate / proof.claimed * proof.memory.growth.low * proof.sure() / apart;
    result.high = rate / proof.least * proof.memory.growth.high / proof.sure() * apart;
    result.bytes = bytes_at(result.bytes_per_second, growth);
    return result;
}

/// What the count of the memory may be off by, for a part of the claims, in bytes a second.
double slack_of(const Growth& growth, const Proof& proof) {
    return growth.bytes_per_second / proof.requested * proof.memory.miscounted / proof.seconds;
}

/// Whether the memory, as exactly as it is counted, may as well have grown by what was seen.
bool agrees(const Growth& seen, const Growth& by_memory, const Proof& proof) {
    const double slack = slack_of(seen, proof);
    return by_memory.low - slack <= seen.bytes_per_second &&
           seen.bytes_per_second <= by_memory.high + slack;
}

bool overlap(const Growth& a, const Growth& b) {
    return a.low <= b.high && b.low <= a.high;
}

/// Of blocks that all stay and are larger than pages, the memory has only the pages that were used.
bool is_untouched(const ReportStack& stack, const Claim& cause, const Growth& by_memory) {
    return (cause.stays() || stack.is_lost || may_be_untouched(stack)) &&
           block_size(stack) >= large_block && stack.growth.low > by_memory.high;
}

/// The memory may have grown by something else as well, or not all of what was requested been
/// touched: the interval takes in what was seen of the growth, unless that contradicts it.
Growth widened(Growth by_memory, const Growth& seen) {
    if (!overlap(by_memory, seen)) return by_memory;
    by_memory.low = std::min(by_memory.low, seen.bytes_per_second);
    by_memory.high = std::max(by_memory.high, seen.bytes_per_second);
    return by_memory;
}

/// What the memory grows by is what was seen, and what else takes memory.
Growth at_most(const Growth& by_memory, Growth seen) {
    if (seen.bytes_per_second > by_memory.high) {
        seen.bytes_per_second = by_memory.bytes_per_second;
        seen.low = std::min(seen.low, by_memory.low);
        seen.bytes = by_memory.bytes;
    }
    seen.high = std::min(seen.high, by_memory.high);
    return seen;
}

/// What was seen, at a pace that was counted while no probe slowed the target down, too: it is as
/// uncertain as its blocks are few, and the memory's part as what else takes memory is unknown.
/// `alone`: next to nothing else of the heap does; then it is right if chance easily makes what was
/// seen of it (half of the interval: a standard deviation).
bool tells_better(const Growth& seen, const Growth& by_memory, bool alone) {
    if (seen.low > by_memory.high) return false;
    if (alone && by_memory.bytes_per_second <= (seen.bytes_per_second + seen.high) / 2)
        return interval_width(seen) <= 2 * exact;
    return interval_width(seen) <= interval_width(by_memory) + 2 * something_else;
}

/// Whether next to all that is held across pauses is of the causes that are confirmed.
bool are_alone(const Report& report, const StackClaims& claims,
               const std::map<std::string, Proof*>& proofs) {
    double all = 0;
    double confirmed = 0;
    for (std::size_t i = 0; i < report.stacks.size(); ++i) {
        const ReportStack& stack = report.stacks[i];
        if (stack.kind != StackKind::heap) continue;
        const auto bytes = static_cast<double>(stack.totals.lapsed_bytes);
        all += bytes;
        if (stack.seen_to_leak && proofs.contains(claims.causes[i])) confirmed += bytes;
    }
    return confirmed >= next_to_all * all;
}

/// Next to nothing of what it had stays, as far as that can be recognized, and the memory has not
/// become larger by that.
void leave_open_what_hardly_stays(Report& report) {
    const auto larger = static_cast<double>(report.memory.anonymous.bytes);
    for (ReportStack& stack : report.stacks) {
        const auto& seen = stack.evidence.staying;
        if (stack.verdict != Verdict::growing || stack.is_lost || !seen || !is_hardly_any(*seen) ||
            larger >= least_true * static_cast<double>(stack.growth.bytes))
            continue;
        stack.verdict = Verdict::undetermined;
        stack.growth.low = std::min(stack.growth.low, 0.0);
    }
}

}  // namespace

void confirm_by_memory(Report& report) {
    StackClaims claimed = claims_of(report);
    bound_by_balance(claimed, report);
    const double seconds = seconds_of(report);
    const auto dies = [&](const ReportStack& stack) { return claim_of(stack, seconds).dies(); };
    Proof of_all = proof_of(report, claimed, [](const ReportStack&) { return true; });
    Proof of_lasting = proof_of(report, claimed, std::not_fn(dies));
    Claim dying;
    std::map<std::string, Claim> causes;
    for (std::size_t i = 0; i < report.stacks.size(); ++i) {
        const ReportStack& stack = report.stacks[i];
        if (dies(stack)) dying.add(stack, seconds);
        if (stack.seen_to_leak) causes[claimed.causes[i]].add(stack, seconds);
    }
    std::map<std::string, Proof*> proofs;
    for (const auto& [cause, claims] : causes) {
        Proof* proof = nullptr;
        if (of_all.confirms(claims))
            proof = &of_all;
        else if ((claims.outlives(dying) || claims.stays()) && of_lasting.confirms(claims))
            proof = &of_lasting;
        if (proof == nullptr) continue;
        proof->confirmed += claims.bytes;
        proofs.emplace(cause, proof);
    }
    const bool nothing_else = are_alone(report, claimed, proofs);
    for (std::size_t i = 0; i < report.stacks.size(); ++i) {
        ReportStack& stack = report.stacks[i];
        if (!stack.seen_to_leak) continue;
        const auto found = proofs.find(claimed.causes[i]);
        if (found == proofs.end()) continue;
        const Proof& proof = *found->second;
        stack.verdict = Verdict::leak;
        if (!proof.grows) continue;
        stack.reason += fmt::format(
            "; but {} grows by {}, which without it {}", proof.memory.name,
            hourly(proof.memory.growth),
            &proof == &of_all ? "nothing would explain" : "only blocks that are seen to die would");
        if (proof.sure() < most_of_all || stack.in_heap) continue;
        const Growth part = by_memory(proof, stack.growth);
        if (is_untouched(stack, causes.at(claimed.causes[i]), part)) {
            stack.reason += "; it is more than that, as not all of such large blocks is touched";
            continue;
        }
        if (report.sampling.by_calls && tells_better(stack.growth, part, nothing_else)) {
            stack.growth = at_most(part, stack.growth);
            continue;
        }
        const double narrower = proof.sure() >= all_of_all ? 1 : much_narrower;
        // Blocks that are seen to die may become more as well.
        const bool alone = &proof == &of_all;
        if (!alone && report.sampling.rate_scale.known && !overlap(stack.growth, part)) continue;
        const double slack = alone ? 0 : slack_of(part, proof);
        const bool closer = interval_width(part, slack) < narrower * interval_width(stack.growth);
        const bool is_right = report.sampling.by_calls && nothing_else;
        if (!is_right && !closer && agrees(stack.growth, part, proof)) continue;
        stack.growth = report.sampling.rate_scale.known ? widened(part, stack.growth) : part;
        if (!proof.memory.is_heap)
            stack.growth.low =
                std::min(stack.growth.low, stack.growth.bytes_per_second / (1 + something_else));
        stack.reason += ", and of which its rate is the part";
    }
    bound_by_memory(claimed, of_all.doubt(), report);
    if (!of_all.grows) leave_open_what_hardly_stays(report);
}

}  // namespace seep
