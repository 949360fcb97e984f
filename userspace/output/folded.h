// SPDX-License-Identifier: GPL-2.0-only
#pragma once

// Folded stacks: "root;...;caller;malloc VALUE", one line a distinct stack. Pure.

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "analysis/report.h"
#include "base/result.h"

namespace seep {

/// Which number a stack is drawn with; `count` is of live blocks, the others are bytes. What has
/// lapsed counts as live: nobody has seen it freed.
enum class StackValue { live, growth, allocated, freed, count };
Result<StackValue> parse_stack_value(std::string_view name);
const char* stack_value_name(StackValue value);

/// One folded stack: frame names, outermost first, made safe for the format (no `;`, no newline or
/// other control character in a name).
struct FoldedStack {
    std::vector<std::string> frames;
    std::int64_t value = 0;
    std::int64_t count = 0;  ///< Blocks behind the value (live, freed, ... as the value says).
};

/// Stacks with the same names are summed; sums that are not above 0 are left out. `growth`: growth
/// over the window in bytes, only what grew. A truncated stack begins with "[truncated]". Sorted by
/// frames.
/// `kind`: only stacks of that kind.
std::vector<FoldedStack> fold(const Report& report, StackValue value,
                              std::optional<StackKind> kind = std::nullopt);

/// Untrusted values and sums of them: the largest number there is rather than an overflow.
std::int64_t clamped(std::uint64_t value);
std::int64_t saturating_add(std::int64_t a, std::int64_t b);

std::string folded_text(const std::vector<FoldedStack>& stacks);

}  // namespace seep
