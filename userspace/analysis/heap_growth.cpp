// SPDX-License-Identifier: GPL-2.0-only
#include "analysis/heap_growth.h"

#include <fmt/format.h>

#include <algorithm>
#include <cmath>
#include <limits>
#include <set>
#include <utility>
#include <vector>

#include "analysis/coverage.h"
#include "analysis/growth.h"
#include "analysis/lost.h"
#include "analysis/normal.h"
#include "analysis/ratio.h"
#include "analysis/shape.h"
#include "drain/glibc_heap.h"

namespace seep {
namespace {

constexpr std::size_t least_counts = 3;
/// What a count may be off by: blocks that a thread keeps for itself, or had in hand.
constexpr double least_blocks = 2;
/// Of the window's time, what the counts must be apart from its first to its last.
constexpr double least_span = 0.5;
/// And those of what is lost.
constexpr double least_lost_span = 1.0 / 3;

struct Count {
    double seconds = 0;  ///< Since the window's start.
    HeapCensus census;

    [[nodiscard]] double blocks_of(std::uint64_t size) const {
        const auto found = census.in_use.find(size);
        return found == census.in_use.end() ? 0 : static_cast<double>(found->second.blocks);
    }
};

std::set<ProcessId> living(const SnapshotRecord& snapshot) {
    std::set<ProcessId> processes;
    for (const ProcessSample& sample : snapshot.processes)
        if (sample.alive) processes.insert(sample.process);
    return processes;
}

/// Those in the window at which all were counted that live at its end. `rows`: of `contents`.
std::vector<Count> counts_of(const std::vector<HeapInUseRow>& rows,
                             const RecordingContents& contents) {
    const Window& window = contents.window;
    const std::set<ProcessId> all = living(contents.snapshots[window.last]);
    std::vector<Count> counts;
    for (auto row = rows.begin(); row != rows.end();) {
        const std::size_t snapshot = row->snapshot;
        Count count{.seconds = static_cast<double>(contents.snapshots[snapshot].time_ns -
                                                   contents.snapshots[window.first].time_ns) /
                               1e9,
                    .census = {}};
        std::set<ProcessId> counted;
        for (; row != rows.end() && row->snapshot == snapshot; ++row) {
            if (!all.contains(row->size.process)) continue;
            counted.insert(row->size.process);
            if (row->size.chunk_bytes == 0) {
                count.census.free_bytes += row->size.bytes;
                continue;
            }
            count.census.in_use[row->size.chunk_bytes] += {row->size.blocks, row->size.bytes};
        }
        if (snapshot >= window.first && snapshot <= window.last && counted == all)
            counts.push_back(std::move(count));
    }
    return counts;
}

/// From the first to the last; the interval by how far all are from a line.
BlockRate rate_of(const std::vector<Point>& counts, double least_error) {
    const auto n = static_cast<double>(counts.size());
    double mean_x = 0;
    double mean_y = 0;
    for (const Point& count : counts) {
        mean_x += count.x / n;
        mean_y += count.y / n;
    }
    double xx = 0;
    double xy = 0;
    for (const Point& count : counts) {
        xx += (count.x - mean_x) * (count.x - mean_x);
        xy += (count.x - mean_x) * (count.y - mean_y);
    }
    const double slope = xy / xx;
    double squares = 0;
    for (const Point& count : counts)
        squares += std::pow(count.y - mean_y - slope * (count.x - mean_x), 2);
    const double seconds = counts.back().x - counts.front().x;
    const double error =
        std::max(z_95 * students_factor(n - 1) * std::sqrt(2 * squares / (n - 2)), least_error) /
        seconds;
    const double more = (counts.back().y - counts.front().y) / seconds;
    return {more, more - error, more + error};
}

template <typename Value>
std::vector<Point> points(const std::vector<Count>& counts, Value value) {
    std::vector<Point> result;
    result.reserve(counts.size());
    for (const Count& count : counts) result.push_back({count.seconds, value(count)});
    return result;
}

/// What is in use, and what is free, of a count.
double in_use(const Count& count) {
    return static_cast<double>(count.census.all().bytes);
}
double free_in(const Count& count) {
    return static_cast<double>(count.census.free_bytes);
}

/// The first count of the last third of the window.
std::vector<Count>::const_iterator last_third(const std::vector<Count>& counts, double seconds) {
    return std::ranges::find_if(
        counts, [&](const Count& count) { return count.seconds >= seconds * 2 / 3; });
}

/// What is free, at least.
struct LeastFree {
    double earlier = 0;
    double lately = 0;  ///< At all counts from the last third of the window on.
};
/// If there are several of those, as what comes and goes is given out again.
LeastFree least_free(const std::vector<Count>& counts, double seconds) {
    const auto later = last_third(counts, seconds);
    if (later == counts.begin() || counts.end() - later < 2) return {};
    const auto least_of = [](auto begin, auto end) {
        return free_in(*std::min_element(
            begin, end, [](const Count& a, const Count& b) { return free_in(a) < free_in(b); }));
    };
    return {least_of(counts.begin(), later), least_of(later, counts.end())};
}

/// With what blocks that are put aside may hide.
std::optional<double> most_at_end(const std::vector<Count>& counts, double seconds) {
    constexpr double hidden = 0.01;
    const auto later = last_third(counts, seconds);
    if (counts.end() - later < 2) return std::nullopt;
    const double more = in_use(counts.back()) - in_use(*later);
    return (std::max(0.0, more) + hidden * in_use(counts.back())) /
           (counts.back().seconds - later->seconds);
}

/// Whatever grows evenly was in use at each of the last counts.
double most_held(const std::vector<Count>& counts, double seconds) {
    double most = std::numeric_limits<double>::infinity();
    for (auto count = last_third(counts, seconds); count != counts.end(); ++count)
        most = std::min(most, in_use(*count) / count->seconds);
    return most;
}

/// By which size of blocks.
std::map<std::uint64_t, std::vector<Point>> sizes_of(const std::vector<Count>& counts) {
    std::set<std::uint64_t> all;
    for (const Count& count : counts)
        for (const auto& [size, blocks] : count.census.in_use) all.insert(size);
    std::map<std::uint64_t, std::vector<Point>> sizes;
    for (const std::uint64_t size : all)
        sizes[size] = points(counts, [&](const Count& count) { return count.blocks_of(size); });
    return sizes;
}

/// From the first to the last, of what comes by chance, `of_one` each; some look reached.
BlockRate lost_rate(const std::vector<Point>& counts, double of_one = 1) {
    const double seconds = counts.back().x - counts.front().x;
    const double more = counts.back().y - counts.front().y;
    const double error = z_95 * of_one * std::sqrt(std::max(std::abs(more) / of_one, least_blocks));
    return {more / seconds, (more - error) / seconds,
            (more + error) / seconds / (1 - most_overlooked)};
}

double mean_block(const BlocksInUse& all) {
    return static_cast<double>(all.bytes) /
           static_cast<double>(std::max<std::uint64_t>(all.blocks, 1));
}

Growth growth_of(const BlockRate& rate, double seconds) {
    return {.bytes_per_second = rate.more,
            .low = rate.low,
            .high = rate.high,
            .bytes = std::llround(rate.more * seconds)};
}

std::optional<HeapLost> heap_lost(const RecordingContents& contents, double seconds) {
    const std::vector<Count> counts = counts_of(contents.heap_lost, contents);
    if (counts.empty()) return std::nullopt;
    const BlocksInUse at_end = counts.back().census.all();
    HeapLost lost{.bytes = at_end.bytes, .blocks = at_end.blocks, .growth = {}, .sizes = {}};
    if (counts.back().seconds - counts.front().seconds < least_lost_span * seconds) return lost;
    const double of_one = std::max(1.0, mean_block(at_end));
    lost.growth = growth_of(lost_rate(points(counts, in_use), of_one), seconds);
    for (const auto& [size, of_size] : sizes_of(counts)) lost.sizes[size] = lost_rate(of_size);
    return lost;
}

}  // namespace

std::optional<HeapInUseGrowth> heap_growth(const RecordingContents& contents) {
    const std::vector<Count> counts = counts_of(contents.heap, contents);
    if (counts.size() < least_counts) return std::nullopt;
    const double seconds = window_seconds(contents.snapshots, contents.window);
    if (counts.back().seconds - counts.front().seconds < least_span * seconds) return std::nullopt;
    const BlocksInUse at_end = counts.back().census.all();
    std::vector<Point> bytes = points(counts, in_use);
    const double error = least_blocks * mean_block(at_end);
    const LeastFree free = least_free(counts, seconds);
    HeapInUseGrowth growth{
        .bytes = at_end.bytes,
        .blocks = at_end.blocks,
        .free_bytes = counts.back().census.free_bytes,
        .freed_bytes = static_cast<std::uint64_t>(std::max(0.0, free.lately - free.earlier)),
        .kept_free_bytes =
            static_cast<std::uint64_t>(free.earlier >= free.lately / 2 ? free.lately : 0),
        .growth = growth_of(rate_of(bytes, error), seconds),
        .lately = {},
        .sizes = {},
        .lost = {}};
    growth.most_at_end = most_at_end(counts, seconds);
    growth.most_held = most_held(counts, seconds);
    // From the last one before the middle on.
    while (bytes.size() > least_counts && bytes[1].x <= seconds / 2) bytes.erase(bytes.begin());
    growth.lately = growth_of(rate_of(bytes, error), seconds / 2);
    for (const auto& [size, of_size] : sizes_of(counts))
        growth.sizes[size] = rate_of(of_size, least_blocks);
    growth.lost = heap_lost(contents, seconds);
    return growth;
}

bool has_halted(const HeapInUseGrowth& heap) {
    return heap.most_at_end && *heap.most_at_end < ending_pace * heap.growth.bytes_per_second;
}

std::string chunk_text(std::uint64_t chunk) {
    const std::uint64_t most = most_of_class(chunk);
    return most == chunk ? std::to_string(chunk) : fmt::format("{} to {}", chunk, most);
}

BlockRate rate_of_size(const std::map<std::uint64_t, BlockRate>& sizes, std::uint64_t chunk) {
    const auto found = sizes.find(chunk);
    return found == sizes.end() ? BlockRate{} : found->second;
}

BlockRate without(const BlockRate& all, const BlockRate& some) {
    return {all.more - some.more, all.low - some.high, all.high - some.low};
}

}  // namespace seep
