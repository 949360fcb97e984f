// SPDX-License-Identifier: GPL-2.0-only
#include "analysis/lockstep.h"

#include <gmock/gmock.h>

#include <algorithm>
#include <numeric>

namespace seep {
namespace {

using ::testing::ElementsAre;
using ::testing::IsEmpty;

LockstepStack stack(std::vector<double> steps, const std::vector<std::uint32_t>& callers,
                    double weight = 1) {
    const double blocks = std::accumulate(steps.begin(), steps.end(), 0.0);
    LockstepStack result{.steps = std::move(steps), .callers = {}, .weight = weight};
    result.allocated = blocks;  // none of which is freed
    for (const std::uint32_t caller : callers) result.callers.emplace_back(caller);
    return result;
}

TEST(Lockstep, FreesMayBeSeenLaterOfSomeBlocksOfAnObject) {
    // Entries of a cache: the texts' addresses are given out again sooner.
    LockstepStack entries = stack({1000, 990, 980, 770}, {1, 10, 50, 60, 70});
    LockstepStack texts = stack({1000, 940, 900, 900}, {1, 11, 50, 60, 70});
    for (LockstepStack* each : {&entries, &texts}) {
        each->allocated = 4000;
        each->freed = 260;
    }
    EXPECT_TRUE(lockstep_clusters(std::vector{entries, texts}).empty());
    for (LockstepStack* each : {&entries, &texts}) each->made = {1000, 1000, 1000, 1000};
    EXPECT_EQ(lockstep_clusters(std::vector{entries, texts}).size(), 1);
    texts.freed = 460;
    EXPECT_TRUE(lockstep_clusters(std::vector{entries, texts}).empty()) << "another fate";
    texts.freed = 260;
    texts.made = {1300, 700, 1000, 1000};
    EXPECT_TRUE(lockstep_clusters(std::vector{entries, texts}).empty());
}

TEST(Lockstep, StacksOfOneObjectAreOneCluster) {
    const std::vector<LockstepStack> stacks = {
        stack({100, 120, 80}, {1, 10, 50, 60, 70}), stack({300, 300, 300}, {1, 11, 50, 60, 70}),
        stack({101, 119, 80}, {1, 12, 50, 60, 70}), stack({100, 121, 80}, {2, 13, 51, 60, 70})};
    const auto clusters = lockstep_clusters(std::span(stacks).first(3));
    ASSERT_EQ(clusters.size(), 1U);
    EXPECT_THAT(clusters[0].stacks, ElementsAre(0, 2));
    EXPECT_EQ(clusters[0].common, 3U);
    // Only the thread's first frames in common: another cause.
    EXPECT_EQ(lockstep_clusters(stacks)[0].stacks.size(), 2U);
}

TEST(Lockstep, WhatStartsAThreadIsNoCallerInCommon) {
    std::vector<LockstepStack> stacks = {stack({100, 100}, {1, 10, 50, 60, 70}),
                                         stack({100, 100}, {1, 11, 50, 60, 70})};
    EXPECT_EQ(lockstep_clusters(stacks).size(), 1U);
    for (LockstepStack& each : stacks) each.roots = 3;
    EXPECT_THAT(lockstep_clusters(stacks), IsEmpty());
}

TEST(Lockstep, TheSameSumByAnotherWayIsAnotherCause) {
    const std::vector<LockstepStack> stacks = {stack({100, 100, 100}, {1, 50, 60, 70}),
                                               stack({0, 200, 100}, {2, 50, 60, 70})};
    EXPECT_THAT(lockstep_clusters(stacks), IsEmpty());
}

TEST(Lockstep, BlocksOfOneObjectRiseInProportion) {
    LockstepStack documents = stack({40, 48, 32}, {1, 10, 50, 60, 70});
    LockstepStack nodes = stack({4'010, 4'790, 3'195}, {1, 11, 50, 60, 70});
    EXPECT_THAT(lockstep_clusters(std::vector{documents, nodes})[0].stacks, ElementsAre(0, 1));
    nodes.steps = {4'400, 4'400, 3'200};  // by itself at a rate like that
    EXPECT_THAT(lockstep_clusters(std::vector{documents, nodes}), IsEmpty());
    documents.steps = {16, 18, 14};  // too few to tell
    nodes.steps = {1'600, 1'800, 1'400};
    EXPECT_THAT(lockstep_clusters(std::vector{documents, nodes}), IsEmpty());
}

TEST(Lockstep, OfFewBlocksProportionIsToldAtEachMoment) {
    const std::vector<double> leaked = {0, 3, 1, 0, 0, 2, 4, 0, 1, 0, 0, 5, 0, 1, 2, 1};
    LockstepStack documents = stack(leaked, {1, 10, 50, 60, 70});
    LockstepStack nodes = stack(leaked, {1, 11, 50, 60, 70});
    for (double& step : nodes.steps) step *= 12;
    nodes.steps[1] -= 7;  // torn by a snapshot
    nodes.steps[2] += 7;
    documents.allocated = 2'000;
    documents.freed = documents.allocated - 20;
    nodes.allocated = 24'000;
    nodes.freed = nodes.allocated - 240;
    EXPECT_EQ(lockstep_clusters(std::vector{documents, nodes}).size(), 1U);

    LockstepStack others = nodes;  // as many, by themselves
    std::ranges::reverse(others.steps);
    EXPECT_THAT(lockstep_clusters(std::vector{documents, others}), IsEmpty());
    others = nodes;  // one in 250 of them stays, and one in 100 of the documents
    others.allocated = 60'000;
    others.freed = others.allocated - 240;
    EXPECT_THAT(lockstep_clusters(std::vector{documents, others}), IsEmpty());
}

TEST(Lockstep, WhatIsFreedInOtherSharesIsNoPartOfOneObject) {
    LockstepStack documents = stack({40, 48, 32}, {1, 10, 50, 60, 70});
    LockstepStack nodes = stack({4'000, 4'800, 3'200}, {1, 11, 50, 60, 70});
    documents.allocated = 600;
    documents.freed = 480;
    nodes.allocated = 60'000;
    nodes.freed = 48'000;
    EXPECT_EQ(lockstep_clusters(std::vector{documents, nodes}).size(), 1U);
    nodes.allocated = 24'000;
    nodes.freed = 12'000;
    EXPECT_THAT(lockstep_clusters(std::vector{documents, nodes}), IsEmpty());
}

TEST(Lockstep, WhatIsFreedBesideThoseThatStayIsNoPartOfTheObject) {
    LockstepStack documents = stack({40, 48, 32}, {1, 10, 50, 60, 70});
    LockstepStack lists = stack({40, 48, 32}, {1, 12, 50, 60, 70});
    LockstepStack nodes = stack({200, 240, 160}, {1, 11, 50, 60, 70});
    documents.allocated = 120;
    lists.allocated = 360;  // each is grown twice
    lists.freed = 240;
    nodes.allocated = 600;
    EXPECT_EQ(lockstep_clusters(std::vector{documents, lists, nodes})[0].stacks.size(), 3U);
    EXPECT_EQ(lockstep_clusters(std::vector{lists, documents, nodes})[0].stacks.size(), 3U);
    documents = lists;
    EXPECT_EQ(lockstep_clusters(std::vector{documents, lists, nodes})[0].stacks.size(), 2U);
}

TEST(Lockstep, OfWhatIsMadeTogetherAsManyStay) {
    // One request in 100 forgets one thing, and one in 150 another, as evenly.
    const auto forgotten = [](double each) {
        LockstepStack result = stack(std::vector<double>(16, each), {1, 10, 50, 60, 70});
        result.allocated = 12'000;
        result.freed = result.allocated - 16 * each;
        return result;
    };
    EXPECT_THAT(lockstep_clusters(std::vector{forgotten(7.5), forgotten(5)}), IsEmpty());
    EXPECT_EQ(lockstep_clusters(std::vector{forgotten(7.5), forgotten(7.4)}).size(), 1U);
}

TEST(Lockstep, SampledCountsNeedNotBeEqual) {
    const std::vector<double> a = {10'000, 12'000, 9'000};
    const std::vector<double> b = {11'000, 11'000, 10'000};
    EXPECT_THAT(
        lockstep_clusters(std::vector{stack(a, {1, 50, 60, 70}), stack(b, {2, 50, 60, 70})}),
        IsEmpty());
    EXPECT_EQ(lockstep_clusters(
                  std::vector{stack(a, {1, 50, 60, 70}, 500), stack(b, {2, 50, 60, 70}, 500)})
                  .size(),
              1U);
}

}  // namespace
}  // namespace seep
