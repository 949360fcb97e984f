// SPDX-License-Identifier: GPL-2.0-only
#include "analysis/load.h"

#include <algorithm>
#include <cmath>
#include <numeric>
#include <vector>

namespace seep {

namespace {

constexpr std::size_t least_points = 8;
/// Load and time share more than this much of their variance: their coefficients are arbitrary.
constexpr double most_shared = 0.98;
constexpr double most_correlation = 0.95;

std::vector<double> centred(std::span<const double> values) {
    const double mean =
        std::accumulate(values.begin(), values.end(), 0.0) / static_cast<double>(values.size());
    std::vector<double> result;
    for (const double value : values) result.push_back(value - mean);
    return result;
}

double product(std::span<const double> a, std::span<const double> b) {
    return std::inner_product(a.begin(), a.end(), b.begin(), 0.0);
}

double mean_of(std::span<const double> values) {
    return std::accumulate(values.begin(), values.end(), 0.0) / static_cast<double>(values.size());
}

}  // namespace

std::optional<LoadFit> fit_load(std::span<const double> seconds, std::span<const double> load,
                                std::span<const double> y) {
    if (seconds.size() < least_points) return std::nullopt;
    const std::vector<double> t = centred(seconds);
    const std::vector<double> x = centred(load);
    const std::vector<double> z = centred(y);
    const double tt = product(t, t);
    const double xx = product(x, x);
    const double tx = product(t, x);
    const double determinant = tt * xx - tx * tx;
    if (tt <= 0 || xx <= 0 || determinant <= (1 - most_shared) * tt * xx) return std::nullopt;

    LoadFit fit;
    fit.per_load.value = (product(x, z) * tt - product(t, z) * tx) / determinant;
    fit.per_second.value = (product(t, z) * xx - product(x, z) * tx) / determinant;
    fit.constant =
        mean_of(y) - fit.per_load.value * mean_of(load) - fit.per_second.value * mean_of(seconds);

    std::vector<double> residuals;
    for (std::size_t i = 0; i < z.size(); ++i)
        residuals.push_back(z[i] - fit.per_load.value * x[i] - fit.per_second.value * t[i]);
    const double squares = product(residuals, residuals);
    const std::span<const double> all(residuals);
    const double lagged = product(all.first(all.size() - 1), all.last(all.size() - 1));
    const double r = squares > 0 ? std::clamp(lagged / squares, 0.0, most_correlation) : 0;
    const double variance =
        squares / static_cast<double>(z.size() - 3) * (1 + r) / (1 - r) / determinant;
    fit.per_load.error = std::sqrt(variance * tt);
    fit.per_second.error = std::sqrt(variance * xx);
    return fit;
}

}  // namespace seep
