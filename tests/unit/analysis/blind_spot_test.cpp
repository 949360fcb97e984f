// SPDX-License-Identifier: GPL-2.0-only
// Frees of blocks from before attach, and which stack's growth they are held against.

#include <gtest/gtest.h>

#include <algorithm>

#include "analysis/ranking.h"
#include "simulated_stack.h"

namespace seep {
namespace {

using Blocks = std::vector<SimulatedBlock>;

constexpr double window_seconds = 60;
constexpr int runs = 20;

std::function<double(double)> constant(double rate) {
    return [rate](double) { return rate; };
}

/// It has done so long before attach.
Blocks steady(double rate, const std::function<double(Random&)>& life, Random& random) {
    Blocks blocks;
    add_blocks(
        blocks,
        {-600, window_seconds, rate, constant(rate), [&](double, Random& r) { return life(r); }},
        random);
    return blocks;
}

Blocks sessions(double mean_life, Random& random) {
    return steady(
        12, [=](Random& r) { return std::exponential_distribution<double>(1 / mean_life)(r); },
        random);
}

Blocks leaked(double rate, Random& random) {
    Blocks blocks;
    add_blocks(blocks,
               {0, window_seconds, rate, constant(rate), [](double, Random&) { return for_ever; }},
               random);
    return blocks;
}

/// How often each group's stack is called a leak.
std::vector<int> leaks(const std::function<std::vector<Blocks>(Random&)>& groups) {
    std::vector<int> counts;
    for (int run = 0; run < runs; ++run) {
        Random random(static_cast<std::uint64_t>(run));
        const RecordingContents contents =
            simulated_contents(groups(random), {window_seconds, 121});
        const Report report = build_report(contents, ReportOptions{});
        counts.resize(report.stacks.size());
        for (const ReportStack& stack : report.stacks)
            if (stack.verdict == Verdict::leak) ++counts.at(stack.frames.at(0).offset - 1);
    }
    return counts;
}

TEST(BlindSpot, ALeakIsToldBesideStacksThatReplaceTheirOwn) {
    // As many old blocks are freed as the leak makes new ones, but it is the sessions that go.
    const auto counts = leaks([](Random& random) {
        return std::vector{leaked(10, random), sessions(100, random), sessions(60, random)};
    });
    EXPECT_EQ(counts.at(0), runs);
    EXPECT_EQ(counts.at(1), 0);
    EXPECT_EQ(counts.at(2), 0);
}

TEST(BlindSpot, WhatSamplingMiscountsAreNoFreesOfOlderBlocks) {
    Random random(1);
    RecordingContents contents = simulated_contents({leaked(10, random)}, {window_seconds, 121});
    const auto verdict = [&] { return build_report(contents, ReportOptions{}).stacks[0].verdict; };
    // 200 frees more than were followed.
    for (std::size_t i = 61; i < contents.snapshots.size(); ++i)
        contents.snapshots[i].processes.front().freed_count += 200;
    EXPECT_EQ(verdict(), Verdict::growing);
    // Of a churn of 10,000 blocks of 32 bytes whose frees in the window's later half are estimates.
    StackHistory churn = contents.stacks.front();
    churn.record.id = StackId(2);
    contents.locations[LocationId(2)] = {LocationId(2), {}, 2, true, true, {}};
    churn.record.locations = {LocationId(2)};
    churn.live.clear();
    for (std::size_t i = 0; i < contents.snapshots.size(); ++i) {
        churn.live.push_back({.snapshot = i, .allocated_count = 100 * i});
        contents.snapshots[i].processes.front().freed_count += 100 * i;
    }
    churn.at_start = {};
    churn.at_end = {.allocated_count = 12'000,
                    .allocated_bytes = 384'000,
                    .freed_count = 12'000,
                    .freed_bytes = 384'000};
    churn.lifetimes = {};
    contents.stacks.push_back(churn);
    contents.info.sampling_bytes = 1024;
    const auto stacks = build_report(contents, ReportOptions{}).stacks;
    const auto leak = std::ranges::find(
        stacks, 1U, [](const ReportStack& stack) { return stack.frames.at(0).offset; });
    EXPECT_EQ(leak->verdict, Verdict::leak) << leak->reason;
}

TEST(BlindSpot, WhatIsReplacedUnseenIsNoLeak) {
    // None of its own blocks has been freed yet, so it may be their forerunners that are.
    const auto counts = leaks([](Random& random) {
        return std::vector{steady(
                               20, [](Random&) { return 1.5 * window_seconds; }, random),
                           sessions(60, random)};
    });
    EXPECT_EQ(counts.at(0), 0);
    EXPECT_EQ(counts.at(1), 0);
}

}  // namespace
}  // namespace seep
