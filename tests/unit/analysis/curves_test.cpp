// SPDX-License-Identifier: GPL-2.0-only
#include "analysis/curves.h"

#include <gmock/gmock.h>

namespace seep {
namespace {

using testing::ElementsAre;
using testing::FieldsAre;

std::vector<SnapshotRecord> every_second(std::size_t count) {
    std::vector<SnapshotRecord> snapshots(count);
    for (std::size_t i = 0; i < count; ++i)
        snapshots[i].time_ns = static_cast<std::int64_t>(i) * 1'000'000'000;
    return snapshots;
}

LivePoint live(std::size_t snapshot, std::uint64_t bytes) {
    LivePoint point;
    point.snapshot = snapshot;
    point.live = bytes;
    return point;
}

TEST(LiveCurve, IsLevelWhereNothingChangedAndALineWhereItDid) {
    EXPECT_THAT(live_curve({live(2, 10), live(3, 5), live(7, 9)}, every_second(10), {0, 9}, 100),
                ElementsAre(FieldsAre(0, 0), FieldsAre(1, 0), FieldsAre(2, 10), FieldsAre(3, 5),
                            FieldsAre(6, 5), FieldsAre(7, 9), FieldsAre(9, 9)));
}

TEST(LiveCurve, IsOfTheWindow) {
    EXPECT_THAT(live_curve({live(2, 10), live(5, 7), live(9, 1)}, every_second(10), {4, 7}, 100),
                ElementsAre(FieldsAre(0, 10), FieldsAre(1, 7), FieldsAre(3, 7)));
    EXPECT_THAT(live_curve({live(2, 10)}, every_second(3), {2, 2}, 100),
                ElementsAre(FieldsAre(0, 10)));
}

TEST(LiveCurve, KeepsExtremesWhenThinned) {
    constexpr std::size_t snapshots = 10'000;
    LiveSeries series;
    for (std::size_t i = 0; i < snapshots; ++i) series.push_back(live(i, 100 + i % 7));
    series[1234].live = 1'000'000;
    series[8765].live = 1;
    const auto curve = live_curve(series, every_second(snapshots), {0, snapshots - 1}, 50);
    EXPECT_LE(curve.size(), 52U);
    EXPECT_GE(curve.size(), 26U);
    EXPECT_THAT(curve, testing::Contains(FieldsAre(1234, 1'000'000)));
    EXPECT_THAT(curve, testing::Contains(FieldsAre(8765, 1)));
    EXPECT_THAT(curve.front(), FieldsAre(0, 100));
    EXPECT_THAT(curve.back(), FieldsAre(snapshots - 1, 100 + (snapshots - 1) % 7));
    EXPECT_TRUE(std::ranges::is_sorted(curve, {}, &CurvePoint::seconds));
}

TEST(MemoryOverTime, SumsWhatLivesAndLeavesOutTheEnd) {
    RecordingContents contents;
    contents.snapshots = every_second(3);
    contents.window = {0, 2};
    ProcessSample process;
    process.rss_bytes = 30;
    process.anonymous_bytes = 20;
    contents.snapshots[0].processes = {process, process};
    contents.snapshots[1].processes = {process};
    process.alive = false;
    contents.snapshots[1].processes.push_back(process);
    contents.snapshots[2].processes = {process};
    EXPECT_THAT(memory_over_time(contents, {live(1, 7)}),
                ElementsAre(FieldsAre(0, 60, 40, 0), FieldsAre(1, 30, 20, 7)));
}

TEST(PointsAStack, AreBoundedTogether) {
    EXPECT_EQ(points_a_stack(0), points_a_stack(1));
    EXPECT_GT(points_a_stack(10), points_a_stack(5'000));
    EXPECT_GT(points_a_stack(1'000'000), 16U);
}

}  // namespace
}  // namespace seep
