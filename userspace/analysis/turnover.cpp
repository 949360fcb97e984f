// SPDX-License-Identifier: GPL-2.0-only
#include "analysis/turnover.h"

#include <algorithm>
#include <cmath>
#include <numbers>

namespace seep {

namespace {

constexpr double bytes_per_square = 256;

/// Blocks, their bytes, and the sum of their squares in units of the ledger.
struct Moved {
    double count = 0;
    double bytes = 0;
    double squares = 0;
};

/// The sums of squares are modulo 2^64, their differences are not.
Moved between(const Totals& before, const Totals& after) {
    return {static_cast<double>(after.allocated_count - before.allocated_count) +
                static_cast<double>(after.freed_count - before.freed_count),
            static_cast<double>(after.allocated_bytes - before.allocated_bytes) +
                static_cast<double>(after.freed_bytes - before.freed_bytes),
            static_cast<double>(after.allocated_squares - before.allocated_squares) +
                static_cast<double>(after.freed_squares - before.freed_squares)};
}

/// The ledger rounds the square of each block up, by as much as one unit: of blocks of 4 bytes, to
/// 16 times as much.
double squares_of(const Moved& moved) {
    const double if_alike = moved.bytes * moved.bytes / std::max(1.0, moved.count);
    return std::max(if_alike, bytes_per_square * (moved.squares - moved.count));
}

double variance_of(const Moved& moved, std::uint64_t sampling_bytes) {
    return squares_of(moved) + static_cast<double>(sampling_bytes) * moved.bytes;
}

}  // namespace

std::optional<double> turnover_deviation(const Totals& before, const LivePoint& from,
                                         const Totals& after, std::uint64_t sampling_bytes) {
    const Moved live{static_cast<double>(from.live_count) + static_cast<double>(after.held_count()),
                     static_cast<double>(from.live) + static_cast<double>(after.held_bytes()),
                     static_cast<double>(from.live_squares) +
                         static_cast<double>(after.allocated_squares - after.freed_squares)};
    const double variance = std::min(variance_of(between(before, after), sampling_bytes),
                                     variance_of(live, sampling_bytes));
    return variance > 0 ? std::optional(std::sqrt(variance)) : std::nullopt;
}

std::optional<double> age_ratio(const Totals& totals, double attached_us, double now_us) {
    const double age = now_us - static_cast<double>(totals.mean_birth_us);
    if (totals.live_count() == 0 || now_us <= attached_us || age < 0) return std::nullopt;
    return std::min(age / (now_us - attached_us), 1.0);
}

double upper_tail(double z) {
    return std::erfc(z / std::numbers::sqrt2) / 2;
}

}  // namespace seep
