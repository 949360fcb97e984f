// SPDX-License-Identifier: GPL-2.0-only
#include "analysis/false_discovery.h"

#include <algorithm>
#include <numeric>

namespace seep {

std::vector<double> q_values(std::span<const double> p_values) {
    std::vector<std::size_t> descending(p_values.size());
    std::iota(descending.begin(), descending.end(), 0);
    std::ranges::sort(descending, std::ranges::greater{},
                      [&](std::size_t i) { return p_values[i]; });
    std::vector<double> result(p_values.size());
    const auto count = static_cast<double>(p_values.size());
    auto rank = count;
    double least = 1;
    for (const std::size_t i : descending) {
        least = std::min(least, p_values[i] * count / rank);
        result[i] = least;
        --rank;
    }
    return result;
}

}  // namespace seep
