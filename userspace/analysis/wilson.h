// SPDX-License-Identifier: GPL-2.0-only
#pragma once

// A share of some that were looked at, and between what it lies. By E. B. Wilson, "Probable
// inference, the law of succession, and statistical inference", J. Am. Stat. Assoc. 22 (1927).
// Pure.

#include <algorithm>
#include <cmath>

#include "analysis/normal.h"

namespace seep {

struct Share {
    double value = 0;  ///< 0 to 1.
    double low = 0;    ///< Ends of the 95 % interval.
    double high = 0;
};

/// `count` of `all`, which is above 0.
inline Share wilson(double count, double all) {
    constexpr double z = z_95;
    const double p = count / all;
    const double middle = (p + z * z / (2 * all)) / (1 + z * z / all);
    const double half =
        z / (1 + z * z / all) * std::sqrt(p * (1 - p) / all + z * z / (4 * all * all));
    return {.value = p,
            .low = count > 0 ? std::max(0.0, middle - half) : 0,
            .high = count < all ? std::min(1.0, middle + half) : 1};
}

}  // namespace seep
