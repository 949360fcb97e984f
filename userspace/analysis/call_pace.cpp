// SPDX-License-Identifier: GPL-2.0-only
#include "analysis/call_pace.h"

#include <algorithm>
#include <cmath>
#include <map>
#include <utility>

#include "analysis/growth.h"
#include "analysis/normal.h"
#include "analysis/ratio.h"
#include "analysis/warnings.h"

namespace seep {
namespace {

/// Of which there must be as many as that with allocations recorded, and without.
constexpr double least_calls = 20;
/// From so many on, a call tells the pace as well as any.
constexpr double most_weight = 1'000;
/// Of what was left a call, a standard error that is always reckoned with: what one is counted at
/// the moment when a window begins or ends.
constexpr double least_error = 0.005;

/// What counting a call may take of the target's CPU time while it is counted: with more, it slows
/// the target down by more than can be reckoned.
constexpr double most_counting = 0.15;
/// Of sampled blocks: what chance may make of their number, as a share of it, for it to tell that
/// each call left one.
constexpr double most_chance = 1.0 / 3;

/// Of the time, what must be in windows: else what was followed continuously tells the most.
constexpr double mostly_windows = 0.9;
/// Of the time: a target that runs, or waits for a processor, for as much has no time to spare, and
/// is slowed down by all of it.
constexpr double saturated = 0.9;

using Counts = CountedCall::Counts;
using Part = CountedCall::Part;

/// What a hit of a probe that only counts costs, in seconds, as far as that was measured.
double hit_seconds(const RecordingContents& contents) {
    std::uint64_t least_ps = 0;
    for (const ProbeRecord& probe : contents.probes)
        if (probe.site == "emulated" && (least_ps == 0 || probe.hit_cost_ps < least_ps))
            least_ps = probe.hit_cost_ps;
    return static_cast<double>(least_ps) / 1e12;
}

/// By which a time of all targets grew a second over the window.
double a_second(const RecordingContents& contents, std::uint64_t ProcessSample::*time_ns) {
    const auto first = first_samples(contents);
    const auto last = last_samples(contents);
    double sum_ns = 0;
    for (std::size_t i = 0; i < last.size(); ++i)
        if (first[i] != nullptr && last[i] != nullptr)
            sum_ns += grown(last[i]->*time_ns, first[i]->*time_ns);
    return sum_ns / 1e9 / window_seconds(contents.snapshots, contents.window);
}

/// Of the window's time, that in which the probes came and went.
double share_in_windows(const RecordingContents& contents) {
    const std::int64_t first = contents.snapshots[contents.window.first].time_ns;
    const std::int64_t last = contents.snapshots[contents.window.last].time_ns;
    double in_windows = 0;
    for (const PeriodRecord& period : contents.periods)
        if (period.level == "windows")
            in_windows += static_cast<double>(std::max<std::int64_t>(
                0, std::min(period.ended_ns, last) - std::max(period.started_ns, first)));
    return last > first ? in_windows / static_cast<double>(last - first) : 0;
}

/// By one process, from one of its rows to another.
Counts counted_between(const CallCount& before, const CallCount& now) {
    return {grown(now.observed_calls, before.observed_calls),
            grown(now.observed_ns, before.observed_ns) / 1e9,
            grown(now.unobserved_calls, before.unobserved_calls),
            grown(now.unobserved_ns, before.unobserved_ns) / 1e9};
}

/// What is known of a location, while it is gathered.
struct Gathered {
    std::map<std::size_t, Part> parts;  ///< By the later snapshot.
    std::map<ProcessId, Counts> processes;
};

struct Circumstances {
    double seconds = 1;  ///< Of the window.
    double observed_share = 1;
    double hit_seconds = 0;
    double processors = 0;  ///< That all targets used.
    double waiting = 0;     ///< Threads that waited for one, on average.
};

CountedCall counted_call(LocationId location, const Gathered& gathered) {
    CountedCall call{.location = location, .parts = {}};
    for (const auto& [snapshot, part] : gathered.parts) {
        call.parts.push_back(part);
        call.observed_calls += part.observed_calls;
    }
    return call;
}

/// Nothing if there is not enough of it.
std::optional<CountedCall> conclude(LocationId location, const Gathered& gathered,
                                    const Circumstances& around) {
    CountedCall call = counted_call(location, gathered);
    double unobserved_calls = 0;
    for (const Part& part : call.parts) unobserved_calls += part.unobserved_calls;
    double observed = 0;
    double counted = 0;
    double counted_seconds = 0;
    for (const auto& [process, counts] : gathered.processes) {
        counted_seconds += counts.observed_seconds + counts.unobserved_seconds;
        if (counts.observed_seconds <= 0 || counts.unobserved_seconds <= 0) continue;
        observed += counts.observed_calls / counts.observed_seconds;
        counted += counts.unobserved_calls / counts.unobserved_seconds;
    }
    if (observed <= 0 || unobserved_calls < least_calls) return std::nullopt;
    const double counting =
        around.processors > 0 ? counted * around.hit_seconds / around.processors : 0;
    if (counting > most_counting) return std::nullopt;
    if (around.processors + around.waiting >= saturated) counted /= 1 - counting;
    call.a_second = around.observed_share * observed + (1 - around.observed_share) * counted;
    call.scale = call.a_second / observed;
    std::vector<RatioPart> paces;
    for (const Part& part : call.parts)
        paces.push_back({part.unobserved_seconds, part.unobserved_calls});
    // Nothing of what was counted is uncertain: what is, is the rest of the time.
    const double time = around.seconds * static_cast<double>(gathered.processes.size());
    const double uncounted = std::max(0.0, 1 - counted_seconds / time);
    // Half of what it takes to either side.
    call.error =
        std::hypot(std::sqrt(uncounted) * ratio_error(paces).value_or(1), counting / 2 / z_95);
    return call;
}

bool contains(const StackRecord& stack, LocationId location) {
    return std::ranges::find(stack.locations, location) != stack.locations.end();
}

/// By the calls' locations.
std::map<LocationId, Gathered> gather(const RecordingContents& contents) {
    std::map<LocationId, Gathered> gathered;
    std::map<std::pair<ProcessId, LocationId>, const CallCountRow*> last;
    for (const CallCountRow& row : contents.calls) {
        if (row.snapshot < contents.window.first || row.snapshot > contents.window.last) continue;
        const CallCount& now = row.count;
        const CallCountRow* const before = std::exchange(last[{now.process, now.location}], &row);
        if (before == nullptr) continue;
        const Counts counts = counted_between(before->count, now);
        Gathered& all = gathered[now.location];
        Part& part = all.parts[row.snapshot];
        part.from = before->snapshot;
        part.to = row.snapshot;
        part.add(counts);
        all.processes[now.process].add(counts);
    }
    return gathered;
}

/// What a call left behind, times the calls a second; the interval by how much that differs from
/// time to time, and by which of the calls leave something.
std::optional<Growth> left_by_calls(const MergedStack& stack, const CountedCall& call) {
    double bytes = 0;
    double blocks = 0;
    double calls = 0;
    std::vector<RatioPart> left;
    for (const Part& part : call.parts) {
        const LivePoint before = point_at(stack.live, part.from);
        const LivePoint after = point_at(stack.live, part.to);
        const double more = static_cast<double>(after.live) - static_cast<double>(before.live);
        bytes += more;
        blocks += static_cast<double>(after.live_count) - static_cast<double>(before.live_count);
        calls += part.observed_calls;
        left.push_back({part.observed_calls, more});
    }
    if (bytes <= 0 || blocks <= 0) return std::nullopt;
    const double leave_none = std::max(0.0, 1 - blocks / calls);
    const double chance = std::sqrt(leave_none / blocks);
    // One window does not tell how windows differ: sizes, then, as if all came by chance.
    const double differing =
        ratio_error(left).value_or(std::max(leave_none, 1 / std::sqrt(blocks)));
    const double error = std::hypot(std::max({chance, differing, least_error}), call.error);
    const double rate = bytes / calls * call.a_second;
    Growth growth{.bytes_per_second = rate, .low = rate, .high = rate};
    widen_by_share(error, growth);
    return growth;
}

}  // namespace

void CountedCall::Counts::add(const Counts& more) {
    observed_calls += more.observed_calls;
    observed_seconds += more.observed_seconds;
    unobserved_calls += more.unobserved_calls;
    unobserved_seconds += more.unobserved_seconds;
}

std::vector<CountedCall> counted_calls(const RecordingContents& contents) {
    if (share_in_windows(contents) < mostly_windows) return {};
    const Circumstances around{
        .seconds = window_seconds(contents.snapshots, contents.window),
        .observed_share = observed_share(contents.snapshots[contents.window.first],
                                         contents.snapshots[contents.window.last]),
        .hit_seconds = hit_seconds(contents),
        .processors = a_second(contents, &ProcessSample::cpu_ns),
        .waiting = a_second(contents, &ProcessSample::waited_ns)};
    std::vector<CountedCall> calls;
    for (const auto& [location, all] : gather(contents))
        if (auto call = conclude(location, all, around)) calls.push_back(std::move(*call));
    return calls;
}

std::vector<CountedCall> calls_while_sampled(const RecordingContents& contents) {
    if (contents.info.sampling_bytes == 0 ||
        observed_share(contents.snapshots[contents.window.first],
                       contents.snapshots[contents.window.last]) < 1)
        return {};
    std::vector<CountedCall> calls;
    for (const auto& [location, all] : gather(contents)) {
        CountedCall call = counted_call(location, all);
        for (const auto& [process, counts] : all.processes)
            if (counts.observed_seconds > 0)
                call.a_second += counts.observed_calls / counts.observed_seconds;
        calls.push_back(std::move(call));
    }
    return calls;
}

std::optional<RateScale> rate_scale(std::vector<CountedCall> calls) {
    std::erase_if(calls, [](const CountedCall& c) { return c.observed_calls < least_calls; });
    if (calls.empty()) return std::nullopt;
    std::ranges::sort(calls, {}, &CountedCall::scale);
    const auto weight = [](const CountedCall& call) {
        return std::min(call.observed_calls, most_weight);
    };
    double weights = 0;
    for (const CountedCall& call : calls) weights += weight(call);
    double middle = 0;
    double below = 0;
    for (const CountedCall& call : calls) {
        middle = call.scale;
        below += weight(call);
        if (below >= weights / 2) break;
    }
    double squares = 0;
    for (const CountedCall& call : calls)
        squares += weight(call) * (std::pow(std::log(call.scale / middle), 2) +
                                   call.error * call.error + 1 / call.observed_calls);
    const double error = std::sqrt(squares / weights);
    return RateScale{.low = middle * std::exp(-z_95 * error),
                     .middle = middle,
                     .high = middle * std::exp(z_95 * error)};
}

std::optional<Growth> growth_by_calls(const MergedStack& stack, const Growth& observed,
                                      const std::vector<CountedCall>& calls, bool sampled) {
    std::optional<Growth> best;
    for (const CountedCall& call : calls) {
        if (!contains(stack.record, call.location)) continue;
        std::optional<Growth> growth;
        if (stack.totals.freed_count == 0 && !sampled) {
            growth = left_by_calls(stack, call);
        } else if (call.observed_calls >= least_calls) {
            growth = times(observed, call.scale);
            if (growth->low > 0) widen_by_share(call.error, *growth);
        }
        if (growth && (!best || growth->high - growth->low < best->high - best->low)) best = growth;
    }
    return best;
}

void take_calls_that_leave_one(const MergedStack& stack, const std::vector<CountedCall>& calls,
                               double weight, double seconds, Growth& growth) {
    if (stack.totals.freed_count > 0 || stack.totals.allocated_count == 0 || growth.low <= 0)
        return;
    const CountedCall* best = nullptr;
    for (const CountedCall& call : calls) {
        if (!contains(stack.record, call.location) || call.parts.empty()) continue;
        const double blocks =
            static_cast<double>(point_at(stack.live, call.parts.back().to).live_count) -
            static_cast<double>(point_at(stack.live, call.parts.front().from).live_count);
        const double chance = std::sqrt((weight - 1) * call.observed_calls);
        if (chance > most_chance * call.observed_calls ||
            std::abs(blocks - call.observed_calls) > z_95 * chance)
            continue;
        if (best == nullptr || call.observed_calls > best->observed_calls) best = &call;
    }
    if (best == nullptr) return;
    const double size = static_cast<double>(stack.totals.allocated_bytes) /
                        static_cast<double>(stack.totals.allocated_count);
    growth.bytes_per_second = best->a_second * size;
    growth.low = std::min(growth.low, growth.bytes_per_second);
    growth.high = std::max(growth.high, growth.bytes_per_second);
    growth.bytes = std::llround(growth.bytes_per_second * seconds);
}

}  // namespace seep
