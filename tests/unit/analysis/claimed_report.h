// SPDX-License-Identifier: GPL-2.0-only
#pragma once

// Reports of stacks that claim to grow, beside a memory that grows. Rates in bytes a second, with
// intervals of a tenth.

#include <vector>

#include "analysis/report.h"

namespace seep {

Growth growth(double bytes_per_second);

/// A stack of large blocks that was seen to leak in windows.
ReportStack leak(const char* function, double bytes_per_second);
/// What grows, but was not seen to leak.
ReportStack other(const char* function, double bytes_per_second);
/// Of its blocks that were looked at again, so many were there.
ReportStack looked_at(ReportStack stack, double share, bool dying);

/// Holds the stacks against the memory, in a report that may have more already.
void confirm(Report& report, std::vector<ReportStack> stacks, double memory, double memory_lately);
Report confirmed(std::vector<ReportStack> stacks, double memory, double memory_lately);
/// Of the first one.
Verdict verdict_of(std::vector<ReportStack> stacks, double memory, double memory_lately);

}  // namespace seep
