// SPDX-License-Identifier: GPL-2.0-only
#pragma once

// At which pace the calls were made that stacks grow by, while allocations were recorded and while
// they were not (drain/call_counts.h). What a stack grew by in windows, over the calls that were
// made in them, is what a call leaves behind; times all calls, it is the growth over all of the
// time, whatever the probes slowed down in windows, and however busy the target was in them.
// Pure functions.

#include <optional>
#include <vector>

#include "analysis/contents.h"
#include "analysis/merging.h"
#include "analysis/report.h"

namespace seep {

/// A call that was counted in windows and between them, of all processes together.
struct CountedCall {
    struct Counts {
        double observed_calls = 0;
        double observed_seconds = 0;
        double unobserved_calls = 0;
        double unobserved_seconds = 0;
        void add(const Counts& more);
    };
    /// Between two snapshots that both have its count.
    struct Part : Counts {
        std::size_t from = 0;  ///< Snapshots.
        std::size_t to = 0;
    };
    LocationId location;
    std::vector<Part> parts;
    double observed_calls = 0;
    /// Over all of the time; of a target that has no processor time to spare, without what counting
    /// it took of that.
    double a_second = 0;
    double error = 0;  ///< The standard error of that, as a share of it.
    double scale = 1;  ///< Of that over what it was while allocations were recorded.
};

/// Those that are known well enough to tell a pace from; none that counting slows down too much,
/// and none where more than a tenth of the time was followed continuously.
std::vector<CountedCall> counted_calls(const RecordingContents& contents);

/// Those that were counted while allocations were sampled, all the time: `parts`, `observed_calls`
/// and `a_second` of them. Empty where the probes came and went.
std::vector<CountedCall> calls_while_sampled(const RecordingContents& contents);

/// For stacks none of whose calls were counted: the median of the calls' scales, weighted by how
/// many were seen, with an interval by how far they are apart and how well each is known. Empty if
/// there are none.
std::optional<RateScale> rate_scale(std::vector<CountedCall> calls);

/// A growth a second observed, as one a second of all the time, by the one of the stack's calls
/// that tells it best; empty if none was counted. Of blocks none of which was freed, it is what was
/// left a call (a ratio of sums; W. G. Cochran, Sampling Techniques, 3rd ed., 2.11), which chance
/// moves by less than the number of the blocks: where each call leaves one, by nothing. (Not where
/// allocations were `sampled`: `observed` has the uncertainty of that.)
std::optional<Growth> growth_by_calls(const MergedStack& stack, const Growth& observed,
                                      const std::vector<CountedCall>& calls, bool sampled);

/// Where one sampled block stands for `weight`, and none was freed: if one of the stack's calls was
/// made as often as it got blocks, as far as sampling lets that be told, each of these leaves one,
/// and tells the growth better than the sample. It moves within its interval, which it widens
/// if need be.
void take_calls_that_leave_one(const MergedStack& stack, const std::vector<CountedCall>& calls,
                               double weight, double seconds, Growth& growth);

}  // namespace seep
