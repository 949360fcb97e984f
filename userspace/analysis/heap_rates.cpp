// SPDX-License-Identifier: GPL-2.0-only
#include "analysis/heap_rates.h"

#include <fmt/format.h>

#include <algorithm>
#include <cmath>
#include <limits>
#include <map>
#include <optional>
#include <string>
#include <string_view>
#include <utility>

#include "analysis/block_size.h"
#include "analysis/claims.h"
#include "analysis/growth.h"
#include "analysis/heap_growth.h"
#include "analysis/normal.h"
#include "drain/glibc_heap.h"

namespace seep {
namespace {

using Rate = BlockRate;
using Claim = HeapClaim;

/// Blocks of several sizes are of any between those, of their mean, and no more of them of one.
constexpr double spread = 4;
constexpr double most_of_one_size = 0.25;
/// Of a size, what must be of the stacks of a cluster for it to tell how many those leave; and so
/// many sizes must.
constexpr double mostly_theirs = 0.5;
constexpr double theirs_alone = 0.99;
/// Of their blocks, those of sizes that are theirs alone, for these to tell it.
constexpr double enough_alone = 0.25;
constexpr std::size_t least_sizes = 2;
constexpr double least_chance = 0.05;
/// Of blocks of a size, those that take the next one at most; and in how many turns it is settled
/// how many do, as that hangs on how many blocks there are of the next one.
constexpr double most_of_next = 0.25;
constexpr int turns = 4;
/// A standard deviation over the median deviation, where it is normal.
constexpr double deviations_sd = 1.4826;
/// Of fewer, it may be chance that one of several stacks with blocks of a size was seen to hold
/// any.
constexpr std::uint64_t enough_held = 5;

/// Of a claim, what may be of a size.
double share_of(const Claim& claim, std::uint64_t chunk) {
    if (claim.chunk != 0) return claim.chunk == chunk ? 1 : 0;
    const double takes = block_takes(claim.size, BlockLayout::header);
    const auto other = static_cast<double>(chunk);
    return other >= takes / spread && other <= takes * spread ? most_of_one_size : 0;
}

std::vector<Claim> claims_of_sizes(const Report& report) {
    std::vector<Claim> claims;
    for (std::size_t i = 0; i < report.stacks.size(); ++i) {
        const ReportStack& stack = report.stacks[i];
        const double size = block_size(stack);
        if (!is_in_glibc_heap(stack) || size <= 0 || size > most_in_heap) continue;
        Claim claim{.stack = i,
                    .size = size,
                    .held = stack.totals.held_count(),
                    .is_replaced = stack.is_replaced};
        if (is_uniform(stack.totals)) claim.chunk = glibc_chunk(size);
        claim.chunks = chunks_of(size_range(stack.totals));
        claim.rate = {std::max(0.0, stack.growth.bytes_per_second) / size,
                      std::max(0.0, stack.growth.low) / size,
                      std::max(0.0, stack.growth.high) / size};
        if (claim.is_replaced) claim.rate.low = 0;
        claims.push_back(claim);
    }
    return claims;
}

/// What all claim of a size, but for one of them.
Rate claims_on(std::uint64_t chunk, const std::vector<Claim>& claims,
               const Claim* except = nullptr) {
    Rate sum;
    for (const Claim& other : claims) {
        if (&other == except) continue;
        const double share = share_of(other, chunk);
        sum.high += share * other.rate.high;
        // Of which sizes the rest are, nobody knows; what is not certain may be in flight.
        if (other.chunk == 0 || other.rate.low <= 0) continue;
        sum.more += share * other.rate.more;
        sum.low += share * other.rate.low;
    }
    return sum;
}

double part(double of_one, double of_others) {
    return of_others <= 0 ? 1 : of_one / (of_one + of_others);
}

/// Of what there is more, what is the claim's: of more than is claimed its share of that, and of
/// less, what is certain of each claim comes first.
double middle_part(double there_is, const Rate& claim, const Rate& others) {
    const double all = claim.more + others.more;
    const double least = claim.low + others.low;
    if (there_is >= all || all <= least) return there_is * part(claim.more, others.more);
    if (there_is <= least) return there_is * part(claim.low, others.low);
    return claim.low + (there_is - least) / (all - least) * (claim.more - claim.low);
}

/// The part of what there is more of a size that is the claim's.
Rate part_of(const Rate& size, const Claim& claim, const Rate& others) {
    return {middle_part(std::max(0.0, size.more), claim.rate, others),
            std::max(0.0, size.low) * part(claim.rate.low, others.high),
            std::max(0.0, size.high) * part(claim.rate.high, others.low)};
}

Growth in_bytes(const Rate& rate, double size, double seconds) {
    return {.bytes_per_second = rate.more * size,
            .low = rate.low * size,
            .high = rate.high * size,
            .bytes = std::llround(rate.more * size * seconds)};
}

std::string more_text(const Rate& rate, std::uint64_t chunk) {
    return fmt::format(
        "of chunks of {} bytes, as they take, the heap has {:.3g} to {:.3g} more a "
        "second",
        chunk_text(chunk), rate.low, rate.high);
}

/// What the heap has more for blocks of a size, with what of the next one nobody else has.
Rate with_next(const HeapInUseGrowth& heap, std::uint64_t chunk, const Rate& claimed_of_next) {
    Rate size = rate_of_size(heap.sizes, chunk);
    const Rate next = rate_of_size(heap.sizes, next_size(chunk));
    if (next_size(chunk) == chunk || next.low <= 0) return size;
    size.more += std::max(0.0, next.more - claimed_of_next.more);
    size.low += std::max(0.0, next.low - claimed_of_next.high);
    size.high += std::max(0.0, next.high - claimed_of_next.low);
    return size;
}

/// By what was seen.
Rate rate_of_blocks(const HeapInUseGrowth& heap, std::uint64_t chunk,
                    const std::vector<Claim>& claims) {
    const std::uint64_t next = next_size(chunk);
    Rate claimed = claims_on(next, claims);
    const bool has_owner = std::ranges::any_of(
        claims, [&](const Claim& claim) { return claim.chunk == next && claim.held > 0; });
    if (has_owner) claimed.more = claimed.high = std::numeric_limits<double>::infinity();
    return with_next(heap, chunk, claimed);
}

/// It claims more than there is: a full cache that replaces its entries does, and what was in hand
/// when windows ended.
void leave_open(const Rate& size, const Growth& growth, const Claim& claim, ReportStack& stack) {
    const bool most_is_false =
        growth.high < least_true * stack.growth.low || growth.bytes_per_second <= 0;
    stack.growth = stack.held_growth = growth;
    constexpr std::string_view why = "as where a full cache replaces its entries";
    if (stack.reason.find(why) == std::string::npos)
        stack.reason =
            fmt::format("{} at most: the rest was freed unseen, {}; by what was seen, {}",
                        more_text(size, claim.chunk), why, stack.reason);
    if (!most_is_false) return;
    stack.growth.low = 0;
    stack.seen_to_leak = false;
    if (grows(stack)) stack.verdict = Verdict::undetermined;
}

bool is_narrower(const Growth& growth, const Growth& than) {
    return than.low <= 0 || growth.high - growth.low < than.high - than.low;
}

/// `surely`: others cannot have all of it.
void take(const Growth& growth, const std::string& why, bool surely, ReportStack& stack) {
    stack.growth = stack.held_growth = growth;
    if (!stack.in_heap) stack.reason += "; " + why;
    stack.in_heap = true;
    stack.surely_in_heap = surely;
    if (stack.verdict == Verdict::undetermined) stack.verdict = Verdict::growing;
}

/// What some stacks have to do with a size of blocks.
struct Part {
    double theirs = 0;   ///< What they claim of it, in blocks a second.
    Rate others;         ///< What others certainly do, and at most.
    double perhaps = 0;  ///< Of what is claimed of several sizes, what may be of it besides.
    double held = 0;     ///< Blocks that they have.
    Rate size;           ///< What the heap has.

    [[nodiscard]] double all() const { return theirs + others.more; }
    [[nodiscard]] bool is_mostly_theirs() const {
        return theirs > 0 && theirs >= mostly_theirs * all();
    }
    [[nodiscard]] bool is_theirs_alone() const { return theirs >= theirs_alone * all(); }
    [[nodiscard]] bool is_surely_theirs() const { return others.high < size.low; }
    /// How many times what they claim there is of it, at most.
    [[nodiscard]] Rate times() const {
        return {std::max(0.0, size.more) / all(), std::max(0.0, size.low) / all(),
                std::max(0.0, size.high) / all()};
    }
    /// And at least.
    [[nodiscard]] double least_times() const {
        return std::max(0.0, size.more) / (all() + perhaps);
    }
};
using Parts = std::map<std::uint64_t, Part>;

/// Of a size that some have claims of, with what of the next one is not claimed, where they are
/// known to have so many `times` what they claim: blocks for which a larger chunk was all there
/// was.
Rate size_with_next(std::uint64_t chunk, const std::vector<const Claim*>& members,
                    const std::vector<Claim>& claims, const HeapInUseGrowth& heap,
                    std::optional<double> times) {
    Rate size = rate_of_size(heap.sizes, chunk);
    const std::uint64_t next = next_size(chunk);
    if (!times || next == chunk) return size;
    double claimed = claims_on(next, claims).more;
    for (const Claim* const claim : members)
        if (claim->chunk == next)
            claimed += (claim->rate.low > 0 ? *times - 1 : *times) * claim->rate.more;
    const double more = std::max(0.0, rate_of_size(heap.sizes, next).more - claimed);
    if (more > most_of_next * size.more) return size;
    return {size.more + more, size.low + more, size.high + more};
}

/// `members`: ascending; all or none of them are replaced. `times`: what they are known to have, of
/// what they claim.
Parts parts_of(const std::vector<const Claim*>& members, const std::vector<Claim>& claims,
               const HeapInUseGrowth& heap, std::optional<double> times = {}) {
    Parts parts;
    for (const Claim* const claim : members) {
        if (claim->chunk == 0) continue;
        Part& part = parts[claim->chunk];
        part.theirs += claim->rate.more;
        part.held += static_cast<double>(claim->held);
    }
    for (auto& [chunk, part] : parts) {
        part.size = size_with_next(chunk, members, claims, heap, times);
        for (const Claim& claim : claims) {
            const bool is_others = !std::ranges::binary_search(members, &claim);
            if (is_others) part.others.high += share_of(claim, chunk) * claim.rate.high;
            if (claim.rate.low <= 0) continue;
            if (claim.chunk == chunk && is_others) {
                part.others.more += claim.rate.more;
                part.others.low += claim.rate.low;
            } else if (claim.chunk == 0 && std::ranges::binary_search(claim.chunks, chunk)) {
                part.perhaps += claim.rate.more;
            }
        }
        if (!members.front()->is_replaced) continue;
        part.size = without(part.size, part.others);
        part.others = {};
    }
    return parts;
}

/// Between two values.
struct Weighed {
    double low = 0;
    double high = 0;
    double weight = 0;

    [[nodiscard]] double distance(double value) const {
        return std::max({0.0, low - value, value - high});
    }
};

/// What is nearest to all of them: of single values, the weighted median.
Weighed nearest_to_all(const std::vector<Weighed>& values) {
    const auto distance = [&](double value) {
        double sum = 0;
        for (const Weighed& each : values) sum += each.weight * each.distance(value);
        return sum;
    };
    std::vector<double> ends;
    for (const Weighed& each : values) ends.insert(ends.end(), {each.low, each.high});
    std::ranges::sort(ends);
    double least = std::numeric_limits<double>::infinity();
    Weighed nearest;
    for (const double end : ends) {
        const double here = distance(end);
        if (here < least * (1 - 1e-9)) nearest.low = end;
        if (here <= least * (1 + 1e-9)) nearest.high = end;
        least = std::min(least, here);
    }
    return nearest;
}

/// How many times what a cluster claims the heap has. Objects of one kind leave as many blocks of
/// each size, time after time: so the sizes agree, but for what else there is of some of them, and
/// the middle one is right. The interval by their median deviation from it.
std::optional<Rate> times_seen(const Parts& parts) {
    std::vector<Part> telling;
    for (const auto& [chunk, part] : parts)
        if (part.is_mostly_theirs()) telling.push_back(part);
    if (telling.size() < least_sizes) return std::nullopt;
    double held = 0;
    double held_alone = 0;
    for (const Part& part : telling) {
        held += part.held;
        if (part.is_theirs_alone()) held_alone += part.held;
    }
    // What others claim besides may be false.
    if (held_alone >= enough_alone * held)
        std::erase_if(telling, [](const Part& part) { return !part.is_theirs_alone(); });
    std::vector<Weighed> times;
    double uncertain = 0;
    for (const Part& part : telling) {
        times.push_back({part.least_times(), part.times().more, part.held});
        uncertain = std::max(uncertain, (part.times().high - part.times().low) / 2);
    }
    const Weighed nearest = nearest_to_all(times);
    const double middle = (nearest.low + nearest.high) / 2;
    std::vector<Weighed> deviations;
    deviations.reserve(times.size());
    for (const Weighed& each : times) {
        const double deviation = each.distance(middle);
        deviations.push_back({deviation, deviation, each.weight});
    }
    const double error = std::max({uncertain, (nearest.high - nearest.low) / 2,
                                   z_95 * deviations_sd * nearest_to_all(deviations).low /
                                       std::sqrt(static_cast<double>(times.size()))});
    return Rate{middle, std::max(0.0, middle - error), middle + error};
}

/// What a size tells of its own is exact, unless something else has part in it, as far as chance in
/// what was seen lets that be told.
double times_of_size(const Parts& parts, std::uint64_t chunk, double middle) {
    const auto found = parts.find(chunk);
    if (found == parts.end() || !found->second.is_theirs_alone()) return middle;
    const double times = found->second.times().more;
    const double chance = std::max(least_chance, z_95 / std::sqrt(found->second.held));
    return std::abs(times / middle - 1) <= chance ? times : middle;
}

}  // namespace

HeapRates::HeapRates(const HeapInUseGrowth& heap, const Report& report)
    : heap_(&heap), claims_(claims_of_sizes(report)) {}

void HeapRates::rate_stacks(Report& report) const {
    const double seconds = seconds_of(report);
    const bool halted = has_halted(*heap_);
    for (const HeapClaim& claim : claims_) {
        if (claim.chunk == 0 || claim.held == 0) continue;
        ReportStack& stack = report.stacks[claim.stack];
        const Rate size = rate_of_blocks(*heap_, claim.chunk, claims_);
        const Rate others = claims_on(claim.chunk, claims_, &claim);
        const Growth growth = in_bytes(part_of(size, claim, others), claim.size, seconds);
        const bool alone = claim.rate.low > 0 || (others.high <= 0 && claim.held >= enough_held);
        if (claim.is_replaced) {
            const Rate left = without(size, others);
            if (left.low > 0 && !halted)
                take(in_bytes(left, claim.size, seconds), more_text(size, claim.chunk), true,
                     stack);
        } else if (claim.rate.low > std::max(0.0, size.high)) {
            leave_open(size, growth, claim, stack);
        } else if (alone && !halted && growth.low > 0 && growth.low <= stack.growth.high &&
                   is_narrower(growth, stack.growth)) {
            take(growth, more_text(size, claim.chunk), others.high < size.low, stack);
        }
    }
}

void HeapRates::rate_clusters(Report& report) const {
    if (has_halted(*heap_)) return;
    // What is replaced has another fate than what it is in step with.
    std::map<std::pair<std::uint32_t, bool>, std::vector<const HeapClaim*>> clusters;
    for (const HeapClaim& claim : claims_)
        if (const std::uint32_t cluster = report.stacks[claim.stack].evidence.cluster;
            cluster != 0 && claim.rate.more > 0)
            clusters[{cluster, claim.is_replaced}].push_back(&claim);
    const double seconds = seconds_of(report);
    for (const auto& [cluster, members] : clusters) {
        // What it had in hand when windows ended is not to be blamed for what another leaves.
        const auto may_grow = [](const HeapClaim* claim) {
            return claim->rate.low > 0 || claim->is_replaced;
        };
        if (std::ranges::none_of(members, may_grow)) continue;
        Parts parts = parts_of(members, claims_, *heap_);
        auto seen = times_seen(parts);
        for (int turn = 0; seen && turn < turns; ++turn) {
            parts = parts_of(members, claims_, *heap_, seen->more);
            seen = times_seen(parts);
        }
        if (!seen || seen->low <= 0) continue;
        const bool surely = std::ranges::any_of(
            parts, [](const auto& part) { return part.second.is_surely_theirs(); });
        for (const HeapClaim* const claim : members) {
            ReportStack& stack = report.stacks[claim->stack];
            const double more = times_of_size(parts, claim->chunk, seen->more) * claim->rate.more;
            const Growth growth =
                in_bytes({more, more * seen->low / seen->more, more * seen->high / seen->more},
                         claim->size, seconds);
            if (growth.low > 0 && is_narrower(growth, stack.growth))
                take(growth, "in step with others, of the sizes of which the heap has more", surely,
                     stack);
        }
    }
}

void HeapRates::bound_sizes(Report& report) const {
    const auto rate_now = [&](const HeapClaim& claim) {
        const Growth& growth = report.stacks[claim.stack].growth;
        return Rate{growth.bytes_per_second / claim.size, std::max(0.0, growth.low) / claim.size,
                    growth.high / claim.size};
    };
    const auto is_left_out = [&](const HeapClaim& claim) {
        const ReportStack& stack = report.stacks[claim.stack];
        return claim.chunk == 0 || !grows(stack) || (claim.is_replaced && !stack.in_heap);
    };
    std::map<std::uint64_t, Rate> claimed;
    for (const HeapClaim& claim : claims_) {
        if (is_left_out(claim)) continue;
        claimed[claim.chunk].more += rate_now(claim).more;
        claimed[claim.chunk].low += rate_now(claim).low;
    }
    std::map<std::uint64_t, Rate> there_is;
    for (const auto& [chunk, blocks] : claimed) {
        const auto found = claimed.find(next_size(chunk));
        const double of_next = found != claimed.end() ? found->second.more : 0;
        there_is[chunk] = with_next(*heap_, chunk, {of_next, of_next, of_next});
    }
    for (const HeapClaim& claim : claims_) {
        if (is_left_out(claim)) continue;
        ReportStack& stack = report.stacks[claim.stack];
        const Rate& size = there_is.at(claim.chunk);
        const Rate& all = claimed.at(claim.chunk);
        if (all.more <= std::max(0.0, size.high)) continue;
        const Rate its = rate_now(claim);
        const Rate others{std::max(0.0, all.more - its.more), std::max(0.0, all.low - its.low), 0};
        Rate left{middle_part(std::max(0.0, size.more), its, others), 0, 0};
        left.low = std::min(its.low, left.more);
        left.high =
            std::max(left.more, std::min(its.high, its.more * std::max(0.0, size.high) / all.more));
        leave_open(size, in_bytes(left, claim.size, seconds_of(report)), claim, stack);
    }
}

}  // namespace seep
