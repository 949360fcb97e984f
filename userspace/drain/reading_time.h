// SPDX-License-Identifier: GPL-2.0-only
#pragma once

// What reading all memory of a process takes, and may take (lost_blocks.h, heap_counts.h). Pure.

#include <algorithm>

namespace seep {

/// Until it is known how much is read in a second.
inline constexpr double usual_bytes_per_second = 1e9;

/// When all is over, as little of it is the last chance; but nobody waits for long. Seconds, of a
/// recording of that age.
inline double most_last_reading_s(double age_s) {
    constexpr double share = 0.05;
    constexpr double most_s = 3;
    return std::min(share * age_s, most_s);
}

}  // namespace seep
