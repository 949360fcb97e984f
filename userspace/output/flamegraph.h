// SPDX-License-Identifier: GPL-2.0-only
#pragma once

// The flame graph: one self-contained SVG that a browser makes interactive (click to zoom, reset,
// search with the matched share, tooltips with bytes, count and share, keyboard, light and dark).
// Without a script, in an image viewer, it shows the same at its full extent. Pure.
//
// The root is at the top: a page opens at its top, so that the first thing in view is where the
// memory goes, however deep the stacks are; what allocates hangs at the lower ends.

#include <optional>
#include <string>
#include <vector>

#include "output/folded.h"

namespace seep {

struct FlameOptions {
    std::string title;
    std::string subtitle;  ///< Target, window, sampling, losses: one line.
    StackValue value = StackValue::live;
};

/// Says what is drawn, of what, and how it was recorded.
FlameOptions flame_options(const Report& report, StackValue value);

/// What a graph is compared with.
struct FlameBase {
    /// Of what adds up over time (all values but `live` and `count`), as much as a window as long
    /// as the other would have had.
    std::vector<FoldedStack> stacks;
    std::string text;  ///< For the subtitle: which window, and what of it is gone since.
};
/// `stacks`: of `report`, folded likewise.
FlameBase flame_base(const Report& base, const Report& report,
                     const std::vector<FoldedStack>& stacks, StackValue value,
                     std::optional<StackKind> kind);

/// The 10,000 widest frames are drawn, each at its width; what is narrower is merged with its
/// siblings into one frame that says so, not dropped: widths always add up. With `base`, widths are
/// of `stacks` and colours show the difference of `stacks` from `base` (red grew, blue shrank).
std::string flame_graph(const std::vector<FoldedStack>& stacks, const FlameOptions& options,
                        const FlameBase* base = nullptr);

}  // namespace seep
