// SPDX-License-Identifier: GPL-2.0-only
#include "drain/stack_folds.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

namespace seep {
namespace {

using testing::ElementsAre;
using testing::IsEmpty;

constexpr std::uint64_t one = std::uint64_t{1} << SEEP_COUNT_SHIFT;
constexpr std::uint64_t stack = 0x1234;
constexpr std::uint64_t part = SEEP_STACK_DEFERRED | 7;
constexpr std::uint64_t other_part = SEEP_STACK_DEFERRED | 8;

seep_totals born(std::uint64_t bytes) {
    seep_totals totals{};
    totals.allocated_count = one;
    totals.allocated_bytes = bytes;
    totals.allocated_born = 5;
    return totals;
}

seep_totals died(std::uint64_t bytes) {
    seep_totals totals = born(bytes);
    totals.freed_count = one;
    totals.freed_bytes = bytes;
    totals.freed_born = 5;
    totals.lifetimes[3] = one;
    return totals;
}

TEST(StackFolds, adds_parts_to_their_stack_in_any_order) {
    StackFolds folds;
    folds.fold(part, stack);
    folds.fold(other_part, stack);
    auto sums = folds.begin();
    EXPECT_TRUE(folds.add(part, born(10), sums));
    EXPECT_TRUE(folds.add(stack, died(100), sums));
    EXPECT_TRUE(folds.add(other_part, born(1), sums));
    ASSERT_EQ(sums.size(), 1U);
    EXPECT_EQ(sums.at(stack).allocated_bytes, 111U);
    EXPECT_EQ(sums.at(stack).allocated_count, 3 * one);
    EXPECT_EQ(sums.at(stack).freed_bytes, 100U);
    EXPECT_EQ(sums.at(stack).lifetimes[3], one);
}

TEST(StackFolds, knows_what_an_id_is_a_part_of) {
    StackFolds folds;
    EXPECT_EQ(folds.stack_of(stack), stack);
    EXPECT_EQ(folds.stack_of(part), 0U);
    folds.fold(part, stack);
    EXPECT_EQ(folds.stack_of(part), stack);
}

TEST(StackFolds, leaves_other_stacks_alone) {
    StackFolds folds;
    folds.fold(part, stack);
    auto sums = folds.begin();
    EXPECT_FALSE(folds.add(stack + 1, born(10), sums));
    EXPECT_EQ(sums.at(stack).allocated_bytes, 0U);
}

TEST(StackFolds, leaves_out_what_was_not_walked_yet) {
    StackFolds folds;
    auto sums = folds.begin();
    EXPECT_TRUE(folds.add(part, born(10), sums));
    EXPECT_THAT(sums, IsEmpty());
}

TEST(StackFolds, keeps_the_sum_of_a_part_whose_block_is_gone) {
    StackFolds folds;
    folds.fold(part, stack);
    auto sums = folds.begin();
    folds.add(part, died(10), sums);
    EXPECT_THAT(folds.take_ended(), ElementsAre(part));
    EXPECT_EQ(sums.at(stack).freed_bytes, 10U);
    // The kernel has nothing of it any more.
    sums = folds.begin();
    EXPECT_EQ(sums.at(stack).allocated_bytes, 10U);
    EXPECT_EQ(sums.at(stack).freed_bytes, 10U);
    EXPECT_THAT(folds.take_ended(), IsEmpty());
}

TEST(StackFolds, does_not_take_a_block_for_gone_that_is_only_half_accounted_for) {
    StackFolds folds;
    folds.fold(part, stack);
    seep_totals half = died(10);
    half.lifetimes[3] = 0;
    auto sums = folds.begin();
    folds.add(part, half, sums);
    EXPECT_THAT(folds.take_ended(), IsEmpty());
    half.late_count = one;
    half.late_bytes = 10;
    sums = folds.begin();
    folds.add(part, half, sums);
    EXPECT_THAT(folds.take_ended(), ElementsAre(part));
}

TEST(StackFolds, forgets_stacks_with_their_parts) {
    StackFolds folds;
    folds.fold(part, stack);
    folds.fold(other_part, stack + 1);
    EXPECT_THAT(folds.forget([](std::uint64_t id) { return id == stack; }), ElementsAre(part));
    const auto sums = folds.begin();
    EXPECT_EQ(sums.size(), 1U);
    EXPECT_TRUE(sums.contains(stack + 1));
}

}  // namespace
}  // namespace seep
