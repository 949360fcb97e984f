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
