// SPDX-License-Identifier: GPL-2.0-only
#include "analysis/common_function.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

namespace seep {
namespace {

using testing::HasSubstr;

/// Adds a finding of one stack: malloc in libc, the functions in app, and main.
void add(Report& report, const std::vector<std::string>& functions, Verdict verdict,
         double kib_per_hour) {
    ReportStack stack;
    stack.id = std::to_string(report.stacks.size());
    stack.culprit = 1;
    stack.frames.push_back({.function = "malloc", .module = "libc.so.6"});
    for (const std::string& function : functions)
        stack.frames.push_back({.function = function, .module = "app"});
    stack.frames.push_back({.function = "main", .module = "app"});
    stack.frames.push_back({.function = "__libc_start_call_main", .module = "libc.so.6"});
    Finding finding;
    finding.verdict = verdict_name(verdict);
    finding.sentence = functions.front();
    finding.stacks = {stack.id};
    const double rate = kib_per_hour * 1024 / 3600;
    finding.growth = {.bytes_per_second = rate, .low = 0.9 * rate, .high = 1.1 * rate};
    report.stacks.push_back(stack);
    report.findings.push_back(finding);
}

TEST(CommonFunction, IsTheInnermostThatMostComesFrom) {
    Report report;
    add(report, {"new_node", "parse", "serve"}, Verdict::leak, 10);
    add(report, {"new_text", "parse", "serve"}, Verdict::growing, 89);
    add(report, {"log_line", "serve"}, Verdict::growing, 1);
    add_up_common_function(report);
    EXPECT_EQ(report.findings[0].sentence,
              "new_node; with another finding, all under `parse`, 99 KiB an hour (89.1 KiB to 109 "
              "KiB)");
    EXPECT_EQ(report.findings[1].sentence, "new_text");
}

TEST(CommonFunction, IsThatOfSeveralFindings) {
    Report report;
    add(report, {"new_node", "parse", "serve"}, Verdict::leak, 93);
    add(report, {"log_line", "serve"}, Verdict::growing, 7);
    add_up_common_function(report);
    EXPECT_THAT(report.findings[0].sentence,
                HasSubstr("; with another finding, all under `serve`"));
}

TEST(CommonFunction, CountsThoseThatComeFromIt) {
    Report report;
    add(report, {"new_node", "serve"}, Verdict::leak, 10);
    add(report, {"new_text", "serve"}, Verdict::growing, 10);
    add(report, {"log_line", "serve"}, Verdict::growing, 10);
    add(report, {"tick"}, Verdict::growing, 10);
    add(report, {"warm", "serve"}, Verdict::warming, 10);
    add_up_common_function(report);
    EXPECT_THAT(report.findings[0].sentence,
                HasSubstr("; with 2 more findings, all under `serve`, 30 KiB an hour"));
}

TEST(CommonFunction, IsNoneWhereTheFirstComesFromNoneWithOthers) {
    Report report;
    add(report, {"new_node", "parse"}, Verdict::leak, 10);
    add(report, {"log_line"}, Verdict::growing, 10);
    add_up_common_function(report);
    EXPECT_EQ(report.findings[0].sentence, "new_node");
}

TEST(CommonFunction, IsNotToldOfLittleMore) {
    Report report;
    add(report, {"new_node", "parse"}, Verdict::leak, 100);
    add(report, {"log_line", "parse"}, Verdict::growing, 1);
    add_up_common_function(report);
    EXPECT_EQ(report.findings[0].sentence, "new_node");
}

TEST(CommonFunction, MustBeThatOfAllStacksOfAFinding) {
    Report report;
    add(report, {"new_node", "parse"}, Verdict::leak, 10);
    add(report, {"new_text", "parse"}, Verdict::growing, 10);
    add(report, {"log_line", "serve"}, Verdict::growing, 10);
    report.findings[1].stacks.push_back(report.stacks[2].id);
    report.findings.pop_back();
    add_up_common_function(report);
    EXPECT_EQ(report.findings[0].sentence, "new_node");
}

TEST(CommonFunction, IsNotAskedForWhereNothingWasFound) {
    Report report;
    add_up_common_function(report);
    Finding memory;
    memory.verdict = "fragmentation";
    memory.sentence = "Fragmentation";
    report.findings = {memory};
    add_up_common_function(report);
    EXPECT_EQ(report.findings[0].sentence, "Fragmentation");
}

}  // namespace
}  // namespace seep
