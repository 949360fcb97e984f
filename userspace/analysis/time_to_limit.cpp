// SPDX-License-Identifier: GPL-2.0-only
#include "analysis/time_to_limit.h"

#include <algorithm>

namespace seep {

TimeToLimit time_to_limit(std::uint64_t limit, std::uint64_t current, std::uint64_t inactive_file,
                          const Growth& growth) {
    const std::uint64_t used = current - std::min(inactive_file, current);
    const auto room = static_cast<double>(limit - std::min(used, limit));
    const auto reached = [&](double rate) {
        return rate > 0 ? std::optional(room / rate) : std::nullopt;
    };
    return {.earliest = reached(growth.high),
            .expected = reached(growth.bytes_per_second),
            .latest = reached(growth.low)};
}

}  // namespace seep
