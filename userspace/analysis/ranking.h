// SPDX-License-Identifier: GPL-2.0-only
#pragma once

// The report: every stack with its totals, growth and verdict, in rank order. Pure.

#include <string_view>

#include "analysis/contents.h"
#include "analysis/report.h"
#include "analysis/suppressions.h"
#include "base/result.h"

namespace seep {

/// growth: what surely grew first, by the lower end of its interval; the rest by its plain rate.
/// live, allocated: bytes. count: live blocks. Equal ones: by live bytes, then by id. What has
/// lapsed counts as live: where the probes come and go, nothing else is.
enum class SortBy { growth, live, count, allocated };
/// bad_input for another name.
Result<SortBy> parse_sort(std::string_view name);

/// The order of a ranking.
bool ranks_before(const ReportStack& a, const ReportStack& b, SortBy sort);

struct ReportOptions {
    SortBy sort = SortBy::growth;
    Suppressions suppressions = {};
    bool curves = false;  ///< For charts: ReportStack::curves and Report::over_time.
};

std::vector<ReportProcess> report_targets(const RecordingContents& contents);

Report build_report(const RecordingContents& contents, const ReportOptions& options);

}  // namespace seep
