// SPDX-License-Identifier: GPL-2.0-only
#include "analysis/process_findings.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <cmath>

#include "analysis/growth.h"
#include "memory_course.h"

namespace seep {
namespace {

using testing::AllOf;
using testing::HasSubstr;
using testing::IsEmpty;
using testing::Not;
using testing::StartsWith;

TEST(ProcessFindings, SpeaksOfTheHostsEndWhereItMayBeNear) {
    const auto sentence = [](double bytes_per_second, const char* verdict = "leak") {
        Report report;
        report.memory.limited_by = MemoryLimit::host;
        report.memory.limit_bytes = bytes(300);
        report.memory.used_bytes = bytes(200);
        report.findings.resize(1);
        report.findings[0].verdict = verdict;
        report.findings[0].sentence = "`f` leaks";
        report.findings[0].growth = {bytes_per_second, bytes_per_second, bytes_per_second};
        conclude(report);
        EXPECT_TRUE(report.findings[0].limit.expected);
        return report.findings[0].sentence;
    };
    EXPECT_THAT(sentence(mebibyte), HasSubstr("fills the host's memory in 1m40s"));
    EXPECT_EQ(sentence(1), "`f` leaks");                    // in three years
    EXPECT_EQ(sentence(mebibyte, "warming"), "`f` leaks");  // never, as it is slowing down
}

TEST(ProcessFindings, SaysWhereTheMemoryGrowsByLessThanALeak) {
    Report report;
    report.memory = memory_of({.anonymous = rising, .limit = bytes(300)});
    report.findings.resize(1);
    report.findings[0].verdict = "leak";
    report.findings[0].sentence = "`f` leaks";
    report.findings[0].growth = {10 * mebibyte, 9 * mebibyte, 11 * mebibyte};
    conclude(report);
    EXPECT_THAT(report.findings[0].sentence,
                HasSubstr("; the memory grows by 1.76 GiB an hour alone, and reaches the control "
                          "group's limit in"));
}

TEST(ProcessFindings, ConcludesWithTheLeaksFirst) {
    Report report;
    report.memory = memory_of({.anonymous = rising, .passed = 10, .limit = bytes(300)});
    report.findings.resize(2);
    report.findings[0].verdict = "leak";
    report.findings[0].sentence = "`f` leaks";
    report.findings[0].growth = {mebibyte / 2, mebibyte / 2, mebibyte / 2};
    report.findings[1].verdict = "growing";
    conclude(report);
    ASSERT_EQ(report.findings.size(), 3U);
    EXPECT_EQ(report.findings[0].sentence,
              "`f` leaks; by itself it reaches the control group's limit in 3m20s");
    EXPECT_EQ(report.findings[1].verdict, "outside the heap");
    EXPECT_EQ(report.verdict, "outside the heap");
}

TEST(ProcessFindings, AnOpenProcessWhoseHeapGrowsByAFindingGrows) {
    const auto verdict = [](double least_in_use, double least_found) {
        Report report;
        report.verdict = "undetermined";
        report.findings.resize(1);
        report.findings[0].verdict = "growing";
        report.findings[0].growth = {mebibyte, least_found, 2 * mebibyte};
        report.memory.in_use.emplace().growth = {mebibyte, least_in_use, 2 * mebibyte};
        conclude(report);
        return report.verdict;
    };
    EXPECT_EQ(verdict(mebibyte / 2, mebibyte / 2), "growing");
    EXPECT_EQ(verdict(-mebibyte, mebibyte / 2), "undetermined");
    EXPECT_EQ(verdict(mebibyte / 2, 0), "undetermined");
}

TEST(ProcessFindings, SaysThatMemoryGrowsUnseen) {
    const auto sentence = [](double found, double seen, const Curve& anonymous) {
        Report report;
        report.snapshots = 2 * least_snapshots;
        report.window_end_ns = 100'000'000'000;
        report.memory = memory_of({.anonymous = anonymous, .unseen = 1 - seen});
        report.sampling.observed_share = seen;
        report.findings.resize(1);
        report.findings[0].verdict = "growing";
        report.findings[0].growth.bytes_per_second = found * mebibyte;
        conclude(report);
        return report.findings[0].sentence;
    };
    EXPECT_THAT(sentence(0.1, 0.1, rising), HasSubstr("does not tell from where"));
    EXPECT_THAT(sentence(0.4, 0.1, rising), IsEmpty());
    EXPECT_THAT(sentence(0.1, 1, rising), Not(HasSubstr("does not tell from where")));
    EXPECT_THAT(sentence(0.1, 0.1, flat), IsEmpty());
    EXPECT_THAT(sentence(0.1, 0.1, rising), HasSubstr("--sample exact"));
    EXPECT_THAT(sentence(0.1, 0.9, rising), Not(HasSubstr("--sample exact")));
    // Three quarters of it came in the first half.
    const Curve slowing = [](double i) { return 100 + 12 * i - std::max(0.0, i - 10) * 8; };
    EXPECT_THAT(sentence(0.01, 0.1, slowing), HasSubstr("and slows down"));
    // Evenly, by 400 KiB and 200 KiB in the window.
    const auto by = [](double a_second) {
        return [a_second](double i) { return 100 + a_second * i; };
    };
    EXPECT_THAT(sentence(0, 0.1, by(0.04)), HasSubstr("does not tell from where"));
    EXPECT_THAT(sentence(0, 0.1, by(0.02)), IsEmpty());
}

/// In 100 s, of which a tenth was seen.
Report growing_unseen() {
    Report report;
    report.snapshots = 2 * least_snapshots;
    report.window_end_ns = 100'000'000'000;
    report.memory = memory_of({.anonymous = rising, .unseen = 0.9});
    report.sampling.observed_share = 0.1;
    return report;
}

TEST(ProcessFindings, TellsWhatTheHeapHasFromWhatIsBesideIt) {
    const auto sentence = [](double in_use) {
        Report report = growing_unseen();
        const Growth growth{in_use * mebibyte, in_use * mebibyte, in_use * mebibyte,
                            static_cast<std::int64_t>(in_use * 100 * mebibyte)};
        Growth lately = growth;
        lately.bytes /= 2;
        report.memory.in_use = {.growth = growth, .lately = lately};
        conclude(report);
        return report.findings.empty() ? std::string() : report.findings.front().sentence;
    };
    // Of 0.5 MiB a second of the anonymous memory.
    EXPECT_THAT(sentence(0.4), AllOf(StartsWith("What glibc has in use grows by 1.41 GiB an hour"),
                                     HasSubstr("does not tell from where")));
    EXPECT_THAT(sentence(0.1), StartsWith("What glibc has in use grows by 360 MiB an hour"));
    EXPECT_THAT(sentence(0), AllOf(StartsWith("The anonymous memory grows by 1.76 GiB an hour"),
                                   HasSubstr("or mapped past them")));
}

TEST(ProcessFindings, SaysThatItMayBeTheLoad) {
    Report report = growing_unseen();
    const auto sentence = [&](double rise) {
        report.sampling.load_rise = rise;
        report.findings.clear();
        conclude(report);
        return report.findings.front().sentence;
    };
    EXPECT_THAT(sentence(1.5),
                HasSubstr("it may be the load: in the later half of the window there "
                          "were 1.5 times as many"));
    EXPECT_THAT(sentence(1.1), Not(HasSubstr("load")));
}

TEST(ProcessFindings, NamesWhatMayHaveGrownUnseen) {
    Report report = growing_unseen();
    for (const auto& [function, rate] : {std::pair{"swap_page", 10.0},
                                         {"load_page", 20.0},
                                         {"open_page", 5.0},
                                         {"load_page", 0.0}}) {
        ReportStack stack;
        stack.frames = {{.function = "malloc"}, {.function = function}};
        stack.culprit = 1;
        stack.growth.bytes_per_second = rate;
        report.stacks.push_back(stack);
    }
    conclude(report);
    ASSERT_EQ(report.findings.size(), 1U);
    EXPECT_THAT(report.findings[0].sentence, HasSubstr("it may be of `load_page` or `swap_page`:"));
}

TEST(ProcessFindings, SaysThatMemoryGrowsInWhatCannotBeToldYet) {
    Report report;
    report.snapshots = 2 * least_snapshots;
    report.window_end_ns = 60'000'000'000;
    report.memory.anonymous = report.memory.anonymous_lately = {
        .bytes_per_second = mebibyte, .low = mebibyte, .high = mebibyte, .bytes = 60 << 20};
    report.findings.resize(1);
    report.findings[0].verdict = "leak";
    report.findings[0].growth.bytes_per_second = mebibyte / 4;
    ReportStack undecided;
    undecided.frames = {{.function = "malloc"}, {.function = "load_page"}};
    undecided.culprit = 1;
    undecided.growth.bytes = 50 << 20;
    undecided.evidence.decidable_at_ns = 260'000'000'000;
    report.stacks = {undecided};
    Report decided = report;
    Report little = report;
    conclude(report);
    ASSERT_EQ(report.findings.size(), 2U);
    EXPECT_EQ(report.findings[1].verdict, "growing");
    EXPECT_THAT(report.findings[1].sentence,
                HasSubstr("as those of `load_page`, of which it cannot be told yet: record for "
                          "4m20s or longer"));
    EXPECT_EQ(report.verdict, "leak");

    decided.stacks[0].verdict = Verdict::steady;
    conclude(decided);
    EXPECT_EQ(decided.findings.size(), 1U);

    little.memory.anonymous_lately = {.bytes_per_second = mebibyte / 60, .low = 1};
    little.findings.clear();
    Report in_steps = little;
    conclude(little);
    EXPECT_EQ(little.findings.size(), 0U);
    in_steps.memory.anonymous_steps = 8;
    Report early = in_steps;
    conclude(in_steps);
    EXPECT_EQ(in_steps.findings.size(), 1U);
    early.snapshots = 2 * least_snapshots - 1;
    conclude(early);
    EXPECT_EQ(early.findings.size(), 0U);
}

TEST(ProcessFindings, NothingFillsTheMemoryWhileItDoesNotGrow) {
    const auto sentence = [](const char* verdict, const Curve& anonymous) {
        Report report;
        report.memory = memory_of({.anonymous = anonymous, .heap = anonymous, .limit = bytes(300)});
        report.findings.resize(1);
        report.findings[0].verdict = verdict;
        report.findings[0].growth = {mebibyte, mebibyte, mebibyte};
        conclude(report);
        return report.findings[0].sentence;
    };
    EXPECT_THAT(sentence("growing", rising), HasSubstr("3m20s"));
    EXPECT_THAT(sentence("growing", burst(100)), IsEmpty());  // stands for half of the time
    EXPECT_THAT(sentence("leak", burst(100)), HasSubstr("limit in"));
    EXPECT_THAT(sentence("load", rising), IsEmpty());
}

}  // namespace
}  // namespace seep
