// SPDX-License-Identifier: GPL-2.0-only
#pragma once

// Finds the lockstep clusters (lockstep.h) among a report's stacks that grow. Pure.

#include <vector>

#include "analysis/contents.h"
#include "analysis/merging.h"
#include "analysis/report.h"

namespace seep {

/// Sets Evidence::cluster in the report's stacks, which are in rank order, and returns the clusters
/// in the order of their first stacks. Only the first 1000 stacks that grow are looked at.
/// `merged`: the same stacks, ascending by id.
std::vector<ReportCluster> cluster(Report& report, const std::vector<MergedStack>& merged,
                                   const RecordingContents& contents);

}  // namespace seep
