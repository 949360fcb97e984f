// SPDX-License-Identifier: GPL-2.0-only
#pragma once

// The parts of the metrics of one target. `target`: the labels that all its series have.

#include <cstddef>
#include <vector>

#include "analysis/report.h"
#include "output/metric_families.h"

namespace seep {

/// Memory, growth, limit and verdict of the processes together.
void add_memory_metrics(const Report& report, const Labels& target, MetricFamilies& families);
/// The `top` processes with the most anonymous memory, and the rest as "other".
void add_process_metrics(const Report& report, const Labels& target, std::size_t top,
                         MetricFamilies& families);
/// What tracing costs, covers and loses.
void add_tracing_metrics(const Report& report, const Labels& target, MetricFamilies& families);
/// Verdicts, the first `top` findings, the stacks `shown`, and the rest as "other".
void add_stack_metrics(const Report& report, const Labels& target, std::size_t top,
                       const std::vector<const ReportStack*>& shown, MetricFamilies& families);

}  // namespace seep
