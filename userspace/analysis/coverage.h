// SPDX-License-Identifier: GPL-2.0-only
#pragma once

// How much of a window was seen, and what that does to its numbers. Where the probes came and went,
// frees between two windows of observation were not seen, so a stack's *held* bytes (not seen
// freed) are an upper bound of its live ones: what is freed unseen goes on being held until its
// address is seen freed or handed out again. Held bytes grow only while the probes are in place,
// and there a leak grows them at its own rate: growth is therefore judged on a clock that stands
// still between windows. Blocks that are merely short-lived stop adding to held bytes once as many
// of their addresses are seen coming back as new ones are left behind. Pure functions.

#include <string>
#include <vector>

#include "analysis/contents.h"
#include "analysis/growth.h"
#include "analysis/report.h"
#include "analysis/verdict.h"

namespace seep {

/// What was followed up to the window's end, and for which share of the window.
ReportSampling sampling_of(const RecordingContents& contents);

/// The snapshots on a clock that stands still while nothing is observed.
std::vector<SnapshotRecord> on_observed_clock(std::vector<SnapshotRecord> snapshots);
/// The same with its snapshots on a clock that stands still while nothing is observed.
RecordingContents on_observed_clock(const RecordingContents& contents);

/// A judgement of growth on that clock, made as weak as an upper bound allows, with the reason.
/// Unchanged if all of the window was observed.
Judgement tempered(Judgement judgement, const ReportSampling& sampling);

/// A growth which was measured on that clock, of a target that the probes may have slowed down, as
/// one of the whole window.
Growth over_window(Growth growth, const ReportSampling& sampling, double window_seconds);

/// The same of a buffer that is enlarged: what it grew by between windows is seen in the next one.
Growth in_between(Growth growth, const ReportSampling& sampling, double window_seconds);

/// Of the window, as long as without probes it takes to do what was seen of it.
double seen_seconds(const ReportSampling& sampling, double window_seconds);

/// What a reader must know of it, and of what it cost; empty if nothing.
std::vector<std::string> coverage_warnings(const Report& report);

}  // namespace seep
