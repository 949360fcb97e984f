// SPDX-License-Identifier: GPL-2.0-only
// What a stack's rate is taken from.

#include "analysis/weighing.h"

#include <gtest/gtest.h>

#include <cmath>

#include "analysis/ranking.h"
#include "simulated_stack.h"

namespace seep {
namespace {

constexpr double window_seconds = 60;

std::function<double(double)> constant(double rate) {
    return [rate](double) { return rate; };
}

/// Blocks that stay, at random times.
std::vector<SimulatedBlock> leaked(double rate, Random& random) {
    std::vector<SimulatedBlock> blocks;
    add_blocks(blocks,
               {0, window_seconds, rate, constant(rate), [](double, Random&) { return for_ever; }},
               random);
    return blocks;
}

double bytes_a_second(const std::vector<SimulatedBlock>& blocks) {
    double sum = 0;
    for (const SimulatedBlock& block : blocks) sum += static_cast<double>(block.bytes);
    return sum / window_seconds;
}

ReportStack reported(const std::vector<SimulatedBlock>& blocks) {
    return build_report(simulated_contents(blocks, {window_seconds, 61}), ReportOptions{})
        .stacks.at(0);
}

TEST(Weighing, ALeakAtRandomTimesGrowsByWhatItHolds) {
    constexpr int runs = 40;
    int right = 0;
    for (int run = 0; run < runs; ++run) {
        Random random(static_cast<std::uint64_t>(run));
        std::vector<SimulatedBlock> blocks = leaked(2, random);
        const double truth = bytes_a_second(blocks);
        // Most of what the stack allocates goes at once.
        add_blocks(blocks,
                   {0, window_seconds, 40, constant(40), [](double, Random&) { return 0.002; }},
                   random);
        if (std::abs(reported(blocks).growth.bytes_per_second / truth - 1) < 0.03) ++right;
    }
    EXPECT_GE(right, runs * 8 / 10);  // the median of slopes alone: 9 of 40
}

TEST(Weighing, ABurstIsNoPartOfTheRate) {
    Random random(1);
    std::vector<SimulatedBlock> blocks = leaked(10, random);
    const double truth = bytes_a_second(blocks);
    for (int i = 0; i < 1000; ++i) blocks.push_back({3 + 0.001 * i, for_ever});
    EXPECT_NEAR(reported(blocks).growth.bytes_per_second, truth, 0.15 * truth);
}

}  // namespace
}  // namespace seep
