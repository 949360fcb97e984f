// SPDX-License-Identifier: GPL-2.0-only
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <limits>
#include <nlohmann/json.hpp>

#include "output/text_report.h"
#include "sample_report.h"

namespace seep {
namespace {

using nlohmann::ordered_json;
using testing::ElementsAre;

ordered_json parsed(const Report& report, std::size_t top = 0) {
    return ordered_json::parse(json_report(report, top));
}

std::vector<std::string> keys(const ordered_json& object) {
    std::vector<std::string> names;
    for (const auto& item : object.items()) names.push_back(item.key());
    return names;
}

TEST(JsonReport, HasTheKeysThatProgramsRelyOn) {
    const ordered_json json = parsed(sample_report());
    EXPECT_THAT(keys(json), ElementsAre("seep", "target", "targets", "window", "sources",
                                        "sampling", "overhead", "losses", "truncated_share",
                                        "truncated_in", "process", "memory", "warnings", "findings",
                                        "without_findings", "suppressions", "clusters", "stacks"));
    EXPECT_THAT(keys(json["findings"][0]),
                ElementsAre("rank", "verdict", "kind", "sentence", "function", "module", "file",
                            "line", "bytes_per_hour", "growth_per_1000_work", "live_bytes",
                            "live_count", "lapsed_bytes", "lapsed_count", "allocated_count",
                            "freed_count", "seconds_to_limit", "stacks"));
    EXPECT_THAT(
        keys(json["memory"]),
        ElementsAre("anonymous_bytes", "swap_bytes", "file_bytes", "heap_bytes", "heap_peak_bytes",
                    "heap_in_use", "bytes_per_hour", "kappa", "coverage", "limited_by",
                    "limit_bytes", "used_bytes", "seconds_to_limit", "advice"));
    EXPECT_THAT(keys(json["findings"][0]["bytes_per_hour"]),
                ElementsAre("estimate", "low", "high"));
    EXPECT_THAT(keys(json["suppressions"][0]),
                ElementsAre("pattern", "stacks", "live_bytes", "live_count"));
    EXPECT_THAT(keys(json["seep"]), ElementsAre("version", "format"));
    EXPECT_THAT(keys(json["target"]),
                ElementsAre("pid", "command", "executable", "allocators", "unwind_tables"));
    EXPECT_THAT(keys(json["process"]),
                ElementsAre("rss_bytes", "live_bytes", "live_bytes_standard_error", "live_count",
                            "allocated_bytes", "allocated_count", "freed_bytes", "freed_count",
                            "lapsed_bytes", "lapsed_count", "rss_growth_bytes_per_second", "mapped",
                            "faulted", "work", "growth_per_1000_work", "verdict", "reason"));
    EXPECT_THAT(
        keys(json["stacks"][0]),
        ElementsAre("rank", "id", "kind", "live_bytes", "live_bytes_standard_error", "live_count",
                    "allocated_bytes", "allocated_count", "freed_bytes", "freed_count",
                    "lapsed_bytes", "lapsed_count", "growth", "growth_per_1000_work", "verdict",
                    "reason", "evidence", "suppressed", "truncated", "frames"));
    EXPECT_THAT(
        keys(json["stacks"][0]["evidence"]),
        ElementsAre("turnover_z", "q_value", "age_ratio", "survival", "staying", "unreachable",
                    "lost_object", "lost_of_heap", "pace", "decidable_at", "cluster"));
    EXPECT_THAT(keys(json["stacks"][0]["growth"]),
                ElementsAre("bytes_per_second", "low", "high", "bytes"));
    EXPECT_THAT(keys(json["stacks"][0]["frames"][0]),
                ElementsAre("function", "module", "offset", "file", "line", "inlined"));
    EXPECT_EQ(json["losses"].size(), std::size_t{SEEP_LOSS_COUNT});
}

TEST(JsonReport, TellsWhatIsMappedWhereThatWasFollowed) {
    Report report = sample_report();
    EXPECT_TRUE(parsed(report)["process"]["mapped"].is_null());
    report.mapped = MappedBytes{.program = 100, .allocator = 20, .thread_stacks = 30, .earlier = 4};
    report.mapping_totals.allocated_bytes = 150;
    report.stacks[0].kind = StackKind::mapping;
    const ordered_json json = parsed(report);
    EXPECT_EQ(json["process"]["mapped"]["live_bytes"], 100);
    EXPECT_EQ(json["process"]["mapped"]["allocator_bytes"], 20);
    EXPECT_EQ(json["process"]["mapped"]["thread_stack_bytes"], 30);
    EXPECT_EQ(json["process"]["mapped"]["earlier_bytes"], 4);
    EXPECT_EQ(json["process"]["mapped"]["allocated_bytes"], 150);
    EXPECT_EQ(json["stacks"][0]["kind"], "mapping");
    EXPECT_EQ(json["stacks"][1]["kind"], "heap");
}

TEST(JsonReport, HasTheValuesOfTheReport) {
    const ordered_json json = parsed(sample_report());
    EXPECT_EQ(json["seep"]["version"], SEEP_VERSION);
    EXPECT_EQ(json["seep"]["format"], 1);
    EXPECT_EQ(json["target"]["pid"], 1234);
    EXPECT_EQ(json["window"]["start"], "2026-11-20T18:00:00.250Z");
    EXPECT_EQ(json["window"]["seconds"], 60.0);
    EXPECT_EQ(json["process"]["live_bytes"], 4500);
    const ordered_json& stack = json["stacks"][1];
    EXPECT_EQ(stack["rank"], 2);
    EXPECT_EQ(stack["kind"], "heap");
    EXPECT_EQ(stack["live_bytes"], 500);
    EXPECT_EQ(stack["growth"]["bytes_per_second"], 10.0);
    EXPECT_EQ(stack["truncated"], true);
    EXPECT_EQ(stack["frames"][0]["function"], "malloc");
    EXPECT_EQ(stack["frames"][1]["function"], "");
    EXPECT_EQ(stack["frames"][1]["offset"], 0xbeef);
    EXPECT_EQ(json["stacks"][0]["frames"][1]["inlined"], true);
    EXPECT_EQ(json["stacks"][0]["frames"][1]["line"], 42);
    EXPECT_EQ(json["stacks"][0]["verdict"], "growing");
}

TEST(JsonReport, EvidenceThatIsNotKnownIsNull) {
    Report report = sample_report();
    Evidence& evidence = report.stacks[0].evidence;
    evidence.turnover_z = 7.5;
    evidence.survival = {.age_seconds = 30, .share = 0.25, .low = 0.125, .high = 0.5};
    evidence.decidable_at_ns = report.window_end_ns;
    evidence.cluster = 1;
    report.clusters = {
        {.frame = report.stacks[0].frames[1], .stacks = {"00c0ffee"}, .bytes_per_second = 40}};
    const ordered_json json = parsed(report);
    const ordered_json& known = json["stacks"][0]["evidence"];
    EXPECT_EQ(known["turnover_z"], 7.5);
    EXPECT_EQ(known["survival"]["low"], 0.125);
    EXPECT_EQ(known["decidable_at"], "2026-11-20T18:01:00.250Z");
    EXPECT_EQ(known["cluster"], 1);
    EXPECT_EQ(json["clusters"][0]["frame"]["line"], 42);
    EXPECT_EQ(json["clusters"][0]["id"], 1);
    for (const auto& item : json["stacks"][1]["evidence"].items())
        EXPECT_TRUE(item.value().is_null()) << item.key();
}

TEST(JsonReport, ListsTheFirstOnly) {
    EXPECT_EQ(parsed(sample_report(), 2)["stacks"].size(), 2U);
    EXPECT_EQ(parsed(sample_report(), 0)["stacks"].size(), 3U);
    EXPECT_EQ(parsed(sample_report(), 99)["stacks"].size(), 3U);
}

TEST(JsonReport, IsValidWithoutTargetOrStacks) {
    const ordered_json json = parsed(Report{});
    EXPECT_EQ(json["target"]["pid"], 0);
    EXPECT_TRUE(json["targets"].empty());
    EXPECT_TRUE(json["stacks"].is_array());
    EXPECT_TRUE(json["stacks"].empty());
}

TEST(JsonReport, IsValidForEveryByteInNames) {
    std::string bytes;
    for (int byte = 0; byte < 256; ++byte) bytes += static_cast<char>(byte);
    Report report = sample_report();
    report.targets[0].command = bytes;
    report.reason = bytes;
    report.warnings = {bytes};
    report.stacks[0].frames[0].function = bytes;
    report.stacks[0].frames[0].file = bytes + "\xed\xa0\x80\xf4\x90\x80\x80";
    const ordered_json json = parsed(report);
    const std::string name = json["stacks"][0]["frames"][0]["function"];
    EXPECT_EQ(name.substr(0, 128), bytes.substr(0, 128));
    EXPECT_EQ(name.substr(128, 3), "\xef\xbf\xbd");
}

TEST(JsonReport, KeepsHugeNumbersExact) {
    Report report = sample_report();
    report.stacks[0].totals.allocated_bytes = ~0ULL;
    report.stacks[0].totals.freed_bytes = 0;
    report.stacks[0].growth.bytes = std::numeric_limits<std::int64_t>::min();
    const ordered_json stack = parsed(report)["stacks"][0];
    EXPECT_EQ(stack["live_bytes"].get<std::uint64_t>(), ~0ULL);
    EXPECT_EQ(stack["growth"]["bytes"].get<std::int64_t>(),
              std::numeric_limits<std::int64_t>::min());
}

}  // namespace
}  // namespace seep
