// SPDX-License-Identifier: GPL-2.0-only
#include "analysis/lapses.h"

#include <algorithm>
#include <cmath>
#include <numeric>

#include "analysis/observed_parts.h"
#include "analysis/shape.h"
#include "analysis/survival.h"
#include "analysis/warnings.h"

namespace seep {

namespace {

/// How much more they may have lived.
constexpr double at_most = 2 / mean_of_bin;
constexpr double sure = 2;     ///< Standard deviations of a count.
constexpr double certain = 3;  ///< Likewise, to hold what is claimed against it.
/// Seconds; in less, a part of a time with probes in place may be seen only.
constexpr double least_observed = 0.02;
/// Of the mean pace.
constexpr double idle_pace = 0.1;
/// Where as many were freed before, and came again, they are likely to do so once more.
constexpr double most_earlier = 0.5;
/// Of the falls since there were most, what may come again: more is a coming and going, of which
/// windows saw this or that.
constexpr double most_again = 0.25;
/// What becomes fewer at once, as in a collection of garbage, would have to be seen at its height.
constexpr double least_falls = 2;

/// Allocations less frees of all processes, until a snapshot.
double net_count(const SnapshotRecord& snapshot) {
    double net = 0;
    for (const ProcessSample& sample : snapshot.processes)
        net +=
            static_cast<double>(sample.allocated_count) - static_cast<double>(sample.freed_count);
    return net;
}

}  // namespace

std::uint64_t returned(const MergedStack& stack) {
    // Of those alone the lifetime is not told: they may have died while unobserved.
    const std::uint64_t told =
        std::accumulate(stack.lifetimes.begin(), stack.lifetimes.end(), std::uint64_t{0});
    return stack.totals.freed_count - std::min(stack.totals.freed_count, told);
}

InFlight in_flight(const MergedStack& stack, const RecordingContents& contents) {
    const SnapshotRecord& last = contents.snapshots.back();
    const double observed = static_cast<double>(last.time_ns - contents.snapshots.front().time_ns) -
                            static_cast<double>(last.unobserved_ns);
    if (last.pauses == 0 || observed <= 0) return {};
    const double at_once = seconds_lived(stack.lifetimes) / (observed / 1e9);
    return {.all = at_once * static_cast<double>(last.pauses),
            .returned = static_cast<double>(returned(stack))};
}

std::optional<double> most_replaced(const std::vector<MergedStack>& stacks,
                                    const RecordingContents& contents) {
    if (contents.snapshots.back().pauses == 0 || contents.info.sampling_bytes > 0)
        return std::nullopt;
    double frees = 0;
    for (const ProcessSample* sample : last_samples(contents))
        if (sample != nullptr) frees += static_cast<double>(sample->freed_count);
    double passing = 0;
    for (const MergedStack& stack : stacks) {
        const InFlight blocks = in_flight(stack, contents);
        frees -= static_cast<double>(stack.totals.freed_count) - blocks.returned;
        passing += blocks.all;
    }
    frees = std::max(0.0, frees);
    return std::max(0.0, frees - passing) + sure * std::sqrt(frees + passing);
}

std::optional<NetBlocks> net_blocks(const RecordingContents& contents) {
    const std::vector<SnapshotRecord>& snapshots = contents.snapshots;
    if (snapshots[contents.window.last].pauses == 0) return std::nullopt;
    const std::vector<ObservedPart> parts = observed_parts(snapshots, contents.window);
    if (parts.size() < least_snapshots) return std::nullopt;
    const auto net_of = [&](const ObservedPart& part) {
        return part.weight() * (net_count(snapshots[part.to]) - net_count(snapshots[part.from]));
    };
    double all = 0;
    double seconds = 0;
    for (const ObservedPart& part : parts) {
        all += net_of(part);
        seconds += part.seconds;
    }
    double squares = 0;
    double by_chance = 0;  // Of blocks that come by themselves, and of one at least.
    for (const ObservedPart& part : parts) {
        squares += std::pow(net_of(part) - all * part.seconds / seconds, 2);
        by_chance += part.weight() * std::abs(net_of(part));
    }
    const double deviation =
        std::sqrt(std::max({squares, by_chance, std::pow(parts.front().weight(), 2)}));
    if (all < -certain * deviation) return std::nullopt;
    return NetBlocks{.least = (all - certain * deviation) / seconds,
                     .more = all / seconds,
                     .most = (all + certain * deviation) / seconds};
}

std::optional<FewerBlocks> fewer_blocks(const RecordingContents& contents) {
    const std::vector<SnapshotRecord>& snapshots = contents.snapshots;
    const bool ended = std::ranges::any_of(contents.processes, [](const ProcessRecord& process) {
        return process.ended_ns != 0;  // with its counts
    });
    if (snapshots[contents.window.last].pauses == 0 || ended) return std::nullopt;
    const std::vector<ObservedPart> parts =
        observed_parts(snapshots, contents.window, least_observed);
    const auto fewer_in = [&](const ObservedPart& part) {
        return part.weight() * (net_count(snapshots[part.from]) - net_count(snapshots[part.to]));
    };
    FewerBlocks fewer{.since = contents.window.first};
    double earlier = 0;  // The most by which they became fewer, and more again than ever.
    double most_fewer = 0;
    double seconds = 0;
    double level = 0;
    double lowest = 0;
    double again = 0;
    std::vector<double> falls;
    for (const ObservedPart& part : parts) {
        falls.push_back(std::max(0.0, fewer_in(part)));
        again += std::max(0.0, -fewer_in(part));
        level -= fewer_in(part);
        lowest = std::min(lowest, level);
        fewer.all += fewer_in(part);
        fewer.seen += fewer_in(part) / part.weight();
        most_fewer = std::max(most_fewer, fewer.all);
        if (fewer.all <= 0) {
            earlier = std::max(earlier, most_fewer);
            fewer = {.since = part.to, .rise = level - lowest};
            most_fewer = 0;
            again = 0;
            falls.clear();
        }
        seconds += part.seconds;
    }
    if (fewer.seen <= 0 || earlier > most_earlier * fewer.all ||
        effective_size(falls) < least_falls ||
        again > most_again * std::accumulate(falls.begin(), falls.end(), 0.0))
        return std::nullopt;
    for (const ObservedPart& part : parts)
        if (fewer_in(part) < idle_pace * part.seconds * fewer.all / seconds)
            fewer.idle_share += part.seconds / seconds;
    return fewer;
}

Growth without(const InFlight& blocks, double held, Growth growth) {
    if (blocks.all <= 0 || held <= 0) return growth;
    const auto share = [&](double fewer) { return std::max(0.0, 1 - fewer / held); };
    growth.bytes_per_second *= share(blocks.left());
    if (growth.low > 0) growth.low *= share(blocks.left(at_most) + sure * std::sqrt(blocks.all));
    growth.bytes = std::llround(static_cast<double>(growth.bytes) * share(blocks.left()));
    return growth;
}

}  // namespace seep
