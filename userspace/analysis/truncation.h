// SPDX-License-Identifier: GPL-2.0-only
#pragma once

// Where stacks end that were not followed to their root. Pure functions.

#include <vector>

#include "analysis/merging.h"

namespace seep {

/// By object and reason, the most allocations first.
std::vector<Truncation> truncations(const std::vector<MergedStack>& stacks,
                                    const RecordingContents& contents);

/// What the user can do about them; empty: nothing, or it is not worth it.
std::vector<std::string> truncation_advice(const std::vector<Truncation>& truncated,
                                           std::uint64_t all_allocations);

/// "too_deep", "unreadable", ...: the name of the loss counter without its "stacks_".
const char* stack_end_name(StackEnd end);

}  // namespace seep
