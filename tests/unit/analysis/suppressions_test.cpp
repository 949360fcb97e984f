// SPDX-License-Identifier: GPL-2.0-only
#include "analysis/suppressions.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

namespace seep {
namespace {

using testing::HasSubstr;

struct Case {
    const char* pattern;
    const char* text;
    bool matches;
};

TEST(NamePattern, MatchesAsLeakSanitizerDoes) {
    const Case cases[] = {
        {"init", "my_init_table", true},
        {"init", "my_table", false},
        {"^init", "init_table", true},
        {"^init", "my_init", false},
        {"init$", "my_init", true},
        {"init$", "init_table", false},
        {"^init$", "init", true},
        {"^init$", "init_table", false},
        {"in*it", "my_in_between_it_all", true},
        {"in*it", "it_in", false},
        {"^a*c$", "abbbc", true},
        {"^a*c$", "abbbcd", false},
        {"^a*a$", "a", false},  // one letter is not both of them
        {"^a*a$", "aa", true},
        {"a*b*a$", "xaybza", true},
        {"a*b*a$", "xayba_", false},
        {"*", "anything", true},
        {"*", "", false},
        {"^*tail$", "long tail", true},
        {"std::vector<int>::push_back", "std::vector<int>::push_back(int&&)", true},
        {"^libcrypto", "libcrypto.so.3", true},
        {"a$b", "a$b", true},
    };
    for (const Case& each : cases)
        EXPECT_EQ(NamePattern(each.pattern).matches(each.text), each.matches)
            << each.pattern << " on " << each.text;
}

TEST(Suppressions, SkipsCommentsAndBlanks) {
    const auto parsed =
        Suppressions::parse("# known\n\n  leak:one \r\nleak:two*three\n   # leak:none\n", "x.supp");
    ASSERT_TRUE(parsed);
    ASSERT_EQ(parsed->patterns().size(), 2U);
    EXPECT_EQ(parsed->patterns()[0].text(), "one");
    EXPECT_EQ(parsed->patterns()[1].text(), "two*three");
}

TEST(Suppressions, NamesTheBadLine) {
    for (const char* bad : {"leak:a\nrace:b\n", "# c\nleak:\n", "\nleak\n", "\nleak: ^$ \n"}) {
        const auto parsed = Suppressions::parse(bad, "x.supp");
        ASSERT_FALSE(parsed) << bad;
        EXPECT_EQ(parsed.error().kind, ErrorKind::bad_input);
        EXPECT_THAT(parsed.error().message, HasSubstr("x.supp, line 2: "));
    }
}

TEST(Suppressions, MatchesFunctionFileAndModule) {
    RecordingContents contents;
    contents.objects = {{ObjectId(1), {ObjectId(1), ObjectKind::file, "/usr/lib/libz.so.1", "ab"}}};
    const auto add = [&](std::uint32_t id, std::uint32_t object, std::vector<FrameRecord> frames) {
        contents.locations[LocationId(id)] = {LocationId(id), ObjectId(object), id, true,
                                              true,           std::move(frames)};
    };
    add(1, 1, {});
    add(2, 0, {{"inner", "/src/table.c", 3, true}, {"outer", "", 0, false}});
    add(3, 0, {});
    const auto match = [&](const char* rules, std::vector<std::uint32_t> ids) {
        StackRecord stack;
        for (const std::uint32_t id : ids) stack.locations.emplace_back(id);
        const auto parsed = Suppressions::parse(rules, "x");
        return SuppressionMatcher(*parsed, contents).match(stack);
    };
    EXPECT_EQ(match("leak:^libz", {3, 1}), 0U);
    EXPECT_EQ(match("leak:^/usr/lib/", {3, 1}), 0U);
    EXPECT_EQ(match("leak:nothing\nleak:table.c$", {3, 2}), 1U);
    EXPECT_EQ(match("leak:^outer$", {2}), 0U);
    EXPECT_EQ(match("leak:outer\nleak:libz", {1, 2}), 1U);  // the innermost frame decides
    EXPECT_EQ(match("leak:*", {3}), std::nullopt);
    EXPECT_EQ(match("", {1, 2, 3}), std::nullopt);
}

}  // namespace
}  // namespace seep
