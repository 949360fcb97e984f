// SPDX-License-Identifier: GPL-2.0-only
#include "analysis/sampling.h"

#include <algorithm>
#include <cmath>

namespace seep {

double sampling_noise(std::uint64_t sampling_bytes, double live_at_start, double growth) {
    return 3 * std::sqrt(static_cast<double>(sampling_bytes) *
                         std::max(0.0, 2 * live_at_start + growth));
}

std::optional<double> live_standard_error(const Totals& totals, std::uint64_t sampling_bytes) {
    if (sampling_bytes == 0) return std::nullopt;
    return std::sqrt(static_cast<double>(totals.held_variance) * 256);
}

double mean_weight(const Totals& totals, std::uint64_t sampling_bytes) {
    if (sampling_bytes == 0 || totals.allocated_count == 0) return 1;
    const double size =
        static_cast<double>(totals.allocated_bytes) / static_cast<double>(totals.allocated_count);
    return size > 0 ? -1 / std::expm1(-size / static_cast<double>(sampling_bytes)) : 1;
}

}  // namespace seep
