// SPDX-License-Identifier: GPL-2.0-only
#include "analysis/time_to_limit.h"

#include <gtest/gtest.h>

namespace seep {
namespace {

constexpr Room group{MemoryLimit::cgroup, 1000, 600};

ProcessSample in_group(std::uint64_t limit, std::uint64_t current, std::uint64_t inactive_file) {
    ProcessSample sample;
    sample.cgroup_limit = limit;
    sample.cgroup_current = current;
    sample.cgroup_inactive_file = inactive_file;
    return sample;
}

TEST(TimeToLimit, HasBothEnds) {
    const TimeToLimit time = time_to_limit(group, {10, 8, 20, 0});
    EXPECT_DOUBLE_EQ(*time.earliest, 20);
    EXPECT_DOUBLE_EQ(*time.expected, 40);
    EXPECT_DOUBLE_EQ(*time.latest, 50);
}

TEST(TimeToLimit, IsNeverWhereTheLowerEndIsNotAboveZero) {
    const TimeToLimit time = time_to_limit(group, {10, 0, 20, 0});
    EXPECT_TRUE(time.earliest);
    EXPECT_FALSE(time.latest);
    EXPECT_FALSE(time_to_limit(group, {-3, -4, -2, 0}).earliest);
}

TEST(TimeToLimit, IsNowWhereItIsReached) {
    EXPECT_DOUBLE_EQ(*time_to_limit({MemoryLimit::cgroup, 1000, 1100}, {10, 8, 20, 0}).expected, 0);
}

TEST(TimeToLimit, IsUnknownWithoutALimit) {
    EXPECT_EQ(least_room({}).kind, MemoryLimit::unknown);
    EXPECT_FALSE(time_to_limit(least_room({}), {10, 8, 20, 0}).earliest);
}

TEST(LeastRoom, IsOfTheTightestControlGroup) {
    SnapshotRecord snapshot;
    snapshot.processes = {in_group(5000, 1000, 0), in_group(2000, 1500, 400),
                          in_group(9000, 8200, 10'000), in_group(100, 100, 0)};
    snapshot.processes.back().alive = false;
    const Room room = least_room(snapshot);
    EXPECT_EQ(room.kind, MemoryLimit::cgroup);
    EXPECT_EQ(room.limit, 2000);
    EXPECT_EQ(room.used, 1100);
    snapshot.processes[1].cgroup_inactive_file.reset();
    EXPECT_EQ(least_room(snapshot).left(), 500);
}

TEST(LeastRoom, IsTheHostsWhereThatEndsSooner) {
    SnapshotRecord snapshot;
    snapshot.host = HostMemory{10'000, 600, 2000, 300};
    const Room alone = least_room(snapshot);
    EXPECT_EQ(alone.kind, MemoryLimit::host);
    EXPECT_EQ(alone.limit, 12'000);
    EXPECT_EQ(alone.left(), 900);
    snapshot.processes = {in_group(2000, 1000, 0)};
    EXPECT_EQ(least_room(snapshot).kind, MemoryLimit::host);
    snapshot.processes = {in_group(2000, 1101, 0)};
    EXPECT_EQ(least_room(snapshot).kind, MemoryLimit::cgroup);
}

}  // namespace
}  // namespace seep
