// SPDX-License-Identifier: GPL-2.0-only
// The slope against scipy, the troughs against hand-made series.

#include "analysis/growth.h"

#include <gmock/gmock.h>

namespace seep {
namespace {

using ::testing::ElementsAre;

struct SlopeCase {
    const char* name;
    std::vector<double> x;
    std::vector<double> y;
    double median, low, high;
};

class TheilSen : public ::testing::TestWithParam<SlopeCase> {};

TEST_P(TheilSen, AgreesWithScipy) {
    const SlopeCase& test = GetParam();
    std::vector<Point> points;
    for (std::size_t i = 0; i < test.x.size(); ++i) points.push_back({test.x[i], test.y[i]});
    const std::optional<Slope> slope = theil_sen(points);
    ASSERT_TRUE(slope);
    EXPECT_DOUBLE_EQ(slope->median, test.median);
    EXPECT_DOUBLE_EQ(slope->low, test.low);
    EXPECT_DOUBLE_EQ(slope->high, test.high);
}

// Computed by scipy 1.10.1 (Debian's python3-scipy): scipy.stats.theilslopes(y, x, 0.95).
INSTANTIATE_TEST_SUITE_P(
    Growth, TheilSen,
    ::testing::Values(
        SlopeCase{"rising with noise",
                  {0, 1, 2, 3, 4, 5, 6, 7},
                  {3, 5, 4, 8, 9, 8, 13, 15},
                  1.6666666666666667,
                  1.0,
                  2.2},
        SlopeCase{"flat with ties",
                  {0, 1, 2, 3, 4, 5, 6, 7},
                  {5, 5, 7, 5, 6, 5, 7, 5},
                  0.0,
                  -0.3333333333333333,
                  0.4},
        SlopeCase{"falling",
                  {0.5, 1.5, 2.5, 3.5, 4.5, 5.5, 6.5, 7.5},
                  {90, 85, 86, 70, 66, 65, 40, 41},
                  -7.125,
                  -10.0,
                  -4.0},
        SlopeCase{"one outlier", {0, 1, 2, 3, 4}, {1, 2, 900, 4, 5}, 1.0, -896.0, 898.0},
        SlopeCase{"uneven x",
                  {1, 2, 4, 8, 16, 32, 64},
                  {10, 13, 11, 25, 24, 60, 118},
                  1.6935483870967742,
                  0.7857142857142857,
                  2.142857142857143},
        SlopeCase{"ties in x", {1, 1, 2, 2, 3, 3, 4}, {1, 2, 2, 4, 4, 5, 9}, 2.0, 1.0, 3.5}),
    [](const auto& test) {
        std::string name = test.param.name;
        std::ranges::replace(name, ' ', '_');
        return name;
    });

TEST(Growth, OnePlaceHasNoSlope) {
    EXPECT_FALSE(theil_sen({}));
    EXPECT_FALSE(theil_sen(std::vector<Point>{{1, 1}, {1, 2}}));
}

/// One snapshot a second.
std::vector<SnapshotRecord> every_second(std::size_t count) {
    std::vector<SnapshotRecord> snapshots(count);
    for (std::size_t i = 0; i < count; ++i)
        snapshots[i].time_ns = static_cast<std::int64_t>(i) * 1'000'000'000;
    return snapshots;
}

LiveSeries series_of(const std::vector<std::uint64_t>& live) {
    LiveSeries series;
    for (std::size_t i = 0; i < live.size(); ++i) series.push_back({i, live[i], live[i]});
    return series;
}

std::vector<double> values(const std::vector<Point>& points) {
    std::vector<double> result;
    for (const Point& point : points) result.push_back(point.y);
    return result;
}

TEST(Growth, EightSnapshotsGiveATroughEach) {
    const auto points = troughs(series_of({3, 1, 4, 1, 5, 9, 2, 6}), every_second(8), {0, 7});
    EXPECT_THAT(values(points), ElementsAre(3, 1, 4, 1, 5, 9, 2, 6));
    for (std::size_t i = 0; i < 8; ++i) EXPECT_DOUBLE_EQ(points[i].x, static_cast<double>(i));
}

TEST(Growth, ATroughIsTheLeastOfItsSpan) {
    std::vector<std::uint64_t> live;
    for (std::uint64_t i = 0; i < 80; ++i)
        live.push_back(1000 + i / 10 * 10 + (i % 10 == 4 ? 0 : 500));
    EXPECT_THAT(values(troughs(series_of(live), every_second(80), {0, 79})),
                ElementsAre(1000, 1010, 1020, 1030, 1040, 1050, 1060, 1070));
}

TEST(Growth, AStackWithoutARowKeepsItsValue) {
    const LiveSeries series{{0, 10, 10}, {40, 70, 70}, {60, 20, 20}};
    EXPECT_THAT(values(troughs(series, every_second(81), {0, 80})),
                ElementsAre(10, 10, 10, 10, 70, 70, 20, 20));
}

TEST(Growth, AStackThatAppearsLateWasNothingBefore) {
    EXPECT_THAT(values(troughs({{45, 70, 70}}, every_second(81), {0, 80})),
                ElementsAre(0, 0, 0, 0, 0, 70, 70, 70));
}

TEST(Growth, MergedMinimaCountExceptBeforeTheWindow) {
    const LiveSeries series{{20, 50, 5}, {45, 60, 30}};
    EXPECT_THAT(values(troughs(series, every_second(101), {20, 100})),
                ElementsAre(50, 50, 30, 60, 60, 60, 60, 60));
}

TEST(Growth, ASpanWithoutASnapshotHasNoTrough) {
    std::vector<SnapshotRecord> snapshots = every_second(9);
    for (std::size_t i = 1; i < 9; ++i) snapshots[i].time_ns += 100'000'000'000;
    const auto points = troughs(series_of({1, 2, 3, 4, 5, 6, 7, 8, 9}), snapshots, {0, 8});
    EXPECT_THAT(values(points), ElementsAre(1, 2));
    EXPECT_FALSE(
        estimate_growth(series_of({1, 2, 3, 4, 5, 6, 7, 8, 9}), snapshots, {0, 8}).estimated);
}

TEST(Growth, ALeakUnderASawtoothIsFoundExactly) {
    std::vector<std::uint64_t> live;
    for (std::uint64_t i = 0; i < 801; ++i) live.push_back(100 * i + (i % 10) * 5000);
    const GrowthEstimate estimate = estimate_growth(series_of(live), every_second(801), {0, 800});
    EXPECT_TRUE(estimate.estimated);
    EXPECT_EQ(estimate.growth.bytes, 80'000);
    EXPECT_DOUBLE_EQ(estimate.growth.bytes_per_second, 100);
    EXPECT_DOUBLE_EQ(estimate.growth.low, 100);
    EXPECT_DOUBLE_EQ(estimate.growth.high, 100);
}

TEST(Growth, UnevenRisesHaveAStandardError) {
    EXPECT_EQ(rise_standard_error(std::vector<Point>{{0, 0}, {1, 2}, {2, 4}, {3, 6}}), 0);
    // Rises of 1, 3, 1 and 3 in 2 s each: 1 a second, with squares of 1 that sum up to 4.
    EXPECT_DOUBLE_EQ(
        rise_standard_error(std::vector<Point>{{0, 0}, {2, 1}, {4, 4}, {6, 5}, {8, 8}}),
        std::sqrt(4.0 * 4 / 3) / 8);
    EXPECT_EQ(rise_standard_error(std::vector<Point>{{0, 0}, {1, 2}}), 0);
}

TEST(Growth, AnIntervalThatIsWidenedByAShareStaysAboveZero) {
    Growth growth{.bytes_per_second = 100, .low = 100, .high = 100};
    widen_by_share(0.5, growth);
    EXPECT_NEAR(growth.low, 100 * std::exp(-1.96 * 0.5), 0.01);
    EXPECT_NEAR(growth.high, 100 * std::exp(1.96 * 0.5), 0.01);
    widen_by_share(0, growth);
    EXPECT_NEAR(growth.low, 100 * std::exp(-1.96 * 0.5), 0.01);
}

TEST(Growth, FewSnapshotsGiveThePlainRateAlone) {
    const GrowthEstimate estimate =
        estimate_growth(series_of({100, 90, 80, 70, 60, 50, 40}), every_second(7), {0, 6});
    EXPECT_FALSE(estimate.estimated);
    EXPECT_EQ(estimate.growth.bytes, -60);
    EXPECT_DOUBLE_EQ(estimate.growth.low, -10);
    EXPECT_DOUBLE_EQ(estimate.growth.high, -10);
}

TEST(Growth, OneSnapshotHasNoRate) {
    const GrowthEstimate estimate = estimate_growth(series_of({100}), every_second(1), {0, 0});
    EXPECT_EQ(estimate.growth.bytes, 0);
    EXPECT_EQ(estimate.growth.bytes_per_second, 0);
}

TEST(Growth, SeriesAddUpAsStepFunctions) {
    const LiveSeries a{{0, 10, 10}, {2, 30, 5}, {5, 0, 0}};
    const LiveSeries b{{1, 100, 100}, {2, 50, 40}};
    EXPECT_THAT(sum_series({&a, &b}), ElementsAre(LivePoint{0, 10, 10}, LivePoint{1, 110, 110},
                                                  LivePoint{2, 80, 45}, LivePoint{5, 50, 50}));
}

}  // namespace
}  // namespace seep
