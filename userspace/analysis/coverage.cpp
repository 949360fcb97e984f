// SPDX-License-Identifier: GPL-2.0-only
#include "analysis/coverage.h"

#include <fmt/format.h>

#include <algorithm>
#include <cmath>
#include <utility>

#include "analysis/call_pace.h"
#include "analysis/pace.h"
#include "analysis/surroundings.h"

namespace seep {
namespace {

/// Below it so little was seen that a leak may have been missed altogether.
constexpr double least_share = 0.005;

/// Allocations in half of the window: fewer tell nothing of the load.
constexpr double least_allocations = 1000;

double seconds(std::int64_t ns) {
    return static_cast<double>(ns) / 1e9;
}

double allocations(const SnapshotRecord& snapshot) {
    double count = 0;
    for (const ProcessSample& sample : snapshot.processes)
        count += static_cast<double>(sample.allocated_count);
    return count;
}

std::optional<double> load_rise(const std::vector<SnapshotRecord>& snapshots,
                                const Window& window) {
    const std::size_t middle = middle_of(snapshots, window);
    const auto rate = [&](std::size_t from, std::size_t to) {
        const double count = allocations(snapshots[to]) - allocations(snapshots[from]);
        const double observed = seconds(snapshots[to].time_ns - snapshots[from].time_ns) *
                                observed_share(snapshots[from], snapshots[to]);
        return count >= least_allocations && observed > 0 ? count / observed : 0;
    };
    const double before = rate(window.first, middle);
    const double after = rate(middle, window.last);
    if (before <= 0 || after <= 0) return std::nullopt;
    return after / before;
}

}  // namespace

ReportSampling sampling_of(const RecordingContents& contents) {
    const SnapshotRecord& first = contents.snapshots[contents.window.first];
    const SnapshotRecord& last = contents.snapshots[contents.window.last];
    ReportSampling sampling;
    sampling.asked = contents.info.sampling_asked;
    sampling.bytes = contents.info.sampling_bytes;
    if (!contents.periods.empty()) sampling.bytes = 0;
    for (const PeriodRecord& period : contents.periods) {
        sampling.bytes = std::max(sampling.bytes, period.sampling_bytes);
        const std::int64_t length = std::max<std::int64_t>(period.ended_ns - period.started_ns, 0);
        sampling.periods.push_back(
            {.from_seconds = seconds(period.started_ns - contents.snapshots.front().time_ns),
             .seconds = seconds(length),
             .observed_seconds =
                 std::max(0.0, seconds(length) - static_cast<double>(period.unobserved_ns) / 1e9),
             .windows = period.level == "windows",
             .bytes = period.sampling_bytes});
    }
    sampling.observed_share = observed_share(first, last);
    sampling.pauses = last.pauses - std::min(first.pauses, last.pauses);
    sampling.load_rise = load_rise(contents.snapshots, contents.window);
    const auto by_calls = rate_scale(counted_calls(contents));
    sampling.by_calls = by_calls.has_value();
    sampling.rate_scale = by_calls.value_or(rate_scale(contents.snapshots, contents.window));
    return sampling;
}

std::vector<SnapshotRecord> on_observed_clock(std::vector<SnapshotRecord> snapshots) {
    std::int64_t last = 0;
    for (SnapshotRecord& snapshot : snapshots) {
        snapshot.time_ns -= static_cast<std::int64_t>(snapshot.unobserved_ns);
        // The system's clock may have been set between.
        last = snapshot.time_ns = std::max(snapshot.time_ns, last);
    }
    return snapshots;
}

RecordingContents on_observed_clock(const RecordingContents& contents) {
    RecordingContents result = contents;
    result.snapshots = on_observed_clock(std::move(result.snapshots));
    return result;
}

Judgement tempered(Judgement judgement, const ReportSampling& sampling) {
    if (sampling.observed_share >= 1) return judgement;
    const std::string seen =
        fmt::format("seen for {:.2g} % of the time", sampling.observed_share * 100);
    if (judgement.verdict == Verdict::steady) {
        judgement.reason += "; " + seen;
        return judgement;
    }
    // Of which kind a growth is, lifetimes tell, and those were not seen.
    if (judgement.verdict == Verdict::leak)
        judgement.verdict = Verdict::growing;
    else if (judgement.verdict != Verdict::growing)
        judgement.verdict = Verdict::undetermined;
    judgement.reason += fmt::format(
        "; {}, frees in between went unseen: the rate is of what was not seen freed, the most that "
        "it can be",
        seen);
    return judgement;
}

Growth over_window(Growth growth, const ReportSampling& sampling, double window_seconds) {
    growth = scaled(growth, sampling.rate_scale);
    growth.bytes = std::llround(growth.bytes_per_second * window_seconds);
    return growth;
}

Growth in_between(Growth growth, const ReportSampling& sampling, double window_seconds) {
    growth = times(growth, sampling.observed_share);
    growth.bytes = std::llround(growth.bytes_per_second * window_seconds);
    return growth;
}

double seen_seconds(const ReportSampling& sampling, double window_seconds) {
    return window_seconds * sampling.observed_share / sampling.rate_scale.middle;
}

std::vector<std::string> coverage_warnings(const Report& report) {
    std::vector<std::string> warnings;
    const double share = report.sampling.observed_share;
    if (share < least_share)
        warnings.push_back(fmt::format(
            "allocations were followed for only {:.2g} % of the time, as more would have cost the "
            "target more than the overhead that was allowed: a leak may have been missed. Record "
            "for longer, allow more (--max-overhead), or follow what the allocator takes from the "
            "system, which is seldom (--source mapping)",
            share * 100));
    if (report.over_budget)
        warnings.push_back(fmt::format(
            "the probes took {:.3g} % of the target's CPU time, more than the {:.3g} % of "
            "--max-overhead{}",
            report.overhead_cpu_percent, static_cast<double>(report.recording.budget_ppm) / 1e4,
            report.sampling.asked == "auto" || share < 1
                ? ": it takes a while until what the first moments cost is saved again"
                : ", so that it may do less, and what goes with its work grow more slowly, than "
                  "without them; --sample auto keeps it below"));
    return warnings;
}

}  // namespace seep
