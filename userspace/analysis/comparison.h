// SPDX-License-Identifier: GPL-2.0-only
#pragma once

// Two windows held against each other: a canary against its baseline, a new build against the old
// one, an afternoon against the night. Pure functions.
//
// Stacks are matched by the names of their functions alone, because addresses and lines differ from
// build to build. Each side's growth is divided by what that side went through, so that windows of
// different length or load compare. Whether a difference is one is judged as turnover is
// (turnover.h): with growth G, variance V and measure n of each side,
//
//     z = (G2/n2 - G1/n1) / sqrt(V1/n1^2 + V2/n2^2)
//
// over all stacks with the false discovery rate of Benjamini and Hochberg.
//
// What a stack had when it came to be traced is not known, so that its live bytes rise from nothing
// although it does not grow, until what was there before is gone:
//
//     live bytes      ____________        a window from the first moment on has that rise, one from
//                   /                     later on has none of it
//     attach      /
//
// Of a window that begins before the age that blocks of the stack get to, and where probes come and
// go, the growth is therefore the report's (ranking.h), and is no difference by itself if the
// report does not call it lasting.

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "analysis/contents.h"
#include "analysis/report.h"
#include "base/result.h"

namespace seep {

/// What growth is divided by.
enum class ComparedPer { time, allocated, work };
/// "time": hours of the window, as far as it was seen. "allocated": thousands of allocations of all
/// stacks together in it. "work": thousands of units of work that were counted in it (--work,
/// --work-file).
Result<ComparedPer> parse_compared_per(std::string_view name);

/// One side of a comparison.
struct ComparedWindow {
    std::vector<ReportProcess> targets;
    RecordingInfo recording;
    std::int64_t start_ns = 0;
    std::int64_t end_ns = 0;
    std::uint64_t snapshots = 0;
    double measure = 0;  ///< Hours, thousands of allocations or of units of work; seen ones.
    std::uint64_t live_bytes = 0;  ///< With what has lapsed; likewise below.
    double growth = 0;             ///< Bytes by measure.
};

struct StackSide {
    bool seen = false;             ///< It allocated on this side.
    std::uint64_t live_bytes = 0;  ///< At the window's end.
    std::uint64_t live_count = 0;
    std::uint64_t allocated_count = 0;  ///< Within the window.
    std::int64_t growth_bytes = 0;      ///< Over the window.
    double growth = 0;                  ///< By measure.
};

enum class Change { more, less, same };
/// more: it grows significantly more than in the base. same: no significant difference.
const char* change_name(Change change);

struct ComparedStack {
    Change change = Change::same;
    StackKind kind = StackKind::heap;
    StackSide base;
    StackSide current;
    double difference = 0;  ///< Of growth by measure, with the ends of its 95 % interval.
    double low = 0;
    double high = 0;
    std::optional<double> z;  ///< Empty if nothing was allocated or freed on either side.
    double q_value = 1;
    bool truncated = false;
    std::vector<ReportFrame> frames;  ///< As on the side that is compared, or else in the base.
};

struct Comparison {
    ComparedPer per = ComparedPer::time;
    ComparedWindow base;
    ComparedWindow current;
    /// What grows significantly more first, by the lower end of the difference; then what grows
    /// less, likewise; then the rest by difference.
    std::vector<ComparedStack> stacks;
    std::vector<std::string> warnings;
};

/// bad_input if a side has but one snapshot, or nothing to divide by.
Result<Comparison> compare(const RecordingContents& base, const RecordingContents& current,
                           ComparedPer per);

}  // namespace seep
