// SPDX-License-Identifier: GPL-2.0-only
#pragma once

// Whether an object's code keeps frame pointers, told from the code itself: compilers leave no
// reliable note of it. Functions are sampled evenly and decoded from their start; the first
// instruction that moves the stack pointer tells: `push %rbp` with `mov %rsp,%rbp` soon after sets
// a frame pointer up, anything else uses the stack without. Functions that use no stack do not
// count; neither do those that divide control before (they are few, and the answer is a share).
// Hostile input; pure functions of the file.

#include <cstddef>
#include <cstdint>
#include <vector>

#include "target/object_file.h"

namespace seep {

struct FramePointers {
    enum class Kept { unknown, no, partly, yes };
    std::size_t sampled = 0;  ///< Functions that use the stack, of those looked at.
    std::size_t keep = 0;     ///< Of them, those that set up a frame pointer.

    [[nodiscard]] double share() const;  ///< 0 to 1; 0 if nothing was sampled.
    [[nodiscard]] Kept kept() const;
};

/// `function_starts`: as ElfTables has them.
FramePointers sample_frame_pointers(const ObjectFile& object,
                                    const std::vector<std::uint64_t>& function_starts);

/// "unknown", "no", "partly", "yes".
const char* kept_name(FramePointers::Kept kept);

}  // namespace seep
