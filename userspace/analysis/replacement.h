// SPDX-License-Identifier: GPL-2.0-only
#pragma once

// Growth that other stacks make up for. Where what a program loaded at its start is replaced bit by
// bit, the stack of the new blocks grows evenly and none of them dies, for one round: by itself it
// looks like a leak. What is live in all does not grow meanwhile, while a leak adds to it. Pure.

#include <span>
#include <vector>

#include "analysis/report.h"
#include "analysis/series.h"
#include "analysis/window.h"
#include "store/model.h"

namespace seep {

/// Calls leaks among `stacks`, all of one kind, `growing`, if what is live in all (`sum`) has
/// certainly grown by less than half of what they have over the later half of the window: half, as
/// both are estimates, and as something else may have been given back beside a leak.
void temper_by_whole(std::span<ReportStack> stacks, const LiveSeries& sum,
                     const std::vector<SnapshotRecord>& snapshots, const Window& window);

}  // namespace seep
