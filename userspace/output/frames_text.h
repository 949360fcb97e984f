// SPDX-License-Identifier: GPL-2.0-only
#pragma once

// The frames of a stack as lines of text, name and place in columns.

#include <cstddef>
#include <vector>

#include "analysis/report.h"
#include "output/page.h"

namespace seep {

inline constexpr std::size_t frame_indent = 6;

/// Of a deep stack: what allocates and where the thread came from, or every frame.
enum class Depth { ends, all };

void print_frames(Page& page, const std::vector<ReportFrame>& frames, bool truncated, Depth shown);

}  // namespace seep
