// SPDX-License-Identifier: GPL-2.0-only
// The kernel side's sampling arithmetic, compiled natively, against floating point.

#include <gtest/gtest.h>

#include <algorithm>
#include <cmath>
#include <cstdint>
#include <random>
#include <vector>

namespace {

using u32 = std::uint32_t;
using u64 = std::uint64_t;

#pragma push_macro("__always_inline")
#undef __always_inline
#define __always_inline inline
#pragma GCC diagnostic push
#pragma GCC diagnostic ignored "-Wold-style-cast"  // it is C
#include "bpf/sampling.bpf.h"
#pragma GCC diagnostic pop
#pragma pop_macro("__always_inline")

constexpr double fixed_16 = 65536.0;
constexpr double fixed_32 = 4294967296.0;

double exact_weight(double bytes, double mean) {
    return 1 / -std::expm1(-bytes / mean);
}

TEST(Sampling, ExponentialFollowsTheLogarithm) {
    for (u64 random = 0; random <= 0xffffffff; random += 65521) {
        const double expected = -std::log((static_cast<double>(random) + 1) / fixed_32);
        const double actual =
            static_cast<double>(exponential_from(static_cast<u32>(random))) / fixed_16;
        // One unit of 16.16, and the interpolation's 4e-6.
        ASSERT_NEAR(actual, expected, 1.5 / fixed_16 + 4e-6 * expected) << random;
    }
    EXPECT_NEAR(static_cast<double>(exponential_from(0)) / fixed_16, 32 * std::log(2), 1e-4);
    EXPECT_LE(exponential_from(0xffffffff), 1U);
}

TEST(Sampling, ExponentialHasMeanOneAndVarianceOne) {
    std::mt19937 random(20261120);
    double sum = 0;
    double squares = 0;
    constexpr int draws = 4'000'000;
    for (int i = 0; i < draws; ++i) {
        const double gap =
            static_cast<double>(exponential_from(static_cast<u32>(random()))) / fixed_16;
        sum += gap;
        squares += gap * gap;
    }
    const double mean = sum / draws;
    EXPECT_NEAR(mean, 1, 4 / std::sqrt(draws));
    EXPECT_NEAR(squares / draws - mean * mean, 1, 0.01);
}

TEST(Sampling, ExponentialFunctionIsExactToAFewParts) {
    for (double x = 0.001; x < 30; x *= 1.01) {
        const double actual =
            static_cast<double>(exp_of_minus(static_cast<u64>(x * fixed_32))) / fixed_32;
        ASSERT_NEAR(actual, std::exp(-x), 4e-6 * std::exp(-x) + 2 / fixed_32) << x;
    }
}

TEST(Sampling, WeightIsTheInverseOfTheInclusionProbability) {
    for (const u64 mean : {1ULL, 100ULL, 4096ULL, 524288ULL, 1ULL << 30}) {
        for (double bytes = 1; bytes < 1e13; bytes = std::ceil(bytes * 1.13)) {
            const double expected = exact_weight(bytes, static_cast<double>(mean));
            const double actual =
                static_cast<double>(sampling_weight(static_cast<u64>(bytes), mean)) / fixed_32;
            ASSERT_NEAR(actual / expected, 1, 5e-5) << bytes << " of " << mean;
        }
    }
}

TEST(Sampling, NothingWeighsLessThanItselfAndNoBytesWeighAsOne) {
    EXPECT_EQ(sampling_weight(u64{1} << 40, 4096), WEIGHT_ONE);
    EXPECT_EQ(sampling_weight(0, 4096), sampling_weight(1, 4096));
    for (u64 bytes = 1; bytes < 400'000; bytes += 97)
        ASSERT_GE(sampling_weight(bytes, 4096), WEIGHT_ONE);
}

TEST(Sampling, WeightedAmountsDoNotOverflow) {
    EXPECT_EQ(weighted(100, WEIGHT_ONE), 100U);
    EXPECT_EQ(weighted(u64{1} << 42, WEIGHT_ONE), u64{1} << 42);
    EXPECT_EQ(weighted(3, WEIGHT_ONE / 2 * 5), 7U);
    for (double bytes = 1; bytes < 4e12; bytes *= 3) {
        const u64 mean = 524288;
        const u64 weight = sampling_weight(static_cast<u64>(bytes), mean);
        const double expected = std::floor(bytes) * (static_cast<double>(weight) / fixed_32);
        ASSERT_NEAR(static_cast<double>(weighted(static_cast<u64>(bytes), weight)), expected,
                    1 + 1e-4 * expected);
    }
}

TEST(Sampling, VarianceIsThatOfHorvitzAndThompson) {
    EXPECT_EQ(variance_in_256ths(123'456, WEIGHT_ONE), 0U);
    for (const u64 mean : {1024ULL, 65536ULL, 524288ULL, 1ULL << 30}) {
        // Beyond 4 GiB, weighted() has 16 bits of the fraction.
        const double end = std::min(8 * static_cast<double>(mean), fixed_32);
        for (double bytes = 1; bytes < end; bytes = std::ceil(bytes * 1.7)) {
            const double weight = exact_weight(bytes, static_cast<double>(mean));
            const double expected = bytes * bytes * weight * (weight - 1) / 256;
            const auto actual = static_cast<double>(variance_in_256ths(
                static_cast<u64>(bytes), sampling_weight(static_cast<u64>(bytes), mean)));
            // The sum that a block stands for is whole bytes.
            ASSERT_NEAR(actual, expected,
                        1 + expected * (2e-4 + 2 / (bytes * weight)) + bytes / 128)
                << bytes << " of " << mean;
        }
    }
}

struct Estimate {
    double bytes = 0;
    double variance = 0;
};

/// One thread's allocations through the whole sampler, as sample() of the header runs it.
Estimate estimate(std::mt19937& random, const std::vector<u64>& sizes, u64 mean) {
    const auto draw = [&] {
        return static_cast<std::int64_t>((mean * exponential_from(static_cast<u32>(random()))) >>
                                         16);
    };
    std::int64_t gap = draw();
    Estimate sum;
    for (const u64 bytes : sizes) {
        gap -= static_cast<std::int64_t>(bytes);
        if (gap > 0) continue;
        gap = draw();
        const u64 weight = sampling_weight(bytes, mean);
        sum.bytes += static_cast<double>(weighted(bytes, weight));
        sum.variance += 256 * static_cast<double>(variance_in_256ths(bytes, weight));
    }
    return sum;
}

/// So many of a size that both the sampled and the others are some 200: then three standard errors
/// mean what they mean for a normal distribution.
std::vector<u64> enough_of(u64 bytes, u64 mean) {
    const double sampled = 1 / exact_weight(static_cast<double>(bytes), static_cast<double>(mean));
    return std::vector<u64>(static_cast<std::size_t>(200 / std::min(sampled, 1 - sampled)), bytes);
}

/// In 400 recordings of such allocations: the truth is within three of the standard errors that
/// each of them tells, in 99 of 100, and what they tell is right on average.
void check_estimates(const std::vector<u64>& sizes, u64 mean, std::mt19937& random) {
    double truth = 0;
    double variance = 0;
    for (const u64 size : sizes) {
        const auto bytes = static_cast<double>(size);
        truth += bytes;
        variance += bytes * bytes * (exact_weight(bytes, static_cast<double>(mean)) - 1);
    }
    int outside = 0;
    Estimate total;
    constexpr int runs = 400;
    for (int run = 0; run < runs; ++run) {
        const Estimate one = estimate(random, sizes, mean);
        total.bytes += one.bytes;
        total.variance += one.variance;
        if (std::abs(one.bytes - truth) > 3 * std::sqrt(one.variance)) ++outside;
    }
    EXPECT_LE(outside, runs / 100);
    EXPECT_NEAR(total.bytes / runs, truth, 4 * std::sqrt(variance / runs));
    EXPECT_NEAR(total.variance / runs, variance, 0.05 * variance);
}

TEST(Sampling, EstimatesAreWithinThreeStandardErrorsInNinetyNineOfAHundredRuns) {
    std::mt19937 random(42);
    constexpr u64 mean = 65536;
    std::vector<u64> mixed;
    for (const u64 bytes : {16ULL, 1000ULL, 65536ULL, 300000ULL}) {
        SCOPED_TRACE(bytes);
        const std::vector<u64> sizes = enough_of(bytes, mean);
        check_estimates(sizes, mean, random);
        mixed.insert(mixed.end(), sizes.begin(), sizes.end());
    }
    SCOPED_TRACE("all of them, in any order");
    std::shuffle(mixed.begin(), mixed.end(), random);
    check_estimates(mixed, mean, random);
}

}  // namespace
