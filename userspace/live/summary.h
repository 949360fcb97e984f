// SPDX-License-Identifier: GPL-2.0-only
#pragma once

// The head of a live view: what the processes have and do, in a few short lines. Pure.

#include <chrono>
#include <string>

#include "analysis/report.h"
#include "output/page.h"

namespace seep {

/// What a view shows besides the report.
struct LiveStatus {
    std::chrono::nanoseconds interval{};
    std::string ended = {};   ///< How the target ended; empty while it runs.
    std::string notice = {};  ///< What just happened; for the last lines of the screen.
    bool unicode = true;
    std::size_t news_lines =
        0;  ///< The most that a warning or a finding may take; 0: all it needs.
};

/// Its first line alone, for pages that need the room: which targets, for how long. Each line of
/// both fits the page.
void print_title(Page& page, const Report& report, const LiveStatus& status);
void print_summary(Page& page, const Report& report, const LiveStatus& status);
/// The least of it: title, resident size, what is live, and a line of news.
void print_brief_summary(Page& page, const Report& report, const LiveStatus& status);

}  // namespace seep
