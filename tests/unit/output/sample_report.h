// SPDX-License-Identifier: GPL-2.0-only
#pragma once

// A report by hand: two functions that grow, one of them inlined, one that does not.

#include "analysis/report.h"

namespace seep {

inline ReportStack sample_stack(std::vector<ReportFrame> frames, std::uint64_t allocated,
                                std::uint64_t freed, std::int64_t growth) {
    ReportStack stack;
    stack.id = "00c0ffee";
    stack.totals.allocated_bytes = allocated;
    stack.totals.allocated_count = allocated / 10;
    stack.totals.freed_bytes = freed;
    stack.totals.freed_count = freed / 10;
    stack.growth.bytes = growth;
    stack.growth.bytes_per_second = static_cast<double>(growth) / 60;
    stack.growth.low = stack.growth.high = stack.growth.bytes_per_second;
    stack.frames = std::move(frames);
    return stack;
}

inline Report sample_report() {
    const ReportFrame malloc_frame{.function = "malloc", .module = "libc.so.6", .offset = 0x9a700};
    const ReportFrame inlined{.function = "Cache::insert(std::string const&)",
                              .module = "server",
                              .offset = 0x1234,
                              .file = "/src/cache.cpp",
                              .line = 42,
                              .inlined = true};
    const ReportFrame handler{.function = "handle_request(Request&)",
                              .module = "server",
                              .offset = 0x1234,
                              .file = "/src/server.cpp",
                              .line = 107};
    const ReportFrame unknown{.module = "libplugin.so", .offset = 0xbeef};
    const ReportFrame main_frame{.function = "main", .module = "server", .offset = 0x1000};

    Report report;
    report.targets = {{1234, "/usr/bin/server --port 80", "/usr/bin/server", "glibc (libc.so.6)"}};
    report.window_start_ns = 1795197600'250'000'000;
    report.window_end_ns = report.window_start_ns + 60'000'000'000;
    report.snapshots = 7;
    report.probe_hits = 1'234'567;
    report.overhead_cpu_percent = 0.42;
    report.rss_bytes = 123 << 20;
    report.rss_growth_bytes_per_second = 1000;
    report.totals.allocated_bytes = 7000;
    report.totals.allocated_count = 700;
    report.totals.freed_bytes = 2500;
    report.totals.freed_count = 250;
    report.verdict = "undetermined";
    report.reason = "the window is short";

    report.stacks = {sample_stack({malloc_frame, inlined, handler, main_frame}, 4000, 1000, 2400),
                     sample_stack({malloc_frame, unknown}, 1000, 500, 600),
                     sample_stack({malloc_frame, handler, main_frame}, 2000, 1000, -300)};
    report.stacks[1].id = "01c0ffee";
    report.stacks[2].id = "02c0ffee";
    report.stacks[0].verdict = Verdict::growing;
    report.stacks[0].reason = "grew in each of 8 windows";
    report.stacks[1].truncated = true;
    report.stacks[2].verdict = Verdict::steady;

    Finding finding;
    finding.verdict = "growing";
    finding.sentence = "`Cache::insert` (cache.cpp:42) grows";
    finding.frame = inlined;
    finding.growth = report.stacks[0].growth;
    finding.live_bytes = 3000;
    finding.live_count = 300;
    finding.allocated_count = 400;
    finding.freed_count = 100;
    finding.evidence.age_ratio = 0.48;
    finding.stacks = {"00c0ffee"};
    report.findings = {finding};
    report.suppressions = {{"^known$", 2, 2048, 7}};
    return report;
}

}  // namespace seep
