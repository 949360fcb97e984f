// SPDX-License-Identifier: GPL-2.0-only
#include "triggers/start_condition.h"

#include <gmock/gmock.h>

#include <random>

namespace seep {
namespace {

using ::testing::HasSubstr;
using Kind = StartCondition::Kind;

constexpr std::uint64_t mib = 1 << 20;

StartCondition condition(std::string_view text) {
    auto parsed = StartCondition::parse(text);
    EXPECT_TRUE(parsed) << text << ": " << parsed.error().message;
    return *parsed;
}

TEST(StartCondition, ComparesResidentMemory) {
    StartCondition rss = condition(" rss > 2G ");
    EXPECT_EQ(rss.kind(), Kind::rss);
    EXPECT_FALSE(rss.holds({.rss_bytes = 2048 * mib}));
    EXPECT_TRUE(rss.holds({.rss_bytes = 2048 * mib + 1}));
}

TEST(StartCondition, ComparesTheControlGroupWithItsLimit) {
    StartCondition share = condition("cgroup>80%");
    EXPECT_FALSE(share.holds({.cgroup_bytes = 80, .cgroup_limit = 100}));
    EXPECT_TRUE(share.holds({.cgroup_bytes = 81, .cgroup_limit = 100}));
    EXPECT_FALSE(share.holds({.cgroup_bytes = 81}));
    EXPECT_THAT(share.hopeless({.cgroup_bytes = 81}), HasSubstr("no memory limit"));
    EXPECT_THAT(share.hopeless({}), HasSubstr("cannot be seen"));
    EXPECT_EQ(share.hopeless({.cgroup_bytes = 1, .cgroup_limit = 100}), "");

    StartCondition bytes = condition("cgroup>1K");
    EXPECT_TRUE(bytes.holds({.cgroup_bytes = 1025}));
    EXPECT_EQ(bytes.hopeless({.cgroup_bytes = 1}), "");
}

TEST(StartCondition, TheSignalHoldsByItselfOnly) {
    EXPECT_EQ(condition("signal").kind(), Kind::signal);
    EXPECT_FALSE(condition("signal").holds({.rss_bytes = ~std::uint64_t{0}}));
}

/// The second at which it comes to hold, one reading a second; -1: never.
int holds_at(StartCondition condition, int seconds, const std::function<double(int)>& rss) {
    for (int second = 0; second < seconds; ++second)
        if (condition.holds(
                {.seconds = 1000.0 + second, .rss_bytes = static_cast<std::uint64_t>(rss(second))}))
            return second;
    return -1;
}

TEST(StartCondition, GrowthMustLastForTheSpan) {
    const auto steadily = [](int second) { return 1e9 + second * 1e6; };
    const int at = holds_at(condition("rss-growth>50M/min"), 700, steadily);
    EXPECT_GE(at, 540);
    EXPECT_LE(at, 620);
    const int sooner = holds_at(condition("rss-growth>50M/min over 1m"), 700, steadily);
    EXPECT_GE(sooner, 54);
    EXPECT_LE(sooner, 62);
    // 1e6 bytes a second are 57.2 MiB a minute.
    EXPECT_EQ(holds_at(condition("rss-growth>58M/m over 1m"), 700, steadily), -1);
}

TEST(StartCondition, ABurstOrNoiseIsNoGrowth) {
    EXPECT_EQ(holds_at(condition("rss-growth>1M/h over 5m"), 3000,
                       [](int second) { return second < 1000 ? 1e9 : 2e9; }),
              -1);
    std::mt19937_64 random(7);
    std::normal_distribution<double> noise(1e9, 3e7);
    EXPECT_EQ(
        holds_at(condition("rss-growth>200M/h over 10m"), 3000, [&](int) { return noise(random); }),
        -1);
}

class BadCondition : public ::testing::TestWithParam<const char*> {};

TEST_P(BadCondition, IsRefusedWithWhatCanBeWritten) {
    const auto parsed = StartCondition::parse(GetParam());
    ASSERT_FALSE(parsed);
    EXPECT_EQ(parsed.error().kind, ErrorKind::bad_input);
    EXPECT_THAT(parsed.error().message, HasSubstr("write rss>2G"));
}

INSTANTIATE_TEST_SUITE_P(Texts, BadCondition,
                         ::testing::Values("", "rss", "rss>", "rss>2Q", "rss<2G", "heap>2G",
                                           "rss>-1", "rss-growth>50M", "rss-growth>50M/y",
                                           "rss-growth>/h", "rss-growth>5M/h over", "cgroup>0%",
                                           "rss-growth>5M/h over 10", "cgroup>101%", "cgroup>x%",
                                           "rss-growth>5M/h over 100ms", "signals", "rss>2G>3G",
                                           "rss-growth>1M/h over 1m over 2m"));

}  // namespace
}  // namespace seep
