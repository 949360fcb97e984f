// SPDX-License-Identifier: GPL-2.0-only
#include "output/metrics.h"

#include <arpa/inet.h>
#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <sys/socket.h>

#include <algorithm>
#include <array>
#include <chrono>
#include <cmath>
#include <map>
#include <thread>

#include "base/handles.h"
#include "output/metrics_server.h"
#include "sample_report.h"

namespace seep {
namespace {

using testing::AllOf;
using testing::Contains;
using testing::ElementsAre;
using testing::HasSubstr;
using testing::Key;
using testing::Not;
using testing::Pair;

/// "name{label="value",...}" -> value, as a scrape has it.
std::map<std::string, double> samples(const std::vector<prometheus::MetricFamily>& families) {
    std::map<std::string, double> samples;
    std::istringstream text(metrics_text(families));
    for (std::string line; std::getline(text, line);) {
        if (line.starts_with("#")) continue;
        const std::size_t space = line.rfind(' ');
        EXPECT_TRUE(samples.emplace(line.substr(0, space), std::stod(line.substr(space))).second)
            << line;
    }
    return samples;
}

std::map<std::string, double> written(const Report& report, std::size_t top = 20) {
    return samples(MetricsWriter(top).write({{"t", report}}));
}

TEST(Metrics, HasTheNumbersOfTheReport) {
    Report report = sample_report();
    report.stacks[0].culprit = 1;
    report.memory.anonymous = {5, 2, 7, 300};
    report.losses[SEEP_LOSS_MISSED_FREES] = 3;
    const auto metrics = written(report);
    EXPECT_EQ(metrics.at("seep_resident_bytes{target=\"t\"}"), 123 << 20);
    EXPECT_EQ(metrics.at("seep_live_bytes{target=\"t\",kind=\"heap\"}"), 4500);
    EXPECT_EQ(metrics.at("seep_freed_blocks_total{target=\"t\",kind=\"heap\"}"), 250);
    EXPECT_EQ(metrics.at("seep_probe_hits_total{target=\"t\"}"), 1'234'567);
    EXPECT_DOUBLE_EQ(metrics.at("seep_overhead_ratio{target=\"t\"}"), 0.0042);
    EXPECT_EQ(metrics.at("seep_losses_total{target=\"t\",loss=\"missed_frees\"}"), 3);
    EXPECT_EQ(metrics.at("seep_window_seconds{target=\"t\"}"), 60);
    EXPECT_EQ(metrics.at("seep_verdict{target=\"t\",verdict=\"undetermined\"}"), 1);
    EXPECT_EQ(metrics.at("seep_verdict{target=\"t\",verdict=\"leak\"}"), 0);
    EXPECT_EQ(
        metrics.at("seep_memory_growth_low_bytes_per_second{target=\"t\",kind=\"anonymous\"}"), 2);
    EXPECT_EQ(metrics.at("seep_findings{target=\"t\",verdict=\"growing\"}"), 1);
    EXPECT_EQ(metrics.at("seep_finding_live_bytes{target=\"t\",verdict=\"growing\",function=\"Cache"
                         "::insert\",module=\"server\",location=\"cache.cpp:42\"}"),
              3000);
    EXPECT_EQ(metrics.at("seep_lapsed_bytes{target=\"t\",kind=\"heap\"}"), 0);
    EXPECT_EQ(metrics.at("seep_verdict_stacks{target=\"t\",kind=\"heap\",verdict=\"steady\"}"), 1);
    EXPECT_EQ(metrics.at("seep_stack_live_bytes{target=\"t\",stack=\"00c0ffee\",kind=\"heap\","
                         "function=\"Cache::insert\"}"),
              3000);
}

TEST(Metrics, TimeToLimitIsThereWithALimitAndInfiniteForNever) {
    Report report = sample_report();
    const std::string name = "seep_time_to_limit_seconds{target=\"t\",limit=\"cgroup\"}";
    EXPECT_THAT(written(report), Not(Contains(Key(name))));
    report.memory.limited_by = MemoryLimit::cgroup;
    report.memory.limit_bytes = 1 << 30;
    EXPECT_EQ(written(report).at(name), INFINITY);
    report.memory.limit.expected = 3600;
    EXPECT_EQ(written(report).at(name), 3600);
}

TEST(Metrics, WhatHasNoSeriesOfItsOwnIsInOther) {
    const Report report = sample_report();
    const auto metrics = written(report, 1);
    double live = 0;
    std::size_t stacks = 0;
    for (const auto& [name, value] : metrics)
        if (name.starts_with("seep_stack_live_bytes")) {
            live += value;
            ++stacks;
        }
    EXPECT_EQ(stacks, 2U);
    EXPECT_EQ(live, 4500);
    EXPECT_EQ(metrics.at("seep_stack_live_bytes{target=\"t\",stack=\"other\",kind=\"heap\","
                         "function=\"\"}"),
              1500);
}

TEST(Metrics, ProcessesAreBoundedAndTheDeadHaveNoSeries) {
    Report report = sample_report();
    report.targets.clear();
    for (std::int64_t pid = 1; pid <= 5; ++pid) {
        ReportProcess process{pid, "x", "/bin/x", ""};
        process.last.alive = pid != 5;
        process.last.anonymous_bytes = static_cast<std::uint64_t>(pid) * 100;
        report.targets.push_back(process);
    }
    const auto metrics = written(report, 2);
    EXPECT_EQ(metrics.at("seep_processes{target=\"t\"}"), 4);
    const std::string name = "seep_process_anonymous_bytes{target=\"t\",pid=\"";
    EXPECT_EQ(metrics.at(name + "4\",command=\"x\"}"), 400);
    EXPECT_EQ(metrics.at(name + "other\",command=\"\"}"), 300);
    EXPECT_THAT(metrics, Not(Contains(Key(name + "5\",command=\"x\"}"))));
}

Report report_of(const std::vector<std::uint64_t>& live) {
    Report report;
    for (std::size_t i = 0; i < live.size(); ++i) {
        report.stacks.push_back(sample_stack({{.function = "malloc"}}, live[i], 0, 0));
        report.stacks.back().id = std::to_string(i);
    }
    return report;
}

std::vector<std::string> shown(const Report& report, std::size_t top,
                               const std::set<std::string>& before) {
    std::vector<std::string> ids;
    for (const ReportStack* stack : stacks_to_show(report, top, before)) ids.push_back(stack->id);
    return ids;
}

TEST(ProgramName, IsWhatItWasStartedAs) {
    const auto name = [](const char* command) {
        return program_name({1, command, "/usr/lib/real-name", ""});
    };
    EXPECT_EQ(name("/usr/bin/server --port 80"), "server");
    EXPECT_EQ(name("nginx: worker process"), "nginx");
    EXPECT_EQ(name("redis-server *:6379"), "redis-server");
    EXPECT_EQ(name("-bash"), "bash");
    EXPECT_EQ(name(""), "real-name");
}

TEST(StacksToShow, FindingsFirstThenWhatWasShownThenTheLargest) {
    Report report = report_of({10, 20, 30, 40, 50, 60});
    EXPECT_THAT(shown(report, 2, {}), ElementsAre("5", "4"));
    // 3 is among the four largest, 1 is not.
    EXPECT_THAT(shown(report, 2, {"1", "3"}), ElementsAre("3", "5"));
    report.findings.push_back({.verdict = "leak", .stacks = {"0"}});
    EXPECT_THAT(shown(report, 2, {"3"}), ElementsAre("0", "3"));
    EXPECT_THAT(shown(report, 20, {}), ElementsAre("0", "5", "4", "3", "2", "1"));
}

TEST(MetricFamilies, LabelsAreMadeSafeAndCut) {
    MetricFamilies families;
    families.gauge("seep_x", "x", {{"a", "\xff\n\x1b[2J\"\\" + std::string(1 << 20, 'x')}}, 1);
    families.gauge("seep_x", "x", {{"a", "\xff\n\x1b[2J\"\\" + std::string(1 << 21, 'x')}}, 2);
    const std::string text = metrics_text(std::move(families).take());
    EXPECT_THAT(text, HasSubstr("seep_x{a=\"???[2J\\\"\\\\xxx"));
    EXPECT_LT(text.size(), 300U);  // the second is the first when cut, and left out
}

TEST(RisingCounters, GoOnFromWhereTheyWere) {
    RisingCounters counters;
    const auto apply = [&](double a, double gauge) {
        MetricFamilies families;
        families.counter("seep_a_total", "a", {{"k", "v"}}, a);
        families.gauge("seep_b", "b", {}, gauge);
        auto taken = std::move(families).take();
        counters.apply(taken);
        return samples(taken);
    };
    const std::string a = "seep_a_total{k=\"v\"}";
    EXPECT_THAT(apply(100, 9), AllOf(Contains(Pair(a, 100)), Contains(Pair("seep_b", 9))));
    EXPECT_THAT(apply(130, 5), AllOf(Contains(Pair(a, 130)), Contains(Pair("seep_b", 5))));
    EXPECT_THAT(apply(50, 5), Contains(Pair(a, 130)));
    EXPECT_THAT(apply(60, 5), Contains(Pair(a, 140)));
    EXPECT_THAT(apply(10, 5), Contains(Pair(a, 140)));
}

TEST(ListenAddress, IsTheLoopbackUnlessItSaysOtherwise) {
    for (const char* text : {"9977", ":9977", "localhost:9977", "127.0.0.1:9977"}) {
        const auto address = parse_listen_address(text);
        ASSERT_TRUE(address) << text;
        EXPECT_EQ(address->address, "127.0.0.1");
        EXPECT_EQ(address->port, 9977);
        EXPECT_TRUE(address->is_loopback());
    }
    EXPECT_FALSE(parse_listen_address("0.0.0.0:9977")->is_loopback());
    for (const char* text :
         {"", ":", "127.0.0.1", "127.0.0.1:", "127.0.0.1:65536", "host:1", "[::1]:1",
          "127.0.0.1:1,8080", "127.0.0.1:1s", "127.0.0.1:-1", "1.2.3:4"})
        EXPECT_FALSE(parse_listen_address(text)) << text;
    EXPECT_THAT(parse_listen_address("[::1]:9977").error().message, HasSubstr("IPv6"));
}

/// The answer to a request of HTTP/1.0.
std::string answer(const ListenAddress& address, const std::string& path) {
    const UniqueFd client(socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0));
    sockaddr_in place{};
    place.sin_family = AF_INET;
    place.sin_port = htons(address.port);
    inet_pton(AF_INET, address.address.c_str(), &place.sin_addr);
    if (connect(client.get(), reinterpret_cast<const sockaddr*>(&place), sizeof(place)) != 0)
        return "no connection";
    const std::string request = "GET " + path + " HTTP/1.0\r\n\r\n";
    if (send(client.get(), request.data(), request.size(), 0) < 0) return "not sent";
    std::string text;
    std::array<char, 4096> part{};
    for (ssize_t got = 0; (got = recv(client.get(), part.data(), part.size(), 0)) > 0;)
        text.append(part.data(), static_cast<std::size_t>(got));
    return text;
}

TEST(MetricsServer, SaysWhereTheMetricsAre) {
    const auto server = MetricsServer::listen({"127.0.0.1", 0});
    ASSERT_TRUE(server) << server.error().message;
    EXPECT_THAT(answer(server->address(), "/"), AllOf(HasSubstr(" 200 "), HasSubstr("/metrics")));
    EXPECT_THAT(answer(server->address(), "/metrics"), HasSubstr(" 200 "));
    EXPECT_THAT(answer(server->address(), "/other"), HasSubstr(" 404 "));
}

TEST(MetricsServer, EndsAtOnce) {
    using std::chrono::steady_clock;
    const auto ending = [] {
        auto server = MetricsServer::listen({"127.0.0.1", 0});
        std::this_thread::sleep_for(std::chrono::milliseconds(20));  // until it waits
        const auto begun = steady_clock::now();
        { const auto ended = std::move(server); }
        return steady_clock::now() - begun;
    };
    // The library alone takes two seconds.
    EXPECT_LT(std::min(ending(), ending()), std::chrono::milliseconds(1500));
}

TEST(MetricsServer, SaysThatAPortIsTaken) {
    const auto first = MetricsServer::listen({"127.0.0.1", 0});
    ASSERT_TRUE(first) << first.error().message;
    EXPECT_NE(first->address().port, 0);
    const auto second = MetricsServer::listen(first->address());
    ASSERT_FALSE(second);
    EXPECT_THAT(second.error().message, HasSubstr("already in use"));
}

}  // namespace
}  // namespace seep
