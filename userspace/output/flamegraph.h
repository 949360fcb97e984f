// SPDX-License-Identifier: GPL-2.0-only
#pragma once

// The flame graph: one self-contained SVG that a browser makes interactive (click to zoom, reset,
// search with the matched share, tooltips with bytes, count and share, keyboard, light and dark).
// Pure.

#include <optional>
#include <string>
#include <vector>

#include "output/folded.h"

namespace seep {

struct FlameOptions {
    std::string title;
    std::string subtitle;    ///< Target, window, sampling, losses: one line.
    StackValue value = StackValue::live;
};

/// Frames narrower than a fraction of a pixel are merged into one neighbour marked so, not dropped:
/// widths always add up. With `base`, widths are of `stacks` and colours show the difference of
/// `stacks` from `base` (red grew, blue shrank).
std::string flame_graph(const std::vector<FoldedStack>& stacks, const FlameOptions& options,
                        const std::vector<FoldedStack>* base = nullptr);

}  // namespace seep
