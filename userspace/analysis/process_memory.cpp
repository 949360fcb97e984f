// SPDX-License-Identifier: GPL-2.0-only
#include "analysis/process_memory.h"

#include <algorithm>
#include <cmath>
#include <numeric>
#include <utility>
#include <vector>

#include "analysis/coverage.h"
#include "analysis/growth.h"
#include "analysis/sampling.h"
#include "analysis/shape.h"
#include "analysis/surroundings.h"
#include "analysis/time_to_limit.h"

namespace seep {
namespace {

/// Of the window, for which memory must have ceased to grow: two small steps in a row of many are
/// chance now and then.
constexpr double least_pause = 0.05;
/// Of what memory grew by, what it fell by in between where it only rises.
constexpr double most_falls = 0.01;

Growth growth_of(const RecordingContents& contents, const Window& window,
                 double ProcessSum::*value) {
    LiveSeries series;
    for (std::size_t i = window.first; i <= window.last; ++i) {
        const auto bytes = static_cast<std::uint64_t>(sum_of(contents.snapshots[i]).*value);
        LivePoint point{.snapshot = i};
        point.live = point.least = bytes;
        series.push_back(point);
    }
    return estimate_growth(series, contents.snapshots, window).growth;
}

std::vector<double> steps_of(const RecordingContents& contents, const Window& window,
                             double ProcessSum::*value) {
    std::vector<double> steps;
    double before = sum_of(contents.snapshots[window.first]).*value;
    for (std::size_t i = window.first + 1; i <= window.last; ++i) {
        const double now = sum_of(contents.snapshots[i]).*value;
        steps.push_back(std::max(0.0, now - std::exchange(before, now)));
    }
    return steps;
}

/// Steps of one size at random times that would be as uneven: what there is of all, over the size,
/// which is their variance over their mean.
double random_events(const RecordingContents& contents, const Window& window,
                     const std::vector<double>& steps) {
    const double total = std::accumulate(steps.begin(), steps.end(), 0.0);
    const double a_second = total / window_seconds(contents.snapshots, window);
    double squares = 0;
    for (std::size_t i = 0; i < steps.size(); ++i) {
        const Window step{window.first + i, window.first + i + 1};
        squares += std::pow(steps[i] - a_second * window_seconds(contents.snapshots, step), 2);
    }
    return squares > 0 ? total * total / squares : 0;
}

/// Of memory that only rises, either end is what there was then, and no peak that moves it.
void take_what_there_was(const RecordingContents& contents, const Window& window,
                         const std::vector<double>& steps, Growth& growth) {
    const double rises = std::accumulate(steps.begin(), steps.end(), 0.0);
    const auto grown = static_cast<double>(growth.bytes);
    if (growth.low <= 0 || rises - grown > most_falls * grown) return;
    take_mean_within_chance(grown / window_seconds(contents.snapshots, window),
                            random_events(contents, window, steps), growth);
}

/// For how long at the window's end the anonymous memory has not grown. The last snapshot may
/// follow right on the one before.
void add_pause(const RecordingContents& contents, Window window, std::vector<double> steps,
               ProcessMemory& memory) {
    const auto seconds = [&](std::size_t from, std::size_t to) {
        return static_cast<double>(contents.snapshots[to].time_ns -
                                   contents.snapshots[from].time_ns) /
               1e9;
    };
    const double usual = seconds(window.first, window.last) / static_cast<double>(steps.size());
    if (seconds(window.last - 1, window.last) < usual / 2) {
        steps.pop_back();
        --window.last;
    }
    const std::size_t small = small_steps_at_end(steps);
    const double paused = seconds(window.last - small, window.last);
    if (paused < least_pause * seconds(window.first, window.last)) return;
    memory.anonymous_paused_seconds = paused;
    memory.anonymous_paused_bytes =
        std::accumulate(steps.end() - static_cast<std::ptrdiff_t>(small), steps.end(), 0.0);
}

/// Of what was seen, on the clock of that, and then for all of the time, as stacks have it.
Growth heap_growth(const RecordingContents& contents, const LiveSeries& heap, const Window& window,
                   const ReportSampling& sampling) {
    if (sampling.observed_share >= 1)
        return estimate_growth(heap, contents.snapshots, window).growth;
    const std::vector<SnapshotRecord> seen = on_observed_clock(contents.snapshots);
    return over_window(estimate_growth(heap, seen, window).growth, sampling,
                       window_seconds(contents.snapshots, window));
}

/// What growth runs into first.
void add_limit(const SnapshotRecord& snapshot, ProcessMemory& memory) {
    const Room room = least_room(snapshot);
    memory.limited_by = room.kind;
    memory.limit_bytes = room.limit;
    memory.used_bytes = room.used;
    memory.limit = time_to_limit(room, lasting_growth(memory));
}

}  // namespace

ProcessSum sum_of(const SnapshotRecord& snapshot) {
    ProcessSum sum;
    for (const ProcessSample& sample : snapshot.processes) {
        if (!sample.alive || sample.rss_bytes == 0) continue;
        sum.any = true;
        const auto swap = static_cast<double>(sample.swap_bytes);
        const auto anonymous = static_cast<double>(sample.anonymous_bytes);
        sum.anonymous += anonymous + swap;
        sum.swap += swap;
        sum.file += std::max(0.0, static_cast<double>(sample.rss_bytes) - anonymous);
        sum.allocated += static_cast<double>(sample.allocated_bytes);
        sum.unmatched_frees += static_cast<double>(sample.losses[SEEP_LOSS_UNMATCHED_FREES]);
        if (sample.mapped)
            sum.allocators =
                sum.allocators.value_or(0) + static_cast<double>(sample.mapped->allocator);
    }
    return sum;
}

Window living_part(const RecordingContents& contents) {
    Window window = contents.window;
    const auto lives = [&](std::size_t at) { return sum_of(contents.snapshots[at]).any; };
    while (window.first < window.last && !lives(window.first)) ++window.first;
    while (window.last > window.first && !lives(window.last)) --window.last;
    return window;
}

std::size_t peak_of(const LiveSeries& heap, const Window& window) {
    std::size_t peak = window.first;
    for (const LivePoint& point : heap)
        if (point.snapshot >= window.first && point.snapshot <= window.last &&
            point.live >= live_at(heap, peak))
            peak = point.snapshot;
    return peak;
}

ProcessMemory process_memory(const RecordingContents& contents, const LiveSeries& heap) {
    const Window window = living_part(contents);
    const ProcessSum start = sum_of(contents.snapshots[window.first]);
    const ProcessSum end = sum_of(contents.snapshots[window.last]);
    ProcessMemory memory;
    if (!start.any || !end.any) return memory;
    memory.anonymous_bytes = static_cast<std::uint64_t>(end.anonymous);
    memory.swap_bytes = static_cast<std::uint64_t>(end.swap);
    memory.file_bytes = static_cast<std::uint64_t>(end.file);
    memory.heap_bytes = live_at(heap, window.last);
    memory.heap_peak_bytes = live_at(heap, peak_of(heap, window));
    const ReportSampling sampling = sampling_of(contents);
    if (end.anonymous > 0 && contents.info.sources.heap && sampling.observed_share >= 1)
        memory.coverage = std::min(1.0, static_cast<double>(memory.heap_bytes) / end.anonymous);
    if (window.snapshots() < 2) return memory;
    memory.anonymous = growth_of(contents, window, &ProcessSum::anonymous);
    const Window later{middle_of(contents.snapshots, window), window.last};
    memory.anonymous_lately = growth_of(contents, later, &ProcessSum::anonymous);
    const std::vector<double> steps = steps_of(contents, window, &ProcessSum::anonymous);
    take_what_there_was(contents, window, steps, memory.anonymous);
    memory.anonymous_steps = effective_size(steps);
    add_pause(contents, window, steps, memory);
    memory.file = growth_of(contents, window, &ProcessSum::file);
    memory.heap = heap_growth(contents, heap, window, sampling);
    memory.heap_lately = heap_growth(contents, heap, later, sampling);
    add_limit(contents.snapshots[window.last], memory);
    return memory;
}

}  // namespace seep
