// SPDX-License-Identifier: GPL-2.0-only
#pragma once

// What a reader of a report must know before believing it, in plain words. Pure functions.

#include <string>
#include <vector>

#include "analysis/contents.h"
#include "drain/snapshot.h"

namespace seep {

/// Losses of all processes as of the window's end, summed.
Losses sum_losses(const RecordingContents& contents);

/// The last sample of each process up to the window's end, in the order of processes; null for one
/// that has none.
std::vector<const ProcessSample*> last_samples(const RecordingContents& contents);
/// The first sample of each process in the recording, likewise.
std::vector<const ProcessSample*> first_samples(const RecordingContents& contents);

std::vector<std::string> report_warnings(const RecordingContents& contents);

}  // namespace seep
