// SPDX-License-Identifier: GPL-2.0-only
#pragma once

// Folded stacks as the frames of a flame graph, laid out but not yet drawn. Pure.
//
//     main;a;malloc 3                      |          all 6          |   start 0, value 6
//     main;b;malloc 2         ->           |         main 5      |   |
//     other;malloc 1                       |   a 3   |   b 2     | o |   a: start 0, b: start 3
//                                          |malloc 3 | malloc 2  | m |
//
// Frames are in pre-order, siblings by value, the widest first: what matters is at the left, and
// what is too narrow to be read is together at the right.

#include <cstddef>
#include <cstdint>
#include <string>
#include <vector>

#include "output/folded.h"

namespace seep {

enum class FrameKind {
    root,  ///< All stacks.
    function,
    allocator,  ///< A stack ends here: the function that the program called for memory.
    unknown,    ///< "[module+0x...]"
    truncated,  ///< The callers are not known.
    merged,     ///< Several siblings that are too narrow to be drawn each.
};

struct FlameFrame {
    FrameKind kind = FrameKind::function;
    std::string name;        ///< Empty if merged.
    std::size_t depth = 0;   ///< The root's is 0.
    std::int64_t start = 0;  ///< Where it begins, in the unit of the values; the root at 0.
    std::int64_t value = 0;
    std::int64_t count = 0;
    std::int64_t base = 0;     ///< The same frame's value in the stacks that are compared with.
    std::size_t siblings = 0;  ///< How many frames are merged into this one.
};

/// The `max_frames` widest frames, and for what does not fit under a frame one merged frame: the
/// values of a frame's children and of its own stacks' ends always add up to its value.
std::vector<FlameFrame> flame_tree(const std::vector<FoldedStack>& stacks,
                                   const std::vector<FoldedStack>* base, std::size_t max_frames);

}  // namespace seep
