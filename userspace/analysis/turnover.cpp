// SPDX-License-Identifier: GPL-2.0-only
#include "analysis/turnover.h"

#include <algorithm>
#include <cmath>
#include <numbers>

namespace seep {

namespace {

constexpr double bytes_per_square = 256;

}  // namespace

std::optional<double> turnover_z(const Totals& before, const Totals& after,
                                 std::uint64_t sampling_bytes) {
    // The sums of squares are modulo 2^64, their differences are not.
    const double squares =
        bytes_per_square *
        (static_cast<double>(after.allocated_squares - before.allocated_squares) +
         static_cast<double>(after.freed_squares - before.freed_squares));
    const double moved = static_cast<double>(after.allocated_bytes - before.allocated_bytes) +
                         static_cast<double>(after.freed_bytes - before.freed_bytes);
    const double variance = squares + static_cast<double>(sampling_bytes) * moved;
    if (variance <= 0) return std::nullopt;
    return (static_cast<double>(after.live_bytes()) - static_cast<double>(before.live_bytes())) /
           std::sqrt(variance);
}

std::optional<double> age_ratio(const Totals& totals, double attached_us, double now_us) {
    if (totals.live_count() == 0 || now_us <= attached_us) return std::nullopt;
    const double age = now_us - static_cast<double>(totals.mean_birth_us);
    return std::clamp(age / (now_us - attached_us), 0.0, 1.0);
}

double upper_tail(double z) {
    return std::erfc(z / std::numbers::sqrt2) / 2;
}

}  // namespace seep
