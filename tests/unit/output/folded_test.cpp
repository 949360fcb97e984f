// SPDX-License-Identifier: GPL-2.0-only
#include "output/folded.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <limits>

#include "sample_report.h"

namespace seep {
namespace {

using testing::HasSubstr;

constexpr std::int64_t most = std::numeric_limits<std::int64_t>::max();

std::string folded_as(StackValue value) {
    return folded_text(fold(sample_report(), value));
}

TEST(Fold, PutsTheAllocatorLastAndSortsByFrames) {
    EXPECT_EQ(folded_as(StackValue::live),
              "[truncated];[libplugin.so+0xbeef];malloc 500\n"
              "main;handle_request(Request&);Cache::insert(std::string const&);malloc 3000\n"
              "main;handle_request(Request&);malloc 1000\n");
}

TEST(Fold, TakesTheValueThatIsAskedFor) {
    EXPECT_THAT(folded_as(StackValue::allocated),
                HasSubstr("handle_request(Request&);malloc 2000\n"));
    EXPECT_THAT(folded_as(StackValue::freed), HasSubstr("[libplugin.so+0xbeef];malloc 500\n"));
    EXPECT_THAT(folded_as(StackValue::count), HasSubstr("handle_request(Request&);malloc 100\n"));
}

TEST(Fold, ShowsOnlyWhatGrewAsGrowth) {
    EXPECT_EQ(folded_as(StackValue::growth),
              "[truncated];[libplugin.so+0xbeef];malloc 600\n"
              "main;handle_request(Request&);Cache::insert(std::string const&);malloc 2400\n");
}

TEST(Fold, TakesWhatHasLapsedForLive) {
    Report report = sample_report();
    const std::string live = folded_text(fold(report, StackValue::live));
    const std::string count = folded_text(fold(report, StackValue::count));
    for (ReportStack& stack : report.stacks) {
        stack.totals.lapsed_bytes = stack.totals.held_bytes();
        stack.totals.lapsed_count = stack.totals.held_count();
    }
    EXPECT_EQ(folded_text(fold(report, StackValue::live)), live);
    EXPECT_EQ(folded_text(fold(report, StackValue::count)), count);
}

TEST(Fold, KeepsTheBlocksBehindTheValue) {
    EXPECT_EQ(fold(sample_report(), StackValue::live)[1].count, 300);
    EXPECT_EQ(fold(sample_report(), StackValue::allocated)[1].count, 400);
    EXPECT_EQ(fold(sample_report(), StackValue::freed)[1].count, 100);
}

TEST(Fold, SumsStacksOfTheSameNames) {
    Report report = sample_report();
    report.stacks = {report.stacks[0], report.stacks[0], report.stacks[0]};
    report.stacks[2].growth.bytes = -400;
    report.stacks[1].frames[0].offset = 7;
    EXPECT_EQ(fold(report, StackValue::live).at(0).value, 9000);
    EXPECT_EQ(fold(report, StackValue::growth).at(0).value, 4400);
    EXPECT_EQ(fold(report, StackValue::growth).size(), 1U);
}

TEST(Fold, MakesNamesSafeForTheFormat) {
    Report report = sample_report();
    report.stacks.resize(1);
    report.stacks[0].frames = {{.function = "malloc"},
                               {.function = "a;b 1\nmain;c\x1b[2J\xff"},
                               {.module = "lib;x\n.so", .offset = 1},
                               {.offset = 0xffffffffff600000}};
    EXPECT_EQ(folded_text(fold(report, StackValue::live)),
              "[unknown+0xffffffffff600000];[lib:x?.so+0x1];a:b 1?main:c?[2J?;malloc 3000\n");
}

TEST(Fold, SaturatesRatherThanOverflows) {
    Report report = sample_report();
    report.stacks = {report.stacks[0], report.stacks[0]};
    for (ReportStack& stack : report.stacks) {
        stack.totals.allocated_bytes = ~0ULL;
        stack.totals.freed_bytes = 0;
    }
    EXPECT_EQ(fold(report, StackValue::live).at(0).value, most);
    EXPECT_EQ(saturating_add(-most, -most), std::numeric_limits<std::int64_t>::min());
    EXPECT_EQ(saturating_add(most, -1), most - 1);
}

TEST(Fold, LeavesNothingOfNothing) {
    EXPECT_TRUE(fold(Report{}, StackValue::live).empty());
    EXPECT_EQ(folded_text({}), "");
}

TEST(StackValue, HasANameForEach) {
    for (const char* name : {"live", "growth", "allocated", "freed", "count"}) {
        EXPECT_STREQ(stack_value_name(parse_stack_value(name).value()), name);
    }
    const Result<StackValue> unknown = parse_stack_value("Live");
    ASSERT_FALSE(unknown);
    EXPECT_EQ(unknown.error().kind, ErrorKind::bad_input);
    EXPECT_EQ(unknown.error().hint, "use one of live, growth, allocated, freed, count");
}

TEST(Fold, LeavesOutStacksOfOtherKinds) {
    Report report = sample_report();
    report.stacks[0].kind = StackKind::mapping;
    const auto all = fold(report, StackValue::live);
    const auto mappings = fold(report, StackValue::live, StackKind::mapping);
    const auto heap = fold(report, StackValue::live, StackKind::heap);
    ASSERT_EQ(mappings.size(), 1U);
    EXPECT_EQ(mappings[0].value, static_cast<std::int64_t>(report.stacks[0].totals.live_bytes()));
    EXPECT_EQ(mappings.size() + heap.size(), all.size());
}

}  // namespace
}  // namespace seep
