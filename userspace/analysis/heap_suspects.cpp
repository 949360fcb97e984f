// SPDX-License-Identifier: GPL-2.0-only
#include "analysis/heap_suspects.h"

#include <fmt/format.h>

#include <algorithm>
#include <cmath>
#include <functional>
#include <map>
#include <set>
#include <string>
#include <tuple>
#include <vector>

#include "analysis/block_size.h"
#include "analysis/claims.h"
#include "analysis/culprit.h"
#include "analysis/findings.h"
#include "analysis/growth.h"
#include "analysis/heap_growth.h"
#include "analysis/heap_lost.h"
#include "analysis/sampling.h"
#include "base/text.h"
#include "drain/glibc_heap.h"

namespace seep {
namespace {

/// Of what there is more, in bytes: what a function must be able to have for it to be its growth,
/// and what others may be able to have as well.
constexpr double nearly_all = 0.9;
constexpr double others_at_most = 0.5;
/// Of what the heap grows by, what must be theirs to be told; and of that, what stacks must leave.
constexpr double least_part = 0.1;
constexpr double least_left = 1.0 / 3;
/// Objects are put together by few functions.
constexpr std::size_t most_functions = 3;
/// Blocks: of each size, seven that each thread keeps look in use before glibc 2.32 (put_aside.h).
constexpr double least_more = 16;
/// Of larger ones, threads keep none.
constexpr std::uint64_t most_kept = 1040;
constexpr double least_large = 3;
/// Blocks of a size that must have been allocated while all was followed, so that it is no chance
/// (5 %) that none of them was.
constexpr double least_seen = 3;
constexpr std::size_t most_named = 3;

using Sizes = std::map<std::uint64_t, BlockRate>;

/// A stack that allocates blocks of some of the sizes.
struct Candidate {
    const ReportStack* stack = nullptr;
    SizeRange blocks;
    std::vector<std::uint64_t> chunks;

    /// Bytes that were asked for, of a block in such a chunk.
    [[nodiscard]] double size_in(std::uint64_t chunk) const {
        const auto most = static_cast<double>(chunk) - 8;
        return std::clamp(blocks.mean, std::max(blocks.least, most - 15),
                          std::max(blocks.least, most));
    }
};

/// Of the sizes, those that a stack allocates; none if it would leave more of too many others.
std::vector<std::uint64_t> those_within(const SizeRange& blocks, const Sizes& sizes) {
    std::vector<std::uint64_t> chunks = chunks_of(blocks);
    const std::size_t all = chunks.size();
    std::erase_if(chunks, [&](std::uint64_t chunk) { return !sizes.contains(chunk); });
    if (2 * chunks.size() < all) chunks.clear();
    return chunks;
}

/// Of which the heap has more for certain, or of what of it is lost where that comes and goes.
Sizes certain_sizes(const Report& report) {
    const HeapInUseGrowth& heap = *report.memory.in_use;
    Sizes sizes;
    const auto take = [&](const Sizes& rates) {
        for (const auto& [chunk, rate] : rates)
            if (rate.low > 0 &&
                rate.more * seconds_of(report) >= (chunk <= most_kept ? least_more : least_large))
                sizes.emplace(chunk, rate);
    };
    take(heap.sizes);
    if (heap.lost) take(heap.lost->sizes);
    return sizes;
}

/// What is known to grow of a size, and by which stacks.
struct Known {
    BlockRate rate;
    std::vector<Candidate> stacks;
};
using KnownSizes = std::map<std::uint64_t, Known>;

KnownSizes known_growth(const Report& report, const Sizes& certain) {
    KnownSizes known;
    for (const ReportStack& stack : report.stacks) {
        if (!is_in_glibc_heap(stack) || !grows(stack)) continue;
        const SizeRange blocks = size_range(stack.totals);
        const std::vector<std::uint64_t> chunks = those_within(blocks, certain);
        const double a_size = blocks.mean * static_cast<double>(chunks.size());
        for (const std::uint64_t chunk : chunks) {
            Known& of_size = known[chunk];
            of_size.rate.more += stack.growth.bytes_per_second / a_size;
            of_size.rate.low += stack.growth.low / a_size;
            of_size.rate.high += stack.growth.high / a_size;
            of_size.stacks.push_back({&stack, blocks, chunks});
        }
    }
    return known;
}

/// Those of which stacks that do not grow have blocks.
std::set<std::uint64_t> sizes_of_others(const Report& report, const Sizes& certain) {
    std::set<std::uint64_t> sizes;
    for (const ReportStack& stack : report.stacks)
        if (is_in_glibc_heap(stack) && !grows(stack))
            for (const std::uint64_t chunk : those_within(size_range(stack.totals), certain))
                sizes.insert(chunk);
    return sizes;
}

/// Those of which it is not known yet whose they are, or of which what is known to grow surely has
/// not all.
Sizes unexplained_sizes(const Sizes& certain, const KnownSizes& known, const Report& report) {
    Sizes sizes = certain;
    const std::set<std::uint64_t> of_others = sizes_of_others(report, certain);
    for (const auto& [chunk, of_size] : known) {
        if (const BlockRate left = without(certain.at(chunk), of_size.rate); left.low > 0) {
            sizes[chunk] = left;
            continue;
        }
        sizes.erase(chunk);
        if (!of_others.contains(next_size(chunk))) sizes.erase(next_size(chunk));
    }
    return sizes;
}

std::vector<Candidate> candidates_for(const Sizes& sizes, const Report& report) {
    std::vector<Candidate> candidates;
    for (const ReportStack& stack : report.stacks) {
        if (!is_in_glibc_heap(stack) || stack.suppressed) continue;
        Candidate candidate{.stack = &stack, .blocks = size_range(stack.totals), .chunks = {}};
        candidate.chunks = those_within(candidate.blocks, sizes);
        if (!candidate.chunks.empty()) candidates.push_back(std::move(candidate));
    }
    return candidates;
}

/// How many stacks have blocks of each size.
using Counts = std::map<std::uint64_t, std::size_t>;

/// A function, and what goes through it.
struct Function {
    const ReportFrame* frame = nullptr;
    std::size_t depth = 0;  ///< Of those on the stack on which it was met first, from its culprit.
    std::vector<const Candidate*> candidates;
    /// By how many of them; none of the size that some blocks of the one before have.
    Counts chunks;
};

/// Those that candidates go through.
std::map<std::string, Function> functions_of(const std::vector<Candidate>& candidates,
                                             const Sizes& sizes) {
    std::map<std::string, Function> functions;
    for (const Candidate& candidate : candidates) {
        std::set<std::string> met;
        std::size_t depth = 0;
        for (const ReportFrame* const frame : functions_on(*candidate.stack)) {
            ++depth;
            const auto [name, is_new] = met.insert(function_key(*frame));
            if (!is_new) continue;
            Function& function = functions[*name];
            if (function.frame == nullptr) {
                function.frame = frame;
                function.depth = depth;
            }
            function.candidates.push_back(&candidate);
            for (const std::uint64_t chunk : candidate.chunks) {
                ++function.chunks[chunk];
                if (sizes.contains(next_size(chunk))) function.chunks.try_emplace(next_size(chunk));
            }
        }
    }
    return functions;
}

double bytes_of(std::uint64_t chunk, const Sizes& sizes) {
    return sizes.at(chunk).more * static_cast<double>(chunk);
}

/// Of all of them, in bytes a second.
double bytes_of(const Sizes& sizes) {
    double sum = 0;
    for (const auto& [chunk, rate] : sizes) sum += bytes_of(chunk, sizes);
    return sum;
}

/// Of what there is more of some sizes, in bytes a second.
double bytes_of(const Counts& chunks, const Sizes& sizes) {
    double sum = 0;
    for (const auto& [chunk, count] : chunks) sum += bytes_of(chunk, sizes);
    return sum;
}

/// Functions, and what goes through any of them.
struct Suspects {
    std::vector<const Function*> functions;
    std::vector<const Candidate*> candidates;  ///< Ascending.
    Counts chunks;
};
Suspects joined(const Suspects& suspects, const Function& function) {
    Suspects with{.functions = suspects.functions, .candidates = {}, .chunks = suspects.chunks};
    with.functions.push_back(&function);
    std::ranges::set_union(suspects.candidates, function.candidates,
                           std::back_inserter(with.candidates));
    for (const auto& [chunk, count] : function.chunks) with.chunks[chunk] += count;
    return with;
}

/// What of it others can have.
double others_have(const Suspects& suspects, const std::vector<Candidate>& candidates,
                   const Sizes& sizes) {
    Counts of_others;
    for (const Candidate& candidate : candidates)
        if (!std::ranges::binary_search(suspects.candidates, &candidate))
            for (const std::uint64_t chunk : candidate.chunks) ++of_others[chunk];
    return bytes_of(of_others, sizes);
}

/// The fewest that together can have nearly all, while no others can: of as many that can, those
/// of the fewest stacks, innermost. Empty if there are none.
std::optional<Suspects> suspects_among(const std::map<std::string, Function>& functions,
                                       const std::vector<Candidate>& candidates,
                                       const Sizes& sizes) {
    const double all = bytes_of(sizes);
    Suspects suspects;
    while (suspects.functions.size() < most_functions) {
        std::optional<std::tuple<double, std::size_t, std::size_t>> least;
        Suspects next;
        for (const auto& [key, function] : functions) {
            Suspects with = joined(suspects, function);
            const double lacking =
                std::max(0.0, nearly_all * all - bytes_of(with.chunks, sizes)) +
                std::max(0.0, others_have(with, candidates, sizes) - others_at_most * all);
            const std::tuple order(lacking, with.candidates.size(), function.depth);
            if (least && order >= *least) continue;
            least = order;
            next = std::move(with);
        }
        if (!least) break;
        suspects = std::move(next);
        if (std::get<0>(*least) <= 0) return suspects;
    }
    return std::nullopt;
}

/// Of a size, in bytes a second that were asked for.
Growth requested(std::uint64_t chunk, const BlockRate& rate,
                 const std::vector<const Candidate*>& candidates, bool of_last) {
    double least = static_cast<double>(chunk);
    double most = 0;
    double sum = 0;
    double weight = 0;
    for (const Candidate* const candidate : candidates) {
        const auto its = std::ranges::find_if(candidate->chunks, [&](std::uint64_t its_chunk) {
            return (of_last ? next_size(its_chunk) : its_chunk) == chunk;
        });
        if (its == candidate->chunks.end()) continue;
        const double size = candidate->size_in(*its);
        // What holds none may still be it, if it is the only one.
        constexpr double hardly = 1e-6;
        const double share = static_cast<double>(candidate->stack->totals.held_count()) +
                             hardly * static_cast<double>(candidate->stack->totals.allocated_count);
        least = std::min(least, size);
        most = std::max(most, size);
        sum += share * size;
        weight += share;
    }
    return {.bytes_per_second = rate.more * sum / weight,
            .low = std::max(0.0, rate.low) * least,
            .high = rate.high * most,
            .bytes = 0};
}

/// Of what stacks that grow may have all of, but seem to leave some, what is the suspects' whoever
/// of theirs it is: all of those stacks go through them.
Growth unsure_rest(const Suspects& suspects, const Sizes& unexplained, const Sizes& certain,
                   const KnownSizes& known) {
    std::set<std::string> keys;
    for (const Function* const function : suspects.functions)
        keys.insert(function_key(*function->frame));
    const auto is_theirs = [&](const Candidate& candidate) {
        return std::ranges::any_of(functions_on(*candidate.stack), [&](const ReportFrame* frame) {
            return keys.contains(function_key(*frame));
        });
    };
    Growth sum;
    for (const auto& [chunk, of_size] : known) {
        const BlockRate left = without(certain.at(chunk), of_size.rate);
        if (unexplained.contains(chunk) || left.more <= 0 ||
            !std::ranges::all_of(of_size.stacks, is_theirs))
            continue;
        std::vector<const Candidate*> stacks;
        for (const Candidate& candidate : of_size.stacks) stacks.push_back(&candidate);
        accumulate(sum, requested(chunk, left, stacks, false));
    }
    return sum;
}

/// "chunks of 208, 96 and 80 bytes", "chunks of 208, 96, 80 bytes and 9 more sizes"; those of most
/// bytes first.
std::string sizes_text(std::vector<std::uint64_t> chunks, const Sizes& sizes) {
    std::ranges::sort(chunks, std::greater(),
                      [&](std::uint64_t chunk) { return bytes_of(chunk, sizes); });
    const std::size_t named = chunks.size() <= most_named + 1 ? chunks.size() : most_named;
    std::string text = "chunks of ";
    for (std::size_t i = 0; i < named; ++i) {
        if (i > 0) text += i + 1 == chunks.size() ? " and " : ", ";
        text += chunk_text(chunks[i]);
    }
    text += " bytes";
    if (named < chunks.size()) text += fmt::format(" and {} more sizes", chunks.size() - named);
    return text;
}

/// "the size", "all sizes".
const char* which_sizes(std::size_t had, std::size_t all) {
    if (all == 1) return "the size";
    return had == all ? "all sizes" : "nearly all sizes";
}

/// Bytes that were asked for, at least, of a block in such a chunk.
double least_in(std::uint64_t chunk) {
    constexpr double most_header = 24;  // with what the size is rounded up by
    return std::max(1.0, static_cast<double>(chunk) - most_header);
}

/// Whether what leaves those blocks was surely seen to allocate some, or is all that was seen of
/// them and stays: else it may be something that allocates too seldom.
bool were_seen(const Suspects& suspects, const Sizes& sizes, const Report& report) {
    const ReportSampling& sampling = report.sampling;
    const double seen_seconds =
        seconds_of(report) * sampling.observed_share / std::max(1.0, sampling.rate_scale.middle);
    return std::ranges::any_of(sizes,
                               [&](const auto& size) {
                                   return size.second.low * seen_seconds *
                                              followed_share(least_in(size.first),
                                                             sampling.bytes) >=
                                          least_seen;
                               }) ||
           (sampling.bytes == 0 &&
            std::ranges::all_of(suspects.candidates, [](const Candidate* candidate) {
                return candidate->stack->totals.freed_count == 0;
            }));
}

/// What the heap grows by: where all of it comes and goes, what it has more of some sizes.
double growth_of_heap(const Report& report, const Sizes& certain) {
    const Growth& growth = report.memory.in_use->growth;
    return growth.low > 0 ? growth.bytes_per_second : bytes_of(certain);
}

/// Whether all of it is of sizes that threads keep none of, and nobody else was seen to allocate.
bool is_alone_with_large_ones(const Suspects& suspects, const std::vector<Candidate>& candidates,
                              const Sizes& sizes) {
    return suspects.candidates.size() == candidates.size() &&
           std::ranges::all_of(sizes, [](const auto& size) { return size.first > most_kept; });
}

/// "`open` (a.cc:3)", "`open` (a.cc:3) and `link`, or one of them,".
std::string names_of(const Suspects& suspects) {
    std::string text;
    for (std::size_t i = 0; i < suspects.functions.size(); ++i) {
        const ReportFrame& frame = *suspects.functions[i]->frame;
        const std::string place = brief_place(frame);
        if (i > 0) text += i + 1 == suspects.functions.size() ? " and " : ", ";
        text += fmt::format("`{}`{}", brief_name(frame),
                            place.empty() ? "" : fmt::format(" ({})", place));
    }
    if (suspects.functions.size() > 1) text += ", or one of them,";
    return text;
}

/// `besides`: what is theirs of sizes that others may have, too. `left`: of the heap's growth, what
/// is in no finding, if any is in one.
Finding finding_of(const Suspects& suspects, const Sizes& sizes, const Growth& besides,
                   bool is_sure, std::optional<double> left, const Report& report) {
    Finding finding;
    finding.frame = *suspects.functions.front()->frame;
    std::vector<std::uint64_t> chunks;
    for (const auto& [chunk, count] : suspects.chunks) {
        accumulate(finding.growth,
                   requested(chunk, sizes.at(chunk), suspects.candidates, count == 0));
        chunks.push_back(chunk);
    }
    finding.block_share = bytes_of(suspects.chunks, sizes) / finding.growth.bytes_per_second;
    accumulate(finding.growth, besides);
    const double takes = finding.block_share * finding.growth.bytes_per_second;
    if (left && takes > *left) finding.growth = times(finding.growth, *left / takes);
    finding.growth.bytes = std::llround(finding.growth.bytes_per_second * seconds_of(report));
    for (const Candidate* const candidate : suspects.candidates)
        add_stack(*candidate->stack, finding);
    const double lost = lost_share(*report.memory.in_use, chunks);
    const bool halts = has_halted(*report.memory.in_use);
    const bool leaks = !halts && is_sure && lost >= mostly_lost;
    finding.verdict = verdict_name(halts   ? Verdict::warming
                                   : leaks ? Verdict::leak
                                           : Verdict::growing);
    const bool several = suspects.functions.size() > 1;
    finding.sentence = fmt::format(
        "{} {}: {} blocks of {} of which glibc has more in use ({})", names_of(suspects),
        halts   ? grew_text(finding.growth, several)
        : leaks ? fmt::format("{} {}", several ? "leak" : "leaks", hourly(finding.growth))
                : fmt::format("{} {}, a leak or a cache that fills",
                              !is_sure  ? "may grow by"
                              : several ? "grow by"
                                        : "grows by",
                              hourly(finding.growth)),
        several ? "they alone allocate" : "it alone allocates",
        which_sizes(chunks.size(), sizes.size()), sizes_text(chunks, sizes));
    if (!is_sure)
        finding.sentence +=
            ", as far as was seen: what allocates as seldom as that may not have been";
    if (leaks)
        finding.sentence += fmt::format(
            ", {:.0f} % of which are lost: nothing points to them any more", 100 * lost);
    if (const std::size_t stacks = finding.stacks.size(); stacks > 1)
        finding.sentence +=
            fmt::format("; too few were seen to tell which of {} {} stacks leave them, or all",
                        several ? "their" : "its", format_count(stacks));
    return finding;
}

}  // namespace

GrowingSizes growing_sizes(const Report& report) {
    const Sizes sizes = certain_sizes(report);
    GrowingSizes result{.bytes_per_second = bytes_of(sizes), .text = {}};
    std::vector<std::uint64_t> chunks;
    for (const auto& [chunk, rate] : sizes) chunks.push_back(chunk);
    if (!chunks.empty()) result.text = sizes_text(chunks, sizes);
    result.lost = lost_share(*report.memory.in_use, chunks);
    return result;
}

std::optional<Finding> growth_by_sizes(const Report& report, double found) {
    const ReportSampling& sampling = report.sampling;
    if (!report.memory.in_use || sampling.observed_share >= 1) return std::nullopt;
    const Sizes certain = certain_sizes(report);
    const KnownSizes known = known_growth(report, certain);
    const Sizes sizes = unexplained_sizes(certain, known, report);
    const std::vector<Candidate> candidates = candidates_for(sizes, report);
    const std::map<std::string, Function> functions = functions_of(candidates, sizes);
    const std::optional<Suspects> suspects = suspects_among(functions, candidates, sizes);
    if (!suspects) return std::nullopt;
    const bool is_sure = were_seen(*suspects, sizes, report);
    if (!is_sure && (sampling.bytes > 0 || !is_alone_with_large_ones(*suspects, candidates, sizes)))
        return std::nullopt;
    const double takes = bytes_of(suspects->chunks, sizes);
    const double whole = growth_of_heap(report, certain);
    const double left = whole - found;
    if (takes < least_part * whole || takes * least_left > left) return std::nullopt;
    return finding_of(*suspects, sizes, unsure_rest(*suspects, sizes, certain, known), is_sure,
                      found > 0 ? std::optional(left) : std::nullopt, report);
}

}  // namespace seep
