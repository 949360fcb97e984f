// SPDX-License-Identifier: GPL-2.0-only
#pragma once

// How busy the targets are at the window's end. Pure.

#include <optional>

#include "analysis/contents.h"
#include "analysis/report.h"

namespace seep {

/// Between the window's last two snapshots, from the exact counters of the processes. Empty if it
/// has only one, or no time between them was observed.
std::optional<Activity> activity(const RecordingContents& contents);

}  // namespace seep
