// SPDX-License-Identifier: GPL-2.0-only
#include "output/text_report.h"

#include <fmt/format.h>
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <algorithm>
#include <sstream>

#include "base/text.h"
#include "sample_report.h"

namespace seep {
namespace {

using testing::HasSubstr;
using testing::Not;
using testing::StartsWith;

std::size_t widest_line(const std::string& text) {
    std::istringstream lines(text);
    std::size_t widest = 0;
    for (std::string line; std::getline(lines, line);) {
        widest = std::max(widest, display_columns(line));
    }
    return widest;
}

TEST(TextReport, TellsWhatOfTheHeapIsLost) {
    Report report = sample_report();
    HeapInUseGrowth& heap = report.memory.in_use.emplace();
    heap.bytes = 30 << 20;
    EXPECT_THAT(text_report(report, {}), Not(HasSubstr("lost: no")));
    heap.lost = {.bytes = 3 << 20, .blocks = 40'000, .sizes = {}};
    EXPECT_THAT(text_report(report, {}), HasSubstr("3 MiB in 40,000 blocks are lost: no"));
}

TEST(TextReport, TellsGrowthInTheWindowAndByItsTrend) {
    Report report = sample_report();
    // It filled at once.
    report.memory.anonymous_bytes = 64 << 20;
    report.memory.anonymous = {.bytes = 20 << 20};
    report.memory.heap = {.bytes_per_second = 1024, .low = 0, .high = 2048, .bytes = 21 << 20};
    report.memory.heap_lately = report.memory.heap;
    const std::string text = text_report(report, {});
    EXPECT_THAT(text, HasSubstr("Anonymous     64 MiB, +20 MiB in the window, 0 B an hour\n"));
    EXPECT_THAT(text, HasSubstr("450 blocks, +21 MiB in the window, +3.52 MiB an hour\n"));
    report.memory.heap_lately.bytes_per_second = 500;
    EXPECT_THAT(text_report(report, {}),
                HasSubstr("+21 MiB in the window, lately +1.72 MiB an hour\n"));
}

TEST(TextReport, SaysWhyAnIdleTargetMayBeTakenMoreThanTheBudget) {
    Report report = sample_report();
    report.recording.budget_ppm = 50'000;
    EXPECT_THAT(text_report(report, {}),
                HasSubstr("0.42 % of the target's CPU time of 5 % allowed"));
    report.overhead_cpu_percent = 39;
    report.overhead_core_percent = 0.24;
    EXPECT_THAT(text_report(report, {}),
                HasSubstr("39 % of the target's CPU time, which is 0.24 % of a core"));
    report.over_budget = true;
    EXPECT_THAT(text_report(report, {}), HasSubstr("39 % of the target's CPU time of 5 % allowed"));
}

TEST(TextReport, ShowsWhatItStandsOnThenTheRanking) {
    EXPECT_EQ(text_report(sample_report(), {.top = 2}),
              R"( 1. `Cache::insert` (cache.cpp:42) grows.
    suppressed by leak:^known$: 2 stacks, 2 KiB live in 7 blocks

     verdict    an hour      from        to      live     blocks   freed   age
  1  growing    141 KiB   141 KiB   141 KiB  2.93 KiB        300    25 %  0.48
     from, to: the 95 % interval. age: of what is live, as a share of the time since attach; 0.5 if
     it leaks evenly.

Target        1234, /usr/bin/server --port 80
              allocator glibc (libc.so.6)
Window        1m from 2026-11-20T18:00:00.250Z, 7 snapshots
Sampling      every allocation is followed
Overhead      0.42 % of the target's CPU time, 1,234,567 probe hits
Losses        none

Resident      123 MiB, +58.6 KiB in the window
Traced heap   4.39 KiB live in 450 blocks
Since attach  6.84 KiB allocated in 700 blocks, 2.44 KiB freed in 250 blocks
Verdict       undetermined: the window is short

The first 2 of 3 stacks:

  #1      +141 KiB/h  growing  (finding 1)
      2.93 KiB live in 300 blocks (+2.34 KiB in the window), 400 allocated, 100 freed
      grew in each of 8 windows
      malloc                                         libc.so.6
      Cache::insert(std::string const&)              /src/cache.cpp:42, inlined
      handle_request(Request&)                       /src/server.cpp:107
      main                                           server

  #2     +35.2 KiB/h  undetermined
      500 B live in 50 blocks (+600 B in the window), 100 allocated, 50 freed
      malloc                                         libc.so.6
      [libplugin.so+0xbeef]
      [truncated: the callers are not known]
)");
}

TEST(TextReport, PutsWarningsFirst) {
    Report report = sample_report();
    report.warnings = {"12 allocations were lost"};
    EXPECT_THAT(text_report(report, {}), StartsWith("WARNING       12 allocations were lost\n\n"));
    EXPECT_THAT(text_report(report, {.color = true}),
                StartsWith("\x1b[1;33mWARNING       \x1b[0m"));
}

TEST(TextReport, NamesEveryLoss) {
    Report report = sample_report();
    report.losses[SEEP_LOSS_UNMATCHED_FREES] = 1234;
    report.losses[SEEP_LOSS_TRUNCATED_STACKS] = 7;
    report.truncated_share = 0.0001;
    report.truncated = {{"libodd.so", false, StackEnd::no_row, 5}, {"", true, StackEnd::broken, 2}};
    const std::string text = text_report(report, {});
    EXPECT_THAT(text, HasSubstr("Losses        1,234 unmatched frees, 7 truncated stacks\n"));
    EXPECT_THAT(text,
                HasSubstr("under 0.1 % of the allocations have a truncated stack, which ends in "
                          "libodd.so\n              (no_row: 5), generated code (broken: 2)\n"));
}

TEST(TextReport, SaysWhenFiguresAreEstimates) {
    Report report = sample_report();
    report.sampling.bytes = 512 << 10;
    EXPECT_THAT(text_report(report, {}), HasSubstr("one allocation in about 512 KiB is followed; "
                                                   "figures are estimates"));
}

TEST(TextReport, SaysAtWhichPaceTheTargetWasSeen) {
    Report report = sample_report();
    report.sampling.observed_share = 0.02;
    report.sampling.rate_scale = {.low = 2.4, .middle = 2.5, .high = 2.6};
    EXPECT_THAT(text_report(report, {}),
                HasSubstr("by its page faults, the target was 2.5 times as fast"));
    report.sampling.by_calls = true;
    const std::string by_calls = text_report(report, {});
    EXPECT_THAT(by_calls,
                HasSubstr("by the calls that were counted all of the time, the target was "
                          "2.5 times as fast"));
    EXPECT_THAT(by_calls, HasSubstr("probes slow it down"));
    report.sampling.rate_scale = {.low = 0.7, .middle = 0.8, .high = 0.9};
    EXPECT_THAT(text_report(report, {}), HasSubstr("it happened to do more"));
}

TEST(TextReport, SaysPlainlyThatNothingGrew) {
    Report report = sample_report();
    EXPECT_THAT(text_report(report, {}), Not(HasSubstr("Nothing grew")));
    report.findings.clear();
    EXPECT_THAT(text_report(report, {}), StartsWith("Nothing grew for certain.\n"));
    for (ReportStack& stack : report.stacks) stack.growth = {};
    EXPECT_THAT(text_report(report, {}), StartsWith("Nothing grew: no stack holds more"));
    report.sampling.observed_share = 0.1;
    EXPECT_THAT(text_report(report, {}), StartsWith("Nothing grew for certain.\n"));
    report.memory.anonymous_bytes = 100 << 20;
    report.memory.anonymous.bytes = 60 << 20;
    EXPECT_THAT(
        text_report(report, {}),
        StartsWith("Nothing grew for certain, though the anonymous memory is 60 MiB larger"));
    report.stacks.clear();
    EXPECT_THAT(text_report(report, {}), StartsWith("No allocation was seen.\n"));
}

TEST(TextReport, ShowsTheIntervalOfAGrowthThatHasOne) {
    Report report = sample_report();
    report.stacks[0].growth.low = 30;
    report.stacks[0].growth.high = 50;
    EXPECT_THAT(text_report(report, {}),
                HasSubstr("growing  (95 % interval +105 KiB to +176 KiB)  (finding 1)\n"));
}

TEST(TextReport, MarksWhatIsSuppressed) {
    Report report = sample_report();
    report.stacks[1].suppressed = true;
    EXPECT_THAT(text_report(report, {}), HasSubstr("undetermined  (suppressed)\n"));
}

TEST(TextReport, ColorsOnlyIfAsked) {
    EXPECT_THAT(text_report(sample_report(), {}), Not(HasSubstr("\x1b")));
    EXPECT_THAT(text_report(sample_report(), {.color = true}), HasSubstr("\x1b[1;31mgrowing"));
}

TEST(TextReport, KeepsToTheWidth) {
    Report report = sample_report();
    report.targets[0].command = std::string(300, 'c');
    report.warnings = {"a long warning of many words that does not fit one line of eighty columns"};
    report.stacks[0].frames[1].function = "ns::f<" + std::string(300, 'T') + ">(日本)";
    report.stacks[0].frames[1].file = "/src/" + std::string(300, 'd') + "/日本/end.cpp";
    for (const std::size_t width : {60U, 80U, 100U, 200U}) {
        const std::string text = text_report(report, {.width = width});
        EXPECT_LE(widest_line(text), width);
        EXPECT_THAT(text, HasSubstr("/end.cpp:42, inlined\n"));
        // No character was cut in two.
        std::string one_line = text;
        std::replace(one_line.begin(), one_line.end(), '\n', ' ');
        EXPECT_EQ(printable(one_line, one_line.size()), one_line);
    }
}

TEST(TextReport, NamesTheFindingsThatTheVerdictIsOf) {
    Report report = sample_report();
    report.verdict = "leak";
    report.reason = "a leaks";
    Finding leak;
    leak.verdict = "leak";
    leak.sentence = "a leaks";
    report.findings = {leak};
    EXPECT_THAT(text_report(report, {}), HasSubstr("Verdict       leak: finding 1\n"));
    leak.sentence = "b leaks";
    report.findings.push_back(leak);
    EXPECT_THAT(text_report(report, {}), HasSubstr("Verdict       leak: findings 1 to 2\n"));
    report.verdict = "growing";
    report.reason = "who knows";
    report.findings.push_back({.verdict = "growing", .sentence = "who knows"});
    EXPECT_THAT(text_report(report, {}), HasSubstr("Verdict       growing: finding 3\n"));
}

TEST(TextReport, NamesAProgramOfManyProcessesOnce) {
    Report report = sample_report();
    const ReportProcess server = report.targets[0];
    for (int i = 1; i < 10; ++i) {
        report.targets.push_back(server);
        report.targets.back().pid = 2000 + i;
    }
    for (int i = 0; i < 5; ++i) {
        report.targets.push_back(server);
        report.targets.back().pid = 3000 + i;
        report.targets.back().command = fmt::format("worker {}", i);
    }
    const std::string text = text_report(report, {});
    EXPECT_THAT(
        text, HasSubstr("Target        1234, 2001, 2002, 2003, 2004, 2005, 2006, 2007 and 2 more, "
                        "/usr/bin/server --port 80\n"));
    EXPECT_THAT(text, HasSubstr("Target        3002, worker 2\n"));
    EXPECT_THAT(text, Not(HasSubstr("worker 3")));
    EXPECT_THAT(text, HasSubstr("\n              and 2 more processes\n"));

    const std::string all = text_report(report, {.top = 0});
    EXPECT_THAT(all, HasSubstr("2008, 2009, "));
    EXPECT_THAT(all, HasSubstr("Target        3004, worker 4\n"));
    EXPECT_THAT(all, Not(HasSubstr(" more")));
}

TEST(TextReport, ShowsBothEndsOfADeepStack) {
    Report report = sample_report();
    ReportStack& stack = report.stacks[0];
    const ReportFrame main_frame = stack.frames.back();
    stack.frames.resize(99, {.function = "recurse()"});
    stack.frames.push_back(main_frame);
    const std::string text = text_report(report, {.top = 1});
    EXPECT_THAT(text, HasSubstr("      ... 72 more frames ...\n      recurse()\n"));
    EXPECT_THAT(text, HasSubstr("      malloc "));
    EXPECT_THAT(text, HasSubstr("      main "));
}

TEST(TextReport, ObeysNothingThatTheTargetSays) {
    Report report = sample_report();
    const std::string evil = "\x1b]0;owned\x07\r\n#1 +1 GiB/h\u202e";
    report.targets[0].command = evil;
    report.targets[0].allocators = evil;
    report.reason = evil;
    report.stacks[0].reason = evil;
    report.stacks[0].frames[0] = {.function = evil, .module = evil, .file = evil};
    report.stacks[0].frames[1] = {.module = evil};
    const std::string text = text_report(report, {});
    for (const char* forbidden : {"\x1b", "\x07", "\r", "\n#1 +1", "\u202e"}) {
        EXPECT_THAT(text, Not(HasSubstr(forbidden)));
    }
}

}  // namespace
}  // namespace seep
