// SPDX-License-Identifier: GPL-2.0-only

// The layout and the markup; what a browser makes of them is tested in tests/golden.

#include "output/flamegraph.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <limits>
#include <random>

#include "output/flame_tree.h"
#include "output/flamegraph_assets.h"

namespace seep {
namespace {

using testing::HasSubstr;
using testing::Not;

const std::vector<FoldedStack> small{
    {{"main", "a", "malloc"}, 3, 1}, {{"main", "b", "malloc"}, 2, 5}, {{"other", "malloc"}, 1, 1}};

std::string outline(const std::vector<FlameFrame>& frames) {
    std::string text;
    for (const FlameFrame& frame : frames) {
        text += std::string(frame.depth, ' ') +
                (frame.siblings > 0 ? std::to_string(frame.siblings) + " more" : frame.name) + " " +
                std::to_string(frame.start) + "+" + std::to_string(frame.value) + "\n";
    }
    return text;
}

TEST(FlameTree, LaysOutTheWidestFirst) {
    EXPECT_EQ(outline(flame_tree(small, nullptr, 100)),
              " 0+6\n"
              " main 0+5\n"
              "  a 0+3\n"
              "   malloc 0+3\n"
              "  b 3+2\n"
              "   malloc 3+2\n"
              " other 5+1\n"
              "  malloc 5+1\n");
}

TEST(FlameTree, LeavesRoomForStacksThatEndInTheMiddle) {
    const std::vector<FlameFrame> frames =
        flame_tree({{{"f"}, 4, 1}, {{"f", "g"}, 6, 1}}, nullptr, 100);
    EXPECT_EQ(outline(frames), " 0+10\n f 0+10\n  g 0+6\n");
    EXPECT_EQ(frames[1].kind, FrameKind::allocator);
}

TEST(FlameTree, TellsKindsApart) {
    const std::vector<FlameFrame> frames =
        flame_tree({{{"[truncated]", "[x+0x1]", "f", "malloc"}, 1, 1}}, nullptr, 100);
    const std::vector expected{FrameKind::root, FrameKind::truncated, FrameKind::unknown,
                               FrameKind::function, FrameKind::allocator};
    ASSERT_EQ(frames.size(), expected.size());
    for (std::size_t at = 0; at < expected.size(); ++at) EXPECT_EQ(frames[at].kind, expected[at]);
}

TEST(FlameTree, MergesTheNarrowestUnderTheirCaller) {
    std::vector<FoldedStack> stacks{{{"main", "big"}, 100, 1}};
    for (int i = 0; i < 50; ++i) stacks.push_back({{"main", "f" + std::to_string(i)}, 1, 2});
    const std::vector<FlameFrame> frames = flame_tree(stacks, nullptr, 4);
    EXPECT_EQ(outline(frames),
              " 0+150\n main 0+150\n  big 0+100\n  f0 100+1\n  f1 101+1\n  48 more 102+48\n");
    EXPECT_EQ(frames.back().count, 96);
}

TEST(FlameTree, AlwaysAddsUp) {
    std::mt19937 random(1);
    std::vector<FoldedStack> stacks;
    for (int i = 0; i < 2000; ++i) {
        FoldedStack stack{{}, static_cast<std::int64_t>(random() % 1000 + 1), 1};
        for (std::size_t depth = random() % 12 + 1; depth > 0; --depth) {
            stack.frames.push_back(std::to_string(random() % 5));
        }
        stack.frames.emplace_back("malloc");
        stacks.push_back(std::move(stack));
    }
    for (const std::size_t limit : {0U, 1U, 10U, 1000U, 100000U}) {
        const std::vector<FlameFrame> frames = flame_tree(stacks, nullptr, limit);
        std::vector<std::int64_t> filled;  // Of each open frame: the end of its children so far.
        for (const FlameFrame& frame : frames) {
            filled.resize(frame.depth + 1);
            filled.back() = frame.start;
            if (frame.depth == 0) continue;
            EXPECT_EQ(frame.start, filled[frame.depth - 1]);
            filled[frame.depth - 1] += frame.value;
        }
        // No stack ends at the root: its children fill it.
        EXPECT_EQ(filled[0], frames[0].value);
        EXPECT_LE(frames.size(), 1 + limit + limit + 1);
    }
}

TEST(FlameTree, ComparesFrameByFrame) {
    const std::vector<FoldedStack> base{{{"main", "a", "malloc"}, 10, 1}, {{"gone"}, 7, 1}};
    const std::vector<FlameFrame> frames = flame_tree(small, &base, 100);
    EXPECT_EQ(frames[0].base, 17);
    EXPECT_EQ(frames[1].base, 10);
    EXPECT_EQ(frames[4].base, 0);
    EXPECT_THAT(outline(frames), Not(HasSubstr("gone")));
}

TEST(FlameTree, SaturatesRatherThanOverflows) {
    constexpr std::int64_t most = std::numeric_limits<std::int64_t>::max();
    const std::vector<FlameFrame> frames =
        flame_tree({{{"a"}, most, most}, {{"b"}, most, most}}, nullptr, 100);
    EXPECT_EQ(frames[0].value, most);
    EXPECT_EQ(frames[2].start, most);
}

TEST(FlameTree, TakesStacksOfAnyDepth) {
    const FoldedStack deep{std::vector<std::string>(100'000, "recurse"), 1, 1};
    EXPECT_EQ(flame_tree({deep}, nullptr, 1'000'000).size(), 100'001U);
}

TEST(FlameGraph, IsTheSameForTheSameStacks) {
    const FlameOptions options{.title = "t", .subtitle = "s"};
    std::vector<FoldedStack> reversed(small.rbegin(), small.rend());
    EXPECT_EQ(flame_graph(small, options), flame_graph(small, options));
    EXPECT_THAT(flame_graph(reversed, options), HasSubstr("all, 6 B in 7 blocks"));
}

/// Of so many seconds, with stacks of so many bytes.
Report report_of(double seconds, const std::vector<std::pair<std::string, std::uint64_t>>& bytes) {
    Report report;
    report.window_end_ns = static_cast<std::int64_t>(seconds * 1e9);
    for (const auto& [function, size] : bytes) {
        ReportStack& stack = report.stacks.emplace_back();
        stack.frames = {{.function = function}};
        stack.totals.allocated_bytes = size;
        stack.growth.bytes = static_cast<std::int64_t>(size);
    }
    return report;
}

TEST(FlameBase, IsOfAWindowAsLong) {
    const Report base = report_of(10, {{"f", 100}, {"gone", 7}});
    const Report now = report_of(60, {{"f", 600}});
    const FlameBase grown =
        flame_base(base, now, fold(now, StackValue::growth), StackValue::growth, {});
    ASSERT_EQ(grown.stacks.size(), 2U);
    EXPECT_EQ(grown.stacks[0].value, 600);
    EXPECT_THAT(grown.text, HasSubstr("compared with 10s from "));
    EXPECT_THAT(grown.text, HasSubstr(" (times 6, for as long), of which 42 B in 1 stack is not"));
    const FlameBase live = flame_base(base, now, fold(now, StackValue::live), StackValue::live, {});
    EXPECT_EQ(live.stacks[0].value, 100) << "what is live is not of a time";
    EXPECT_THAT(live.text, Not(HasSubstr("times")));
}

TEST(FlameGraph, RefersToNothingOutside) {
    std::string svg = flame_graph(small, {.title = "t", .subtitle = "s"});
    for (const char* forbidden : {"href", "@import", "url(", "innerHTML", "fetch(", "eval("}) {
        EXPECT_THAT(svg, Not(HasSubstr(forbidden)));
    }
}

TEST(FlameGraph, HasAssetsThatMayStandInCdata) {
    EXPECT_THAT(flamegraph_style, Not(HasSubstr("]]>")));
    EXPECT_THAT(flamegraph_script, Not(HasSubstr("]]>")));
}

TEST(FlameGraph, EscapesNames) {
    const std::string svg = flame_graph({{{"<b>&\"]]>\x01\xff\x7f", "malloc"}, 1, 1}},
                                        {.title = "<t>", .subtitle = "&s"});
    EXPECT_THAT(svg, HasSubstr("&lt;b&gt;&amp;&quot;]]&gt;???"));
    EXPECT_THAT(svg, HasSubstr("<title>&lt;t&gt;</title>"));
    EXPECT_THAT(svg, Not(HasSubstr("<b>")));
    EXPECT_THAT(svg, Not(HasSubstr("\x01")));
}

}  // namespace
}  // namespace seep
