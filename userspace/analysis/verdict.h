// SPDX-License-Identifier: GPL-2.0-only
#pragma once

// What kind of growth it is, in plain words, from the facts (weighing.h) and what could overturn
// them (surroundings.h). docs/verdicts.md says what each verdict claims and how often it is wrong.
// Pure functions, thread-safe.

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>

#include "analysis/report.h"
#include "analysis/surroundings.h"
#include "analysis/weighing.h"

namespace seep {

struct Judgement {
    Verdict verdict = Verdict::undetermined;
    std::string reason;
    std::optional<std::int64_t> decidable_at_ns;
    bool may_be_pool = false;  ///< It grows as a leak does, but in few large blocks.
};

/// Blocks of a steady stack have all been replaced by followed ones after as many of their lives:
/// after five, less than 1 % are older.
inline constexpr double settling_lives = 5;

/// Ends the reason of a leak by its curve, until pointers tell it from one.
inline constexpr std::string_view cache_looks_the_same =
    "; a cache without bound, or one still far from it, looks the same";

/// `facts.evidence.q_value` must be set where there is a turnover_z.
Judgement judge(const Facts& facts, const Surroundings& surroundings);

}  // namespace seep
