// SPDX-License-Identifier: GPL-2.0-only
#pragma once

// Was the target at its usual pace while it was observed? Probes that come and go slow it down
// while they are there: a program that does nothing but allocate by ten times and more, and what
// its work leaks grows by as much less. What the kernel counts all the time tells by how much: a
// process that takes new memory faults its pages in. Of the faults between two snapshots, the share
// that came with probes in place should be that of the time. It is told by snapshots, as a program
// that fills its memory in a few seconds, of which little was seen, is not slow for the rest of the
// time. Pure functions.

#include <optional>
#include <vector>

#include "analysis/growth.h"
#include "analysis/report.h"
#include "store/model.h"

namespace seep {

/// The faults that should have come with probes in place over those that did, over a window, with
/// the standard error of a ratio of sums (W. G. Cochran, Sampling Techniques, 3rd ed., 6.4) over
/// the times between snapshots, of which there must be `least_snapshots`. What should have come is
/// reckoned from the pauses in the same time: where windows slow the target down, the time they are
/// in has fewer than others. 1 unless it is above that by three standard errors: nothing is faster
/// with probes, but putting them in place makes some faults that are no growth. Not known where
/// there are too few, or of too few times, to tell by how much they are fewer. Never more than the
/// probes cost: faults that come in bunches, which windows miss, say nothing of the pace.
RateScale rate_scale(const std::vector<SnapshotRecord>& snapshots, const Window& window);

Growth scaled(Growth growth, const RateScale& scale);
/// The work that was done with probes in place is as much less than the time makes it.
std::optional<GrowthPerWork> scaled(std::optional<GrowthPerWork> growth, const RateScale& scale);

}  // namespace seep
