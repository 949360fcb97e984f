// SPDX-License-Identifier: GPL-2.0-only
#include "analysis/heap_lost.h"

#include <fmt/format.h>

#include <algorithm>
#include <map>
#include <set>
#include <string>

#include "analysis/block_size.h"
#include "analysis/claims.h"
#include "analysis/heap_growth.h"
#include "analysis/lost.h"
#include "analysis/merging.h"

namespace seep {
namespace {

/// What grows in lockstep, or by itself.
struct Cause {
    std::vector<ReportStack*> stacks;
    double bytes_per_second = 0;  ///< With headers.
    std::set<std::uint64_t> chunks;
};

/// Of its own blocks, enough and more than half for certain.
bool is_mostly_lost(const Cause& cause) {
    StackReachability seen;
    for (const ReportStack* const stack : cause.stacks) accumulate(seen, stack->reachability);
    const auto share = unreachable(seen);
    return share && share->low >= mostly_lost;
}

/// Of what it grows by, what is lost at least: not more than what is lost of its sizes, nor less
/// than what would be left if all were its own that there is more of them and not lost; unless
/// most of its own blocks that were looked for are.
double least_lost(const Cause& cause, const HeapInUseGrowth& heap) {
    double lost = 0;
    double not_lost = 0;
    for (const std::uint64_t chunk : cause.chunks) {
        const BlockRate of_lost = rate_of_size(heap.lost->sizes, chunk);
        const double others =
            std::max(0.0, rate_of_size(heap.sizes, chunk).high - std::max(0.0, of_lost.low));
        lost += std::max(0.0, of_lost.more) * static_cast<double>(chunk);
        not_lost += others * static_cast<double>(chunk);
    }
    if (is_mostly_lost(cause)) not_lost = 0;
    return std::min(lost, cause.bytes_per_second - not_lost) / cause.bytes_per_second;
}

std::map<std::string, Cause> causes_of(Report& report) {
    const std::vector<std::string> names = claims_of(report).causes;
    std::map<std::string, Cause> causes;
    for (std::size_t i = 0; i < report.stacks.size(); ++i) {
        ReportStack& stack = report.stacks[i];
        if (!grows(stack) || !is_in_glibc_heap(stack)) continue;
        const SizeRange blocks = size_range(stack.totals);
        Cause& cause = causes[names[i]];
        cause.stacks.push_back(&stack);
        cause.bytes_per_second += stack.growth.bytes_per_second *
                                  static_cast<double>(glibc_chunk(blocks.mean)) / blocks.mean;
        for (const std::uint64_t chunk : chunks_of(blocks)) cause.chunks.insert(chunk);
    }
    return causes;
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
    for (const auto& [name, cause] : causes_of(report)) {
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
    }
}

}  // namespace seep
