// SPDX-License-Identifier: GPL-2.0-only
#include "analysis/ratio.h"

#include <algorithm>
#include <cmath>
#include <iterator>

#include "analysis/normal.h"

namespace seep {

double students_factor(double parts) {
    constexpr double quantiles[] = {12.71, 4.30, 3.18, 2.78, 2.57, 2.45, 2.36, 2.31, 2.26, 2.23};
    const auto freedom = static_cast<std::size_t>(std::max(parts - 1, 1.0));
    return quantiles[std::min(freedom, std::size(quantiles)) - 1] / z_95;
}

std::optional<double> ratio_error(const std::vector<RatioPart>& parts) {
    double sum_x = 0;
    double sum_y = 0;
    double count = 0;
    for (const RatioPart& part : parts) {
        sum_x += part.x;
        sum_y += part.y;
        count += part.x > 0 ? 1 : 0;
    }
    if (count < 2) return std::nullopt;
    if (sum_y <= 0) return 1;
    const double ratio = sum_y / sum_x;
    double squares = 0;
    for (const RatioPart& part : parts) squares += std::pow(part.y - ratio * part.x, 2);
    return students_factor(count) * std::sqrt(squares * count / (count - 1)) / sum_y;
}

}  // namespace seep
