// SPDX-License-Identifier: GPL-2.0-only
#pragma once

// The frames of a stack as lines of text, name and place in columns.

#include <cstddef>
#include <vector>

#include "analysis/report.h"
#include "output/page.h"

namespace seep {

inline constexpr std::size_t frame_indent = 6;

/// A deep stack keeps its ends: what allocates, and where the thread came from.
void print_frames(Page& page, const std::vector<ReportFrame>& frames, bool truncated);

}  // namespace seep
