// SPDX-License-Identifier: GPL-2.0-only
#pragma once

// Reports as Prometheus metrics. Every number is the report's, in base units (bytes, seconds);
// docs/metrics.md lists the names. The number of series is bounded whatever the targets do: `top`
// stacks, findings and processes each, and the rest summed up as "other".

#include <prometheus/metric_family.h>

#include <cstddef>
#include <map>
#include <set>
#include <string>
#include <vector>

#include "analysis/report.h"
#include "output/metric_families.h"

namespace seep {

inline constexpr std::size_t default_metrics_top = 20;

/// What is analysed on its own: a process, a control group, a command.
struct MetricsTarget {
    std::string name;  ///< The label `target`.
    Report report;
};

/// "server" of "/usr/bin/server --port 80", "nginx" of "nginx: worker process": what a process is
/// called by those who started it; an executable that goes by several names is known by one.
std::string program_name(const ReportProcess& process);
/// "server-1234": the program and the process id.
std::string target_name(const ReportProcess& process);

/// Remembers which stacks have series, so that a stack keeps them while it matters. Not
/// thread-safe.
class MetricsWriter {
 public:
    explicit MetricsWriter(std::size_t top = default_metrics_top) : top_(top) {}
    std::vector<prometheus::MetricFamily> write(const std::vector<MetricsTarget>& targets);

 private:
    std::size_t top_;
    std::map<std::string, std::set<std::string>> shown_;  ///< Ids of stacks, by target.
    RisingCounters counters_;
};

/// Up to `top` stacks to show: those of the findings, gravest first, then those shown before that
/// are still among the 2 * `top` that hold most (live or lapsed), then those that do. So a series
/// does not come and go with the last place of a ranking.
std::vector<const ReportStack*> stacks_to_show(const Report& report, std::size_t top,
                                               const std::set<std::string>& shown);

}  // namespace seep
