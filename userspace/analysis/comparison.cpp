// SPDX-License-Identifier: GPL-2.0-only
#include "analysis/comparison.h"

#include <fmt/format.h>

#include <algorithm>
#include <cmath>
#include <limits>
#include <map>
#include <tuple>
#include <utility>

#include "analysis/claims.h"
#include "analysis/coverage.h"
#include "analysis/false_discovery.h"
#include "analysis/growth.h"
#include "analysis/merging.h"
#include "analysis/normal.h"
#include "analysis/ranking.h"
#include "analysis/survival.h"
#include "analysis/turnover.h"
#include "analysis/warnings.h"
#include "analysis/work_clock.h"
#include "base/text.h"

namespace seep {

namespace {

/// A clock of work is in nanoseconds, one a unit (work_clock.h).
constexpr double units_a_second = 1e9;
/// The share of false alarms accepted among what is called a difference.
constexpr double accepted_false = 0.05;
/// What a stack grew by, less so much of it, is what it grew by.
constexpr double little = 0.05;
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
        if (sampling.observed_share > 0) return seen_seconds(sampling, seconds) / seconds_an_hour;
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

/// A side of the comparison, and what it is made of.
struct Side {
    const RecordingContents& contents;
    std::vector<MergedStack> stacks;
    std::map<std::string, ReportStack> reported;  ///< By id.
    ComparedWindow window;
    ReportSampling sampling;
    double seen_seconds = 0;  ///< As far as growth was seen.
    double unmatched_frees = 0;
};

/// Of a stack over the window, in bytes.
struct SeenGrowth {
    double bytes = 0;
    double deviation = 0;
};

/// No block of the stack that was freed had lived for so long.
double greatest_lifetime(const MergedStack& stack) {
    const auto last = std::ranges::find_if(stack.lifetimes.rbegin(), stack.lifetimes.rend(),
                                           [](auto count) { return count > 0; });
    if (last == stack.lifetimes.rend()) return 0;
    return 2 * bin_start(static_cast<std::size_t>(stack.lifetimes.rend() - last) - 1);
}

/// Blocks may have been there when the window began that nobody knows of, and have been freed in
/// it.
bool starts_blind(const Side& side, const MergedStack& stack) {
    if (stack.record.kind != StackKind::heap) return false;
    if (side.sampling.observed_share < 1) return true;
    const double grown = static_cast<double>(stack.totals.held_count()) -
                         static_cast<double>(stack.at_start.held_count());
    const double unknown =  // frees; none are told from others where some are not followed
        side.sampling.bytes > 0 ? std::numeric_limits<double>::infinity() : side.unmatched_frees;
    const double age = static_cast<double>(side.window.start_ns - stack.attached_ns) / 1e9;
    return age < greatest_lifetime(stack) && unknown > little * std::abs(grown);
}

SeenGrowth growth_of(const Side& side, const MergedStack& stack) {
    const RecordingContents& contents = side.contents;
    SeenGrowth seen;
    seen.bytes = static_cast<double>(stack.totals.held_bytes()) -
                 static_cast<double>(stack.at_start.held_bytes());
    seen.deviation = turnover_deviation(stack.at_start, point_at(stack.live, contents.window.first),
                                        stack.totals, contents.info.sampling_bytes)
                         .value_or(0);
    if (!starts_blind(side, stack)) return seen;
    const ReportStack& reported = side.reported.at(id_text(stack.id));
    const Growth& growth = reported.growth;
    seen.bytes = growth.bytes_per_second * side.seen_seconds;
    const double by_interval = (growth.high - growth.low) / (2 * z_95) * side.seen_seconds;
    const bool lasts = grows(reported) || reported.verdict == Verdict::load;
    seen.deviation = std::max({seen.deviation, by_interval, lasts ? 0 : std::abs(seen.bytes)});
    return seen;
}

void add_side(Side& side, StackSide ComparedStack::*which, std::map<std::string, Pair>& pairs) {
    for (const MergedStack& merged : side.stacks) {
        std::vector<ReportFrame> frames = report_frames(merged.record, side.contents, {});
        for (ReportFrame& frame : frames) frame.object = 0;  // a comparison lists no objects
        Pair& pair = pairs[name_key(merged, frames)];
        StackSide& sum = pair.stack.*which;
        const SeenGrowth grown = growth_of(side, merged);
        sum.seen = true;
        sum.live_bytes += merged.totals.held_bytes();
        sum.live_count += merged.totals.held_count();
        sum.allocated_count += merged.totals.allocated_count - merged.at_start.allocated_count;
        sum.growth_bytes += std::llround(grown.bytes);
        sum.growth += grown.bytes / side.window.measure;
        if (!side.contents.info.sources.repeats(merged.record.kind)) {
            side.window.live_bytes += merged.totals.held_bytes();
            side.window.growth += grown.bytes / side.window.measure;
        }
        const double deviation = grown.deviation / side.window.measure;
        pair.variance += deviation * deviation;
        pair.stack.kind = merged.record.kind;
        pair.stack.truncated = merged.record.end != StackEnd::complete;
        pair.stack.frames = std::move(frames);
    }
}

Result<Side> describe(const RecordingContents& contents, ComparedPer per, const char* name) {
    Side side{.contents = contents,
              .stacks = merge_stacks(contents),
              .reported = {},
              .window = {},
              .sampling = {}};
    const Result<double> measure = measure_of(contents, per, side.stacks, name);
    if (!measure) return measure.error();
    Report report = build_report(contents, {});
    for (ReportStack& stack : report.stacks) side.reported.emplace(stack.id, std::move(stack));
    side.sampling = report.sampling;
    side.seen_seconds =
        seen_seconds(side.sampling, window_seconds(contents.snapshots, contents.window));
    side.unmatched_frees = static_cast<double>(report.losses[SEEP_LOSS_UNMATCHED_FREES]);
    ComparedWindow& window = side.window;
    window.targets = std::move(report.targets);
    window.recording = contents.info;
    window.start_ns = report.window_start_ns;
    window.end_ns = report.window_end_ns;
    window.snapshots = report.snapshots;
    window.measure = *measure;
    return side;
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
    Result<Side> base_side = describe(base, per, base_name);
    if (!base_side) return base_side.error();
    Result<Side> current_side = describe(current, per, current_name);
    if (!current_side) return current_side.error();
    std::map<std::string, Pair> by_name;
    add_side(*base_side, &ComparedStack::base, by_name);
    add_side(*current_side, &ComparedStack::current, by_name);
    Comparison comparison{.per = per,
                          .base = std::move(base_side->window),
                          .current = std::move(current_side->window),
                          .stacks = {},
                          .warnings = {}};
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
