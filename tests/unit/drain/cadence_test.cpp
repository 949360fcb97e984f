// SPDX-License-Identifier: GPL-2.0-only
#include "drain/cadence.h"

#include <gtest/gtest.h>

#include <vector>

namespace seep {
namespace {

using namespace std::chrono_literals;
using Duration = Cadence::Duration;

/// The times of the snapshots that there are at `end`.
std::vector<Duration> snapshots_until(Duration end, Cadence cadence) {
    std::vector<Duration> kept{Duration(0)};
    for (Duration now = cadence.between(); now <= end; now += cadence.between()) {
        kept.push_back(now);
        if (!cadence.add()) continue;
        std::vector<Duration> rest;
        for (std::size_t i = 0; i < kept.size(); i += 2) rest.push_back(kept[i]);
        EXPECT_EQ(rest.back(), now);
        kept = rest;
    }
    return kept;
}

void expect_even(const std::vector<Duration>& times) {
    for (std::size_t i = 2; i < times.size(); ++i)
        EXPECT_EQ(times[i] - times[i - 1], times[1] - times[0]);
}

TEST(Cadence, AYoungRecordingHasSnapshotsEnoughForATrend) {
    for (Duration end = 25s; end < 1h; end += 1s) {
        const auto times = snapshots_until(end, Cadence(10s, Duration(0)));
        EXPECT_GE(times.size(), 17u) << end.count();
        expect_even(times);
    }
    EXPECT_EQ(snapshots_until(1h, Cadence(10s, Duration(0))).size(), 361u);
}

TEST(Cadence, OfAKnownLengthNoneGoes) {
    for (const Duration length : {3s, 12s, 30s}) {
        const auto times = snapshots_until(length, Cadence(10s, length));
        EXPECT_EQ(times.size(), 31u);
        expect_even(times);
    }
    EXPECT_EQ(Cadence(10s, 1s).between(), Duration(100ms));
    EXPECT_EQ(Cadence(1s, Duration(0)).between(), Duration(1s));
}

TEST(Cadence, WhatWasAskedForIsKept) {
    Cadence cadence(2s);
    for (int i = 0; i < 1000; ++i) EXPECT_FALSE(cadence.add());
    EXPECT_EQ(cadence.between(), Duration(2s));
}

}  // namespace
}  // namespace seep
