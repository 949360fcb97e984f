// SPDX-License-Identifier: GPL-2.0-only
#include "analysis/heap_lost.h"

#include <fmt/format.h>

#include <algorithm>
#include <cmath>
#include <map>
#include <set>
#include <string>

#include "analysis/block_size.h"
#include "analysis/claims.h"
#include "analysis/findings.h"
#include "analysis/growth.h"
#include "analysis/heap_growth.h"
#include "analysis/lost.h"
#include "analysis/merging.h"

namespace seep {
namespace {

/// Blocks of a cause that were found lost, for it to be what loses.
constexpr std::uint64_t enough_lost = 10;

/// What grows in lockstep, or by itself.
struct Cause {
    std::vector<ReportStack*> stacks;
    Growth growth;  ///< With headers.
    std::set<std::uint64_t> chunks;
    StackReachability seen;  ///< Of its own blocks.

    /// Of those that were looked for, enough and more than half for certain.
    [[nodiscard]] bool is_mostly_lost() const {
        const auto share = unreachable(seen);
        return share && share->low >= mostly_lost;
    }
};

double held_with_headers(const ReportStack& stack) {
    const SizeRange blocks = size_range(stack.totals);
    return static_cast<double>(stack.totals.held_count()) *
           static_cast<double>(glibc_chunk(blocks.mean));
}

/// What there is more of its sizes, in bytes a second, with headers. `sizes`: in use, or lost.
Growth more_of_sizes(const Cause& cause, const std::map<std::uint64_t, BlockRate>& sizes) {
    Growth more;
    for (const std::uint64_t chunk : cause.chunks) {
        const BlockRate rate = rate_of_size(sizes, chunk);
        const auto bytes = static_cast<double>(chunk);
        more.bytes_per_second += std::max(0.0, rate.more) * bytes;
        more.low += std::max(0.0, rate.low) * bytes;
        more.high += std::max(0.0, rate.high) * bytes;
    }
    return more;
}

/// What of that is not lost, at most.
double not_lost_of_sizes(const Cause& cause, const HeapInUseGrowth& heap) {
    double bytes = 0;
    for (const std::uint64_t chunk : cause.chunks) {
        const double lost = std::max(0.0, rate_of_size(heap.lost->sizes, chunk).low);
        bytes +=
            std::max(0.0, rate_of_size(heap.sizes, chunk).high - lost) * static_cast<double>(chunk);
    }
    return bytes;
}

/// Of what it grows by, what is lost at least: not more than what is lost of its sizes, nor less
/// than what would be left if all were its own that there is more of them and not lost; unless
/// most of its own blocks that were looked for are.
double least_lost(const Cause& cause, const HeapInUseGrowth& heap) {
    const double all = cause.growth.bytes_per_second;
    const double of_others = cause.is_mostly_lost() ? 0 : not_lost_of_sizes(cause, heap);
    const double lost = more_of_sizes(cause, heap.lost->sizes).bytes_per_second;
    return std::min(lost, all - of_others) / all;
}

using Causes = std::map<std::string, Cause>;

Causes causes_of(Report& report) {
    const std::vector<std::string> names = claims_of(report).causes;
    Causes causes;
    for (std::size_t i = 0; i < report.stacks.size(); ++i) {
        ReportStack& stack = report.stacks[i];
        if (!grows(stack) || !is_in_glibc_heap(stack)) continue;
        const SizeRange blocks = size_range(stack.totals);
        Cause& cause = causes[names[i]];
        cause.stacks.push_back(&stack);
        const double header = static_cast<double>(glibc_chunk(blocks.mean)) / blocks.mean;
        accumulate(cause.growth, times(stack.growth, header));
        accumulate(cause.seen, stack.reachability);
        for (const std::uint64_t chunk : chunks_of(blocks)) cause.chunks.insert(chunk);
    }
    return causes;
}

/// Nothing else that is mostly lost has blocks of any of them.
bool has_its_sizes_alone(const Cause& cause, const Causes& causes) {
    return std::ranges::none_of(causes, [&](const auto& named) {
        const Cause& other = named.second;
        return &other != &cause && other.is_mostly_lost() &&
               std::ranges::any_of(
                   cause.chunks, [&](std::uint64_t chunk) { return other.chunks.contains(chunk); });
    });
}

/// What claims less than is lost of its sizes for certain was seen when less of it came than at
/// other times. Of what is lost, as much looks reached as of its own blocks that were looked for.
/// Only where what is in use comes and goes, so that it tells no more. `cause`: mostly lost.
void raise_to_lost(const Cause& cause, const HeapInUseGrowth& heap) {
    const Growth lost = more_of_sizes(cause, heap.lost->sizes);
    if (lost.low <= cause.growth.high || lost.low <= more_of_sizes(cause, heap.sizes).low) return;
    const double with_reached =
        static_cast<double>(cause.seen.looked) / static_cast<double>(cause.seen.lost);
    for (ReportStack* const stack : cause.stacks) {
        const double claim = stack->growth.bytes_per_second;
        const double part = claim / cause.growth.bytes_per_second;
        const double rate = part * lost.bytes_per_second * with_reached;
        stack->growth = {.bytes_per_second = rate,
                         .low = part * lost.low,
                         .high = std::max(rate, part * lost.high),
                         .bytes = bytes_at(rate, stack->growth)};
        stack->reason += fmt::format(
            "; but of blocks of its cause's sizes {:.2g} times as much is lost", rate / claim);
    }
}

/// Of what the heap has more of, what is not claimed by other causes.
Growth left_of_heap(const Cause& cause, const Causes& causes, const HeapInUseGrowth& heap) {
    Growth left = heap.growth;
    for (const auto& [name, other] : causes) {
        if (&other == &cause) continue;
        left.bytes_per_second -= other.growth.bytes_per_second;
        left.low -= other.growth.high;
        left.high -= std::max(0.0, other.growth.low);
    }
    return left;
}

bool is_alone_lost(const Cause& cause, const Causes& causes) {
    return std::ranges::none_of(causes, [&](const auto& named) {
        return &named.second != &cause && named.second.seen.lost > 0;
    });
}

/// The mean of what two tell, weighed by how well each does (inverse-variance weighting).
double weighted_mean(const Growth& a, const Growth& b) {
    const auto weight = [](const Growth& of) { return 1 / std::pow(of.high - of.low, 2); };
    return (a.bytes_per_second * weight(a) + b.bytes_per_second * weight(b)) /
           (weight(a) + weight(b));
}

/// Where all that is lost comes from one cause, it leaves that at least, as some of it may look
/// reached, and at most what the heap has more of and no other cause does. Its stacks have as much
/// of that as they have been seen to hold, since objects are seen as a whole.
void put_between_lost_and_in_use(const Cause& cause, const Causes& causes,
                                 const HeapInUseGrowth& heap) {
    if (cause.seen.lost < enough_lost || !unreachable(cause.seen) || !is_alone_lost(cause, causes))
        return;
    const Growth least = *heap.lost->growth;
    const Growth most = left_of_heap(cause, causes, heap);
    const double high = std::max(least.bytes_per_second, most.high);
    if (least.low <= 0 || most.bytes_per_second < least.low ||
        high - least.low >= cause.growth.high - cause.growth.low)
        return;
    const double both = std::max(least.bytes_per_second, most.bytes_per_second);
    const double middle = most.low <= least.high
                              ? std::clamp(weighted_mean(least, most), least.bytes_per_second, both)
                              : (least.bytes_per_second + both) / 2;
    double held = 0;
    for (const ReportStack* const stack : cause.stacks) held += held_with_headers(*stack);
    for (ReportStack* const stack : cause.stacks) {
        const auto part = static_cast<double>(stack->totals.held_bytes()) / held;
        stack->growth = {.bytes_per_second = part * middle,
                         .low = part * least.low,
                         .high = part * high,
                         .bytes = bytes_at(part * middle, stack->growth)};
        stack->reason += fmt::format(
            "; but its cause leaves {}, with headers: what is lost of its sizes at least, "
            "and what the heap has more of at most",
            hourly({.bytes_per_second = middle, .low = least.low, .high = high, .bytes = 0}));
    }
}

}  // namespace

double lost_share(const HeapInUseGrowth& heap, const std::vector<std::uint64_t>& chunks) {
    if (!heap.lost) return 0;
    double lost = 0;
    double more = 0;
    for (const std::uint64_t chunk : chunks) {
        const double of_lost = std::max(0.0, rate_of_size(heap.lost->sizes, chunk).more);
        const double in_use = std::max(of_lost, rate_of_size(heap.sizes, chunk).more);
        lost += of_lost * static_cast<double>(chunk);
        more += in_use * static_cast<double>(chunk);
    }
    return more > 0 ? lost / more : 0;
}

void judge_by_lost_of_heap(Report& report) {
    if (!report.memory.in_use || !report.memory.in_use->lost) return;
    const Causes causes = causes_of(report);
    for (const auto& [name, cause] : causes) {
        const double lost = least_lost(cause, *report.memory.in_use);
        if (!(lost >= mostly_lost)) continue;
        for (ReportStack* const stack : cause.stacks) {
            if (is_surely_pointed_to(stack->reachability)) continue;
            stack->evidence.lost_of_heap = lost;
            stack->is_lost = true;
            if (stack->growth.low > 0) stack->verdict = Verdict::leak;
            stack->reason += fmt::format(
                "; of what the heap has more of blocks of its cause's sizes, {:.0f} % of that at "
                "least is lost: nothing in the process's memory points to it",
                100 * lost);
        }
        if (cause.is_mostly_lost() && has_its_sizes_alone(cause, causes))
            raise_to_lost(cause, *report.memory.in_use);
    }
    if (!report.memory.in_use->lost->growth) return;
    for (const auto& [name, cause] : causes)
        put_between_lost_and_in_use(cause, causes, *report.memory.in_use);
}

}  // namespace seep
