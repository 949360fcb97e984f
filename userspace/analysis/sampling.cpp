// SPDX-License-Identifier: GPL-2.0-only
#include "analysis/sampling.h"

#include <algorithm>
#include <cmath>

namespace seep {

namespace {

/// In bytes squared: the kernel counts in 256ths.
double held_variance(const Totals& totals) {
    return static_cast<double>(totals.held_variance) * 256;
}

}  // namespace

double sampling_noise(std::uint64_t sampling_bytes, double live_at_start, double growth) {
    return 3 * std::sqrt(static_cast<double>(sampling_bytes) *
                         std::max(0.0, 2 * live_at_start + growth));
}

std::optional<double> live_standard_error(const Totals& totals, std::uint64_t sampling_bytes) {
    if (sampling_bytes == 0) return std::nullopt;
    return std::sqrt(held_variance(totals));
}

double growth_standard_error(const Totals& before, const Totals& after) {
    const auto held = static_cast<double>(before.held_count());
    const double freed =
        static_cast<double>(after.freed_count) - static_cast<double>(before.freed_count);
    // As many as were freed may all have been those.
    const double staying = held > 0 ? std::clamp(1 - freed / held, 0.0, 1.0) : 0;
    return std::sqrt(
        std::max(0.0, held_variance(after) + (1 - 2 * staying) * held_variance(before)));
}

double followed_share(double size, std::uint64_t sampling_bytes) {
    return sampling_bytes > 0 && size > 0 ? -std::expm1(-size / static_cast<double>(sampling_bytes))
                                          : 1;
}

double mean_weight(const Totals& totals, std::uint64_t sampling_bytes) {
    if (sampling_bytes == 0 || totals.allocated_count == 0) return 1;
    const double size =
        static_cast<double>(totals.allocated_bytes) / static_cast<double>(totals.allocated_count);
    return 1 / followed_share(size, sampling_bytes);
}

}  // namespace seep
