// SPDX-License-Identifier: GPL-2.0-only
#pragma once

// How long blocks live, and which share of them never dies. Pure functions, thread-safe.
//
// product_limit() is the estimator of E. L. Kaplan and P. Meier, "Nonparametric estimation from
// incomplete observations", J. Am. Stat. Assoc. 53 (1958), with the variance of M. Greenwood, "The
// natural duration of cancer", Reports on Public Health and Medical Subjects 33 (1926).
//
// What a recording has is less than that estimator wants: lifetimes in bins, and of what is live no
// ages but their mean. It has the times of all births instead, and a block can only be censored by
// the window's end. So at age a exactly the blocks born before T - a could have been seen to die,
// and of them the share S(a) is at risk:
//
//     births |####################|          at risk at age a: B(T - a) * S(a)
//            0              T - a  T         dying from a to b: S(a) - S(b) = deaths / mean B(T -
//            x)
//
// which is the product limit with expected instead of counted risk sets. It assumes that blocks
// born early and late live equally long. (Weighting by a known censoring: J. M. Robins and A.
// Rotnitzky, "Recovery of information and adjustment for dependent censoring using surrogate
// markers", AIDS Epidemiology, 1992. The mean over a bin is the life table's actuarial
// convention.)

#include <optional>
#include <span>
#include <vector>

#include "analysis/report.h"
#include "analysis/series.h"
#include "drain/snapshot.h"

namespace seep {

/// Deaths at (or, of a bin, up to) an age, of so many that were alive before.
struct RiskSet {
    double age = 0;
    double at_risk = 0;
    double deaths = 0;
};

struct SurvivalPoint {
    double age = 0;
    double share = 1;     ///< That outlives it.
    double variance = 0;  ///< Greenwood's, of the share.
};

/// One point for each risk set, which ascend by age. 0 from where all at risk died.
std::vector<SurvivalPoint> product_limit(std::span<const RiskSet> sets);

/// The 95 % interval by the log-log transform, which stays within 0 and 1 (J. D. Kalbfleisch and R.
/// L. Prentice, "The Statistical Analysis of Failure Time Data", 1980). Where none or all died
/// there is no variance, and the bound is the one that `observed` such outcomes allow:
/// 0.05^(1/observed).
Survival survival_interval(const SurvivalPoint& point, double observed);

/// A stack's blocks until a moment, in seconds since it came to be traced.
struct Births {
    std::vector<double> time;   ///< Ascending.
    std::vector<double> count;  ///< Allocations until then.
};

/// Where a bin of lifetimes begins, in seconds.
double bin_start(std::size_t bin);

/// Mean of a bin's lifetimes over its beginning, if their logarithms are spread evenly over it: its
/// end is at twice that.
inline constexpr double mean_of_bin = 1.4427;
/// What all lifetimes come to together, in seconds, about.
double seconds_lived(const Lifetimes& lifetimes);

/// Deaths and risk sets of each bin of lifetimes that begins before the end of the observation,
/// which is births.time.back(). `weight`: allocations that a followed one stands for; 1 if exact.
std::vector<RiskSet> risk_sets(const Lifetimes& lifetimes, const Births& births, double weight);

/// Survival at the bins' ends within three quarters of the observation, as far as anything was born
/// early enough.
std::vector<Survival> survival_curve(const Lifetimes& lifetimes, const Births& births,
                                     double weight);

/// At the greatest age of that curve, if it gets to the last such bin.
std::optional<Survival> observed_survival(const Lifetimes& lifetimes, const Births& births,
                                          double weight);

/// Of the blocks known to have lived for an eighth to a quarter of the observation, the share that
/// was freed since: deaths / (deaths + live). What dies in flight is not among them. Empty if there
/// are none.
std::optional<double> late_mortality(const Lifetimes& lifetimes, double seconds, double live_count);

}  // namespace seep
