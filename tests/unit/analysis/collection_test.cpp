// SPDX-License-Identifier: GPL-2.0-only
// What is told of blocks that an interpreter's collector frees.

#include "analysis/collection.h"

#include <gmock/gmock.h>

#include "analysis/ranking.h"
#include "simulated_stack.h"

namespace seep {
namespace {

using ::testing::HasSubstr;

constexpr double window_seconds = 60;
constexpr double cycle = 4;

/// Ten blocks a second, of which those that nothing refers to are freed at the cycle's end; the
/// fifth of them are kept.
std::vector<SimulatedBlock> collected(double dying) {
    std::vector<SimulatedBlock> blocks;
    int number = 0;
    for (double t = 0.01; t < window_seconds; t += 0.1)
        blocks.push_back(
            {t, ++number % 5 < dying * 5 ? cycle * std::ceil((t + 0.001) / cycle) : for_ever, 100});
    return blocks;
}

ReportStack reported(const std::vector<SimulatedBlock>& blocks, const char* module,
                     std::uint64_t old_frees) {
    RecordingContents contents = simulated_contents(blocks, {window_seconds, 121});
    contents.objects[ObjectId(1)] = {ObjectId(1), ObjectKind::file, module, ""};
    contents.locations.at(contents.stacks[0].record.locations.back()).object = ObjectId(1);
    for (std::size_t i = 51; i < contents.snapshots.size(); ++i)
        contents.snapshots[i].processes[0].losses[SEEP_LOSS_UNMATCHED_FREES] += old_frees;
    return build_report(contents, ReportOptions{}).stacks.at(0);
}

TEST(Collection, WhatAnOldGenerationKeepsIsNoLeakUntilItWasCollected) {
    const ReportStack stack = reported(collected(0.8), "/usr/lib/R/lib/libR.so", 0);
    EXPECT_EQ(stack.verdict, Verdict::growing);
    EXPECT_THAT(stack.reason, HasSubstr("until it collects everything"));
    EXPECT_EQ(reported(collected(0.8), "/usr/lib/R/lib/libR.so", 100).verdict, Verdict::leak);
}

TEST(Collection, OtherCodeCollectsNothing) {
    EXPECT_EQ(reported(collected(0.8), "/usr/bin/server", 0).verdict, Verdict::leak);
}

TEST(Collection, WhatNoneWasFreedOfYetMayWaitForIt) {
    const char* const ruby = "/usr/lib/libruby-3.1.so.3.1";
    EXPECT_EQ(reported(collected(0), ruby, 0).verdict, Verdict::growing);
    EXPECT_EQ(reported(collected(0), ruby, 100).verdict, Verdict::leak);
}

TEST(Collection, V8HasAnOldGeneration) {
    RecordingContents contents = simulated_contents(collected(0), {window_seconds, 121});
    contents.locations.at(contents.stacks[0].record.locations.back())
        .frames.push_back({"v8::internal::Heap::AllocateExternalBackingStore", "", 0, false});
    EXPECT_EQ(build_report(contents, {}).stacks.at(0).verdict, Verdict::growing);
}

TEST(Collection, InWindowsItIsSeenByOldBlocksThatHaveGone) {
    const auto seen = [](std::uint64_t gone_late) {
        RecordingContents contents = simulated_contents(collected(0), {window_seconds, 121});
        contents.objects[ObjectId(1)] = {ObjectId(1), ObjectKind::file, "libruby.so", ""};
        contents.locations.at(contents.stacks[0].record.locations.back()).object = ObjectId(1);
        for (SnapshotRecord& snapshot : contents.snapshots) snapshot.unobserved_ns = 1;
        MergedStack stack = merge_stacks(contents).at(0);
        // At 16.8 s and 33.6 s: 2^24 and 2^25 microseconds.
        stack.revisits.vague.looked.assign(27, 0);
        stack.revisits.vague.gone = stack.revisits.vague.looked;
        stack.revisits.vague.looked[25] = stack.revisits.vague.looked[26] = 50;
        stack.revisits.vague.gone[25] = 20;
        stack.revisits.vague.gone[26] = 20 + gone_late;
        const std::vector<MergedStack> stacks = {stack};
        return collection_seen(stacks, contents,
                               old_blocks_freed(stacks, contents, window_seconds));
    };
    EXPECT_TRUE(seen(11));
    EXPECT_FALSE(seen(9));
}

TEST(Collection, WhatACompilerMakesIsKeptWithItsCode) {
    RecordingContents contents = simulated_contents(collected(0), {window_seconds, 121});
    EXPECT_EQ(build_report(contents, {}).stacks.at(0).verdict, Verdict::leak);
    contents.locations.at(contents.stacks[0].record.locations.back())
        .frames.push_back({"CompileBroker::compiler_thread_loop()", "", 0, false});
    const ReportStack stack = build_report(contents, {}).stacks.at(0);
    EXPECT_EQ(stack.verdict, Verdict::growing);
    EXPECT_THAT(stack.reason, HasSubstr("as long as the code"));
}

}  // namespace
}  // namespace seep
