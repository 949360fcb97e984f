// SPDX-License-Identifier: GPL-2.0-only

#include "analysis/window.h"

#include <gmock/gmock.h>

namespace seep {
namespace {

constexpr std::int64_t second = 1'000'000'000;
constexpr std::int64_t start = 1'763'662'000 * second;

std::vector<SnapshotRecord> at(const std::vector<double>& seconds) {
    std::vector<SnapshotRecord> snapshots;
    for (const double s : seconds)
        snapshots.push_back({start + static_cast<std::int64_t>(s * 1e9), {}});
    return snapshots;
}

std::pair<std::size_t, std::size_t> resolved(const char* text,
                                             const std::vector<SnapshotRecord>& snapshots) {
    const Result<WindowRequest> request = parse_window(text);
    EXPECT_TRUE(request) << text;
    const Result<Window> window = resolve_window(*request, snapshots);
    EXPECT_TRUE(window) << text << ": " << window.error().message;
    return {window->first, window->last};
}

TEST(Window, TakesTheNearestSnapshots) {
    const auto snapshots = at({0, 10.001, 20.002, 30.003, 40.004});
    using Ends = std::pair<std::size_t, std::size_t>;
    EXPECT_EQ(resolved(":", snapshots), (Ends{0, 4}));
    EXPECT_EQ(resolved("10s:30s", snapshots), (Ends{1, 3}));
    EXPECT_EQ(resolved("10s:", snapshots), (Ends{1, 4}));
    EXPECT_EQ(resolved(":20s", snapshots), (Ends{0, 2}));
    EXPECT_EQ(resolved("14s:16s", snapshots), (Ends{1, 2}));
    EXPECT_EQ(resolved("30s:2h", snapshots), (Ends{3, 4}));
    EXPECT_EQ(resolved("0s:100000d", snapshots), (Ends{0, 4}));
}

TEST(Window, RefusesWhatIsNone) {
    for (const char* text : {"", "10s", "10:20", "x:", ":y", "20s:10s", "10s:10s", "1s:2s:3s"}) {
        const Result<WindowRequest> request = parse_window(text);
        ASSERT_FALSE(request) << text;
        EXPECT_EQ(request.error().kind, ErrorKind::bad_input);
        EXPECT_FALSE(request.error().hint.empty()) << text;
    }
}

TEST(Window, NeedsTwoSnapshots) {
    const Result<Window> window = resolve_window(*parse_window("11s:12s"), at({0, 10, 20}));
    ASSERT_FALSE(window);
    EXPECT_EQ(window.error().kind, ErrorKind::bad_input);
    EXPECT_THAT(window.error().hint, ::testing::HasSubstr("3 within 20s"));
    EXPECT_FALSE(resolve_window(*parse_window("1h:"), at({0, 10, 20})));
}

TEST(Window, AWholeRecordingMayHaveOneSnapshot) {
    const Result<Window> window = resolve_window({}, at({0}));
    ASSERT_TRUE(window);
    EXPECT_EQ(window->snapshots(), 1u);
    EXPECT_FALSE(resolve_window(*parse_window("0s:"), at({0})));
}

}  // namespace
}  // namespace seep
