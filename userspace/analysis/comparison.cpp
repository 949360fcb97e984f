// SPDX-License-Identifier: GPL-2.0-only
#include "analysis/comparison.h"

#include <fmt/format.h>

#include <algorithm>
#include <cmath>
#include <map>
#include <tuple>

#include "analysis/coverage.h"
#include "analysis/false_discovery.h"
#include "analysis/growth.h"
#include "analysis/merging.h"
#include "analysis/normal.h"
#include "analysis/ranking.h"
#include "analysis/turnover.h"
#include "analysis/warnings.h"
#include "analysis/work_clock.h"

namespace seep {

namespace {

/// A clock of work is in nanoseconds, one a unit (work_clock.h).
constexpr double units_a_second = 1e9;
/// The share of false alarms accepted among what is called a difference.
constexpr double accepted_false = 0.05;
/// What warnings and errors call the two sides.
constexpr const char* base_name = "base";
constexpr const char* current_name = "file";

double allocations_within(const RecordingContents& contents,
                          const std::vector<MergedStack>& stacks) {
    double count = 0;
    for (const MergedStack& stack : stacks)
        if (!contents.info.sources.repeats(stack.record.kind))
            count += static_cast<double>(stack.totals.allocated_count) -
                     static_cast<double>(stack.at_start.allocated_count);
    return count;
}

/// `side`: what to call the recording in an error.
Result<double> measure_of(const RecordingContents& contents, ComparedPer per,
                          const std::vector<MergedStack>& stacks, const char* side) {
    const double seconds = window_seconds(contents.snapshots, contents.window);
    const ReportSampling sampling = sampling_of(contents);
    const auto error = [&](const char* what, const char* hint) {
        return Error{ErrorKind::bad_input, fmt::format("{}: {}", side, what), hint};
    };
    if (seconds <= 0)
        return error("one snapshot shows no growth to compare", "compare longer windows");
    if (per == ComparedPer::time) {
        if (sampling.observed_share > 0)
            return seconds * sampling.observed_share / sampling.rate_scale.middle / 3600;
        return error("nothing was followed in the window", "compare longer windows");
    }
    if (per == ComparedPer::allocated) {
        const double allocations = allocations_within(contents, stacks);
        if (allocations > 0) return allocations / 1000;
        return error("nothing was allocated in the window", "compare longer windows");
    }
    if (!work_within(contents.snapshots, contents.window))
        return error("no work was counted in the recording",
                     "record both with --work FUNCTION or --work-file FILE, or compare per "
                     "allocated");
    if (const auto clock = on_work_clock(contents, sampling.observed_share < 1))
        return window_seconds(*clock, contents.window) * units_a_second / 1000;
    return error("no unit of work was done in the window", "compare longer windows");
}

/// Same for the same functions in any build.
std::string name_key(const MergedStack& stack, const std::vector<ReportFrame>& frames) {
    std::string key = stack_kind_name(stack.record.kind);
    key += stack.record.end == StackEnd::complete ? "\n" : " [truncated]\n";
    for (const ReportFrame& frame : frames)
        key += (frame.function.empty() ? fmt::format("[{}]", frame.module) : frame.function) + '\n';
    return key;
}

struct Pair {
    ComparedStack stack;
    double variance = 0;  ///< Of the difference.
};

void add_side(const RecordingContents& contents, const std::vector<MergedStack>& stacks,
              const ComparedWindow& window, StackSide ComparedStack::*side,
              std::map<std::string, Pair>& pairs) {
    for (const MergedStack& merged : stacks) {
        std::vector<ReportFrame> frames = report_frames(merged.record, contents, {});
        for (ReportFrame& frame : frames) frame.object = 0;  // a comparison lists no objects
        Pair& pair = pairs[name_key(merged, frames)];
        StackSide& sum = pair.stack.*side;
        const auto grown =
            static_cast<std::int64_t>(merged.totals.held_bytes() - merged.at_start.held_bytes());
        sum.seen = true;
        sum.live_bytes += merged.totals.held_bytes();
        sum.live_count += merged.totals.held_count();
        sum.allocated_count += merged.totals.allocated_count - merged.at_start.allocated_count;
        sum.growth_bytes += grown;
        sum.growth += static_cast<double>(grown) / window.measure;
        const double deviation =
            turnover_deviation(merged.at_start, point_at(merged.live, contents.window.first),
                               merged.totals, contents.info.sampling_bytes)
                .value_or(0) /
            window.measure;
        pair.variance += deviation * deviation;
        pair.stack.kind = merged.record.kind;
        pair.stack.truncated = merged.record.end != StackEnd::complete;
        pair.stack.frames = std::move(frames);
    }
}

Result<ComparedWindow> describe(const RecordingContents& contents, ComparedPer per,
                                const std::vector<MergedStack>& stacks, const char* side) {
    const Result<double> measure = measure_of(contents, per, stacks, side);
    if (!measure) return measure.error();
    ComparedWindow window;
    window.targets = report_targets(contents);
    window.recording = contents.info;
    window.start_ns = contents.snapshots[contents.window.first].time_ns;
    window.end_ns = contents.snapshots[contents.window.last].time_ns;
    window.snapshots = contents.window.snapshots();
    window.measure = *measure;
    for (const MergedStack& stack : stacks) {
        if (contents.info.sources.repeats(stack.record.kind)) continue;
        window.live_bytes += stack.totals.held_bytes();
        window.growth += (static_cast<double>(stack.totals.held_bytes()) -
                          static_cast<double>(stack.at_start.held_bytes())) /
                         window.measure;
    }
    return window;
}

void judge(std::vector<Pair>& pairs) {
    std::vector<double> p_values;
    for (Pair& pair : pairs) {
        ComparedStack& stack = pair.stack;
        stack.difference = stack.current.growth - stack.base.growth;
        const double deviation = std::sqrt(pair.variance);
        stack.low = stack.difference - z_95 * deviation;
        stack.high = stack.difference + z_95 * deviation;
        if (deviation > 0) stack.z = stack.difference / deviation;
        p_values.push_back(2 * upper_tail(std::abs(stack.z.value_or(0))));
    }
    const std::vector<double> corrected = q_values(p_values);
    for (std::size_t i = 0; i < pairs.size(); ++i) {
        ComparedStack& stack = pairs[i].stack;
        stack.q_value = corrected[i];
        if (!stack.z || stack.q_value >= accepted_false) continue;
        stack.change = stack.difference > 0 ? Change::more : Change::less;
    }
}

std::pair<int, double> rank(const ComparedStack& stack) {
    switch (stack.change) {
        case Change::more:
            return {0, -stack.low};
        case Change::less:
            return {1, stack.high};
        case Change::same:
            break;
    }
    return {2, -std::abs(stack.difference)};
}

void warn(const char* side, const RecordingContents& contents, Comparison& comparison) {
    if (const double share = sampling_of(contents).observed_share; share < 1)
        comparison.warnings.push_back(
            fmt::format("{}: seen for {:.2g} % of the time: rates are those of what was seen, and "
                        "what may have "
                        "been freed in between counts as live",
                        side, share * 100));
    for (const std::string& warning : report_warnings(contents))
        comparison.warnings.push_back(fmt::format("{}: {}", side, warning));
}

}  // namespace

Result<ComparedPer> parse_compared_per(std::string_view name) {
    if (name == "time") return ComparedPer::time;
    if (name == "allocated") return ComparedPer::allocated;
    if (name == "work") return ComparedPer::work;
    return Error{ErrorKind::bad_input, fmt::format("cannot compare per \"{}\"", name),
                 "compare per time, allocated or work"};
}

const char* change_name(Change change) {
    switch (change) {
        case Change::more:
            return "more";
        case Change::less:
            return "less";
        case Change::same:
            break;
    }
    return "same";
}

Result<Comparison> compare(const RecordingContents& base, const RecordingContents& current,
                           ComparedPer per) {
    const std::vector<MergedStack> base_stacks = merge_stacks(base);
    const std::vector<MergedStack> current_stacks = merge_stacks(current);
    Result<ComparedWindow> base_window = describe(base, per, base_stacks, base_name);
    if (!base_window) return base_window.error();
    Result<ComparedWindow> current_window = describe(current, per, current_stacks, current_name);
    if (!current_window) return current_window.error();
    Comparison comparison{.per = per,
                          .base = std::move(*base_window),
                          .current = std::move(*current_window),
                          .stacks = {},
                          .warnings = {}};
    std::map<std::string, Pair> by_name;
    add_side(base, base_stacks, comparison.base, &ComparedStack::base, by_name);
    add_side(current, current_stacks, comparison.current, &ComparedStack::current, by_name);
    std::vector<Pair> pairs;
    pairs.reserve(by_name.size());
    for (auto& [name, pair] : by_name) pairs.push_back(std::move(pair));
    judge(pairs);
    std::ranges::stable_sort(pairs, {}, [](const Pair& pair) { return rank(pair.stack); });
    for (Pair& pair : pairs) comparison.stacks.push_back(std::move(pair.stack));
    warn(base_name, base, comparison);
    warn(current_name, current, comparison);
    return comparison;
}

}  // namespace seep
