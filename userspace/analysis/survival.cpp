// SPDX-License-Identifier: GPL-2.0-only
#include "analysis/survival.h"

#include <algorithm>
#include <cmath>

#include "analysis/normal.h"

namespace seep {

namespace {

constexpr double error_rate = 0.05;
/// Beyond it, few blocks were born early enough to be seen at that age.
constexpr double well_observed = 0.75;
/// From where on in the observation a lifetime counts as a long one, at most.
constexpr double late = 0.25;

/// The end of a bin of lifetimes in seconds (bpf/wire.h); the next one starts there.
double bin_end(std::size_t bin) {
    return std::ldexp(1e-6, static_cast<int>(bin));
}
/// Births as a broken line, and the area under it: its mean over a bin is a difference of areas.
class BirthLine {
 public:
    explicit BirthLine(const Births& births) : births_(&births) {
        area_.push_back(0);
        for (std::size_t i = 1; i < births.time.size(); ++i)
            area_.push_back(area_.back() + (births.count[i] + births.count[i - 1]) / 2 *
                                               (births.time[i] - births.time[i - 1]));
    }

    /// Mean number of births until a moment from `from` to `to`, which are within the line or
    /// before it, where there were none.
    [[nodiscard]] double mean(double from, double to) const {
        return to > from ? (area(to) - area(from)) / (to - from) : 0;
    }

 private:
    [[nodiscard]] double area(double time) const {
        const std::vector<double>& times = births_->time;
        const std::vector<double>& counts = births_->count;
        if (time <= times.front()) return 0;
        const auto after = std::ranges::lower_bound(times, time);
        if (after == times.end()) return area_.back();
        const auto i = static_cast<std::size_t>(after - times.begin());
        const double into = time - times[i - 1];
        const double slope = (counts[i] - counts[i - 1]) / (times[i] - times[i - 1]);
        return area_[i - 1] + into * (counts[i - 1] + slope * into / 2);
    }

    const Births* births_;
    std::vector<double> area_;
};

}  // namespace

double bin_start(std::size_t bin) {
    return bin == 0 ? 0 : bin_end(bin - 1);
}

double seconds_lived(const Lifetimes& lifetimes) {
    double sum = 0;
    for (std::size_t bin = 0; bin < lifetimes.size(); ++bin)
        sum += static_cast<double>(lifetimes[bin]) * mean_of_bin * bin_start(bin);
    return sum;
}

std::vector<SurvivalPoint> product_limit(std::span<const RiskSet> sets) {
    std::vector<SurvivalPoint> points;
    points.reserve(sets.size());
    double share = 1;
    double sum = 0;
    for (const RiskSet& set : sets) {
        if (set.deaths >= set.at_risk) {
            if (set.deaths > 0) share = 0;
        } else {
            share *= 1 - set.deaths / set.at_risk;
            sum += set.deaths / (set.at_risk * (set.at_risk - set.deaths));
        }
        points.push_back({.age = set.age, .share = share, .variance = share * share * sum});
    }
    return points;
}

Survival survival_interval(const SurvivalPoint& point, double observed) {
    Survival result{.age_seconds = point.age, .share = point.share, .low = 0, .high = 1};
    const double bound = std::pow(error_rate, 1 / std::max(observed, 1.0));
    if (point.share >= 1) {
        result.low = bound;
    } else if (point.share <= 0) {
        result.high = 1 - bound;
    } else {
        const double log_share = std::log(point.share);
        const double width = z_95 * std::sqrt(point.variance) / (point.share * std::abs(log_share));
        result.low = std::exp(log_share * std::exp(width));
        result.high = std::exp(log_share * std::exp(-width));
    }
    return result;
}

std::vector<RiskSet> risk_sets(const Lifetimes& lifetimes, const Births& births, double weight) {
    std::vector<RiskSet> sets;
    if (births.time.empty()) return sets;
    const BirthLine line(births);
    const double end = births.time.back();
    double share = 1;
    for (std::size_t bin = 0; bin < lifetimes.size() && bin_start(bin) < end; ++bin) {
        const double exposed =
            line.mean(end - std::min(bin_end(bin), end), end - bin_start(bin)) / weight;
        const RiskSet set{.age = bin_end(bin),
                          .at_risk = exposed * share,
                          .deaths = static_cast<double>(lifetimes[bin]) / weight};
        sets.push_back(set);
        share = set.deaths < set.at_risk ? share * (1 - set.deaths / set.at_risk)
                : set.deaths > 0         ? 0
                                         : share;
    }
    return sets;
}

std::vector<Survival> survival_curve(const Lifetimes& lifetimes, const Births& births,
                                     double weight) {
    if (births.time.empty()) return {};
    const BirthLine line(births);
    const double end = births.time.back();
    std::vector<RiskSet> sets = risk_sets(lifetimes, births, weight);
    std::erase_if(sets, [&](const RiskSet& set) { return set.age > well_observed * end; });
    std::vector<Survival> curve;
    for (const SurvivalPoint& point : product_limit(sets)) {
        const double observed = line.mean(0, end - point.age) / weight;
        if (observed < 1) break;  // the older, the fewer
        curve.push_back(survival_interval(point, observed));
    }
    return curve;
}

std::optional<Survival> observed_survival(const Lifetimes& lifetimes, const Births& births,
                                          double weight) {
    const std::vector<Survival> curve = survival_curve(lifetimes, births, weight);
    if (curve.empty() || 2 * curve.back().age_seconds <= well_observed * births.time.back())
        return std::nullopt;
    return curve.back();
}

std::optional<double> late_mortality(const Lifetimes& lifetimes, double seconds,
                                     double live_count) {
    double deaths = 0;
    for (std::size_t bin = 0; bin < lifetimes.size(); ++bin)
        if (bin_end(bin) > late * seconds) deaths += static_cast<double>(lifetimes[bin]);
    if (deaths + live_count <= 0) return std::nullopt;
    return deaths / (deaths + live_count);
}

}  // namespace seep
