// SPDX-License-Identifier: GPL-2.0-only
#pragma once

// The ranking as a table, one line a stack. Pure.

#include <string>

#include "analysis/ranking.h"
#include "analysis/report.h"
#include "output/page.h"

namespace seep {

/// The columns' titles. Bytes and blocks are those that are live or, if it is sorted by them, all
/// that were allocated.
std::string table_head(const Page& page, SortBy sort);

/// Verdict, growth, live, a sparkline, and the function the stack is named after with its place.
/// Fits the page; wider pages have longer sparklines. `seconds`: of the window.
std::string table_row(const Page& page, const ReportStack& stack, SortBy sort, double seconds,
                      bool unicode);

}  // namespace seep
