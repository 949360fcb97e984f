// SPDX-License-Identifier: GPL-2.0-only
#include "live/view.h"

#include <gmock/gmock.h>

#include <regex>

#include "base/text.h"
#include "live_report.h"

namespace seep {
namespace {

using namespace testing;
using ::testing::Contains;
using ::testing::HasSubstr;
using ::testing::Not;
using ::testing::StartsWith;

std::string plain(const std::string& line) {
    return std::regex_replace(line, std::regex("\x1b\\[[0-9;]*m"), "");
}

/// Of a line without sparklines beyond ASCII.
std::size_t columns(const std::string& line) {
    return display_columns(plain(line));
}

class View : public ::testing::Test {
 protected:
    std::vector<std::string> lines(LiveSize size = {}) {
        screen_ = draw(model_, controls_, status_, size);
        std::vector<std::string> result;
        for (const std::string& line : screen_.lines) result.push_back(plain(line));
        return result;
    }
    void press(Key::Kind kind, const char* text = "") { controls_.press({kind, text}); }

    LiveModel model_;
    LiveControls controls_{model_};
    LiveStatus status_{.interval = std::chrono::seconds(2), .unicode = false, .news_lines = 2};
    LiveScreen screen_;
};

TEST_F(View, FillsTheScreenAndNoMore) {
    std::vector<std::string> functions;
    for (int i = 0; i < 50; ++i) functions.push_back("function_" + std::to_string(i));
    model_.show(shared(live_report(functions)));
    for (const LiveSize size : {LiveSize{24, 80}, LiveSize{12, 60}, LiveSize{60, 200}}) {
        EXPECT_EQ(lines(size).size(), size.lines);
        for (const std::string& line : screen_.lines) EXPECT_LE(columns(line), size.columns);
        ASSERT_TRUE(screen_.selected);
        EXPECT_THAT(plain(screen_.lines[*screen_.selected]), HasSubstr(" function_"));
        EXPECT_THAT(plain(screen_.lines.back()), StartsWith("q quit"));
    }
    EXPECT_THAT(lines({11, 80}), ::testing::ElementsAre("too small: 60x12 needed"));
    EXPECT_THAT(lines({24, 12}), ::testing::ElementsAre("too small:.."));
}

TEST_F(View, ShowsTheRankingAsATable) {
    model_.show(shared(live_report({"parse_header", "idle"})));
    EXPECT_THAT(lines(), Contains("VERDICT     AN HOUR      LIVE    BLOCKS TREND      FUNCTION"));
    EXPECT_THAT(lines(), Contains("growing   +3.52 KiB    1000 B        10 _.--~=++*# "
                                  "parse_header  http.c:7"));
    model_.filter_by("idle");
    EXPECT_THAT(lines(), Contains("2 stacks by growth; 1 with \"idle\""));
    EXPECT_THAT(lines(), Not(Contains(HasSubstr("parse_header"))));
}

TEST_F(View, SmallScreensKeepRoomForTheRanking) {
    Report report = live_report({"a", "b", "c", "d"});
    report.warnings = {"careful"};
    report.findings = {{.verdict = "leak", .sentence = "`a` leaks " + std::string(200, 'x')}};
    model_.show(shared(report));
    for (const char* name : {" a  ", " b  ", " c  "})
        EXPECT_THAT(lines({12, 60}), Contains(HasSubstr(name)));
}

TEST_F(View, ShowsWhatItIsSortedBy) {
    Report report = live_report({"a"});
    report.stacks[0].totals.allocated_bytes = 5 << 20;
    report.stacks[0].totals.allocated_count = 77;
    report.stacks[0].totals.freed_bytes = 4 << 20;
    report.stacks[0].totals.freed_count = 70;
    model_.show(shared(report));
    EXPECT_THAT(lines(), Not(Contains(HasSubstr("5 MiB"))));
    press(Key::Kind::character, "a");
    EXPECT_THAT(lines(), Contains(HasSubstr(" AN HOUR ALLOCATED    BLOCKS ")));
    EXPECT_THAT(lines(), Contains(HasSubstr("     5 MiB        77 ")));
}

TEST_F(View, ShowsAllThatWasFound) {
    Report report = live_report({"a"});
    const std::string words =
        "very long: " + std::string(70, 'y') + " " + std::string(70, 'z') + " the_end";
    report.warnings = {"first", "second " + words};
    report.findings = {{.verdict = "leak", .sentence = "`a` leaks " + words},
                       {.verdict = "growing", .sentence = "`b` grows"}};
    model_.show(shared(report));
    EXPECT_THAT(lines(), Not(Contains(HasSubstr("the_end"))));
    press(Key::Kind::character, "w");
    EXPECT_THAT(lines(), Contains("warning   first"));
    EXPECT_THAT(lines(), Contains(HasSubstr("the_end.")));
    EXPECT_THAT(lines(), Contains(" 2. `b` grows."));
    EXPECT_THAT(plain(screen_.lines.back()), StartsWith("q back"));
}

TEST_F(View, ALongNoticeIsWrapped) {
    model_.show(shared(live_report({"a"})));
    status_.notice =
        "cannot write " + std::string(40, 'n') + " " + std::string(40, 'm') + " at all";
    EXPECT_THAT(lines()[22], StartsWith("cannot write nnn"));
    EXPECT_THAT(lines()[23], ::testing::EndsWith("mmm at all"));
    EXPECT_EQ(screen_.lines.size(), 24u);
}

TEST_F(View, WhatLapsedMayStillBeLive) {
    Report report = live_report({"a"});
    report.stacks[0].totals.lapsed_bytes = 400;
    report.stacks[0].totals.lapsed_count = 4;
    model_.show(shared(report));
    EXPECT_THAT(lines(), Contains(HasSubstr("   <1000 B       <10 ")));
}

TEST_F(View, OpensAStackWithAllOfItsFrames) {
    Report report = live_report({"a"});
    for (int i = 0; i < 100; ++i)
        report.stacks[0].frames.push_back({.function = "frame_" + std::to_string(i)});
    model_.show(shared(report));
    press(Key::Kind::enter);
    EXPECT_THAT(lines(), Contains(HasSubstr("because of a")));
    EXPECT_THAT(lines()[0], StartsWith("seep top  1234 "));
    EXPECT_THAT(lines(), Not(Contains(StartsWith("resident"))));
    EXPECT_THAT(lines(), Contains(HasSubstr("/src/http.c:7")));
    EXPECT_THAT(lines(), Not(Contains(HasSubstr("frame_99"))));
    press(Key::Kind::end);
    EXPECT_THAT(lines(), Contains(HasSubstr("frame_99")));
    EXPECT_EQ(screen_.lines.size(), 24u);
    press(Key::Kind::page_up);
    EXPECT_THAT(lines(), Not(Contains(HasSubstr("frame_99"))));
}

TEST_F(View, SaysHowTheProcessesAre) {
    Report report = live_report({"a"});
    report.activity = Activity{1234.5, 2048, 1000};
    report.losses[SEEP_LOSS_UNMATCHED_FREES] = 31;
    report.memory.limited_by = MemoryLimit::cgroup;
    report.memory.limit_bytes = 1 << 30;
    report.memory.used_bytes = 1 << 29;
    report.memory.limit = {3600, 7200, std::nullopt};
    report.warnings = {std::string("careful ") + std::string(300, 'w')};
    report.findings = {{.verdict = "leak", .sentence = "`a` leaks"}, {.verdict = "growing"}};
    model_.show(shared(report));
    const auto shown = lines();
    EXPECT_THAT(shown[0], StartsWith("seep top  1234 /usr/bin/server --port 80  "));
    EXPECT_THAT(shown[0], ::testing::EndsWith(" 1m, every 2s"));
    EXPECT_THAT(shown,
                Contains("limit     512 MiB of 1 GiB of the cgroup, reached in 2h (1h to never)"));
    EXPECT_THAT(shown, Contains("calls     1,234 allocations/s of 2 KiB/s, 1,000 frees/s"));
    EXPECT_THAT(shown, Contains("overhead  1.2 % of the target's CPU time (5 % allowed), "
                                "all followed"));
    EXPECT_THAT(shown, Contains("losses    31 unmatched frees"));
    EXPECT_THAT(shown, Contains("warning   careful"));
    EXPECT_THAT(shown, Contains("1 of 2    `a` leaks"));
    status_.ended = "server exited with status 3";
    EXPECT_EQ(lines().back(), "server exited with status 3; q quits");
    press(Key::Kind::enter);
    EXPECT_EQ(lines().back(), "server exited with status 3; q goes back");
    status_.notice = "recording in x.seep";
    EXPECT_EQ(lines().back(), "recording in x.seep");
}

TEST_F(View, HostileNamesStayInTheirPlace) {
    const std::string nasty =
        "evil\x1b[2J\n\r\t\x9b" + std::string("\u202e\u65e5\u672c") + std::string(1 << 20, 'x');
    Report report = live_report({nasty, nasty + "2"});
    report.targets[0].command = nasty;
    report.warnings = {nasty};
    report.verdict = nasty;
    report.stacks[0].reason = nasty;
    report.stacks[0].frames[1].file = nasty;
    report.stacks[0].frames[1].module = nasty;
    model_.show(shared(report));
    status_.unicode = true;
    const auto check = [&](const LiveSize& size) {
        for (const std::string& line : lines(size)) {
            EXPECT_LE(line.size(), 4 * size.columns) << line;
            for (const char* bad : {"\x1b", "\n", "\r", "\t", "\u202e"})
                EXPECT_EQ(line.find(bad), std::string::npos) << line;
        }
    };
    check({24, 80});
    check({12, 60});
    press(Key::Kind::enter);
    check({24, 80});
    press(Key::Kind::escape);
    press(Key::Kind::character, "/");
    press(Key::Kind::character, "\u65e5");
    check({24, 80});
    EXPECT_EQ(batch_text(model_, status_, 80, 0).find('\x1b'), std::string::npos);
}

TEST_F(View, ABatchIsPlainText) {
    model_.show(shared(live_report({"a", "b", "c"})));
    const std::string text = batch_text(model_, status_, 80, 2);
    EXPECT_EQ(text.find('\x1b'), std::string::npos);
    EXPECT_THAT(text, HasSubstr(" a  http.c:7\n"));
    EXPECT_THAT(text, HasSubstr(" b  http.c:7\n"));
    EXPECT_THAT(text, Not(HasSubstr(" c  http.c:7\n")));
    EXPECT_THAT(batch_text(model_, status_, 80, 0), HasSubstr(" c  http.c:7\n"));
}

}  // namespace
}  // namespace seep
