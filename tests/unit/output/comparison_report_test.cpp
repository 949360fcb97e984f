// SPDX-License-Identifier: GPL-2.0-only
#include "output/comparison_report.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <nlohmann/json.hpp>

namespace seep {
namespace {

using testing::HasSubstr;
using testing::Not;

Comparison sample() {
    Comparison comparison;
    comparison.base.targets = {{1, "server --old", "/usr/bin/server", ""}};
    comparison.base.start_ns = 1795197600'000'000'000;
    comparison.base.end_ns = comparison.base.start_ns + 3600'000'000'000;
    comparison.current = comparison.base;
    comparison.current.targets[0].command = "server --new";
    comparison.current.growth = 2048;
    ComparedStack more;
    more.change = Change::more;
    more.current = {.seen = true,
                    .live_bytes = 4096,
                    .live_count = 4,
                    .allocated_count = 5,
                    .growth_bytes = 2048,
                    .growth = 2048};
    more.difference = 2048;
    more.low = 1024;
    more.high = 3072;
    more.z = 4;
    more.q_value = 0.001;
    more.frames = {{.function = "malloc", .module = "libc.so.6"},
                   {.function = "f\x1b[2J", .file = "/src/f.c", .line = 7}};
    ComparedStack same;
    same.frames = {{.function = "quiet"}};
    comparison.stacks = {more, same};
    return comparison;
}

TEST(ComparisonText, ShowsWhatDiffers) {
    EXPECT_EQ(text_comparison(sample(), {}),
              R"(Base      1, server --old
          1h from 2026-11-20T18:00:00.000Z; 0 B live, 0 B an hour
Now       1, server --new
          1h from 2026-11-20T18:00:00.000Z; 0 B live, +2 KiB an hour

1 of 2 stacks differ significantly (5 % false alarms among them).

  #1      +2 KiB an hour  more  (+1 KiB to +3 KiB, 95 %)
      base not seen; now +2 KiB by 5 allocations, 4 KiB live
      malloc                                         libc.so.6
      f?[2J                                          /src/f.c:7
)");
    EXPECT_THAT(text_comparison(sample(), {.top = 0}), HasSubstr("quiet"));
}

TEST(ComparisonText, SaysThatNothingDiffers) {
    Comparison comparison = sample();
    comparison.stacks.erase(comparison.stacks.begin());
    comparison.per = ComparedPer::allocated;
    const std::string text = text_comparison(comparison, {});
    EXPECT_THAT(text, HasSubstr("No significant difference in 1 stacks.\n"));
    EXPECT_THAT(text, HasSubstr("+2 KiB per 1,000 allocations"));
    EXPECT_THAT(text, Not(HasSubstr("quiet")));
}

TEST(ComparisonJson, HasBothSidesOfEachStack) {
    const auto json = nlohmann::json::parse(json_comparison(sample(), 0));
    EXPECT_EQ(json["per"], "time");
    EXPECT_EQ(json["base"]["targets"][0]["command"], "server --old");
    ASSERT_EQ(json["stacks"].size(), 2U);
    const auto& stack = json["stacks"][0];
    EXPECT_EQ(stack["change"], "more");
    EXPECT_EQ(stack["base"]["seen"], false);
    EXPECT_EQ(stack["current"]["growth"], 2048.0);
    EXPECT_EQ(stack["difference"]["low"], 1024.0);
    EXPECT_EQ(stack["frames"][1]["line"], 7);
    EXPECT_TRUE(json["stacks"][1]["z"].is_null());
    EXPECT_EQ(nlohmann::json::parse(json_comparison(sample(), 1))["stacks"].size(), 1U);
}

}  // namespace
}  // namespace seep
