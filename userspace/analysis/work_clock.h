// SPDX-License-Identifier: GPL-2.0-only
#pragma once

// Growth by the work that was done instead of by the time that went by: what a leak loses with each
// request it loses faster under load, but not more a request. It is the same estimate (growth.h) of
// the same troughs, on a clock that a unit of work moves on. Pure functions, thread-safe.

#include <optional>
#include <vector>

#include "analysis/contents.h"
#include "analysis/growth.h"
#include "analysis/report.h"

namespace seep {

/// Units that were counted within the window, which may be none; empty if they were not counted at
/// both of its ends.
std::optional<double> work_within(const std::vector<SnapshotRecord>& snapshots,
                                  const Window& window);

/// The snapshots, a nanosecond of their time being a unit of work. `only_observed`: of the work
/// between two snapshots, only the share of that time in which the probes were in place. Empty if
/// the window saw no work.
std::optional<std::vector<SnapshotRecord>> on_work_clock(const RecordingContents& contents,
                                                         bool only_observed);

/// Growth over a window of such snapshots. `turnover_z`: of the stack, from which the interval is
/// taken where there are too few snapshots for a trend (widen_by_turnover()).
std::optional<GrowthPerWork> growth_per_work(const LiveSeries& series,
                                             const std::vector<SnapshotRecord>& on_work_clock,
                                             const Window& window,
                                             std::optional<double> turnover_z);

}  // namespace seep
