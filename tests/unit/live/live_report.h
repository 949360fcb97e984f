// SPDX-License-Identifier: GPL-2.0-only
#pragma once

// A report with stacks of the asked names, each growing more slowly than the one before.

#include <memory>
#include <string>
#include <utility>
#include <vector>

#include "analysis/report.h"

namespace seep::testing {

inline ReportStack live_stack(const std::string& function, double bytes_per_second) {
    ReportStack stack;
    stack.id = "id of " + function;
    stack.frames = {{.function = "malloc", .module = "libc.so.6"},
                    {.function = function, .module = "server", .file = "/src/http.c", .line = 7},
                    {.function = "main", .module = "server"}};
    stack.culprit = 1;
    stack.growth = {bytes_per_second, bytes_per_second, bytes_per_second, 600};
    stack.totals.allocated_bytes = 1000;
    stack.totals.allocated_count = 10;
    stack.verdict = bytes_per_second > 0 ? Verdict::growing : Verdict::steady;
    stack.reason = "because of " + function;
    stack.curves.live = {{0, 0}, {60, 1000}};
    return stack;
}

inline Report live_report(const std::vector<std::string>& functions) {
    Report report;
    report.targets = {{1234, "/usr/bin/server --port 80", "/usr/bin/server", "glibc"}};
    report.window_end_ns = 60'000'000'000;
    report.recording.budget_ppm = 50'000;
    report.overhead_cpu_percent = 1.2;
    report.rss_bytes = 100 << 20;
    report.verdict = "steady";
    double rate = static_cast<double>(functions.size()) - 1;
    for (const std::string& function : functions)
        report.stacks.push_back(live_stack(function, rate--));
    return report;
}

inline std::shared_ptr<const Report> shared(Report report) {
    return std::make_shared<const Report>(std::move(report));
}

}  // namespace seep::testing
