// SPDX-License-Identifier: GPL-2.0-only
#include "live/table.h"

#include <fmt/format.h>

#include <algorithm>

#include "analysis/culprit.h"
#include "base/text.h"
#include "live/sparkline.h"
#include "output/phrases.h"

namespace seep {
namespace {

std::size_t sparkline_columns(const Page& page) {
    constexpr std::size_t least = 8;
    constexpr std::size_t most = 30;
    return std::clamp<std::size_t>(page.width() / 8, least, most);
}

/// Eight columns hold every verdict but the longest, which says least.
const char* verdict_text(const ReportStack& stack) {
    return stack.verdict == Verdict::undetermined ? "?" : verdict_name(stack.verdict);
}

std::string name_text(const ReportStack& stack) {
    if (stack.frames.empty()) return stack.truncated ? "[truncated]" : "?";
    const ReportFrame& frame = stack.frames[stack.culprit];
    const std::string place = brief_place(frame);
    const std::string kind =
        stack.kind == StackKind::heap ? "" : fmt::format("({}) ", stack_kind_name(stack.kind));
    return kind + brief_name(frame) + (place.empty() ? "" : "  " + place) +
           (stack.suppressed ? "  (suppressed)" : "");
}

}  // namespace

std::string table_head(const Page& page, SortBy sort) {
    const char* bytes = sort == SortBy::allocated ? "ALLOCATED" : "LIVE";
    return fit_columns(fmt::format("{:<8} {:>10} {:>9} {:>9} {:<{}} {}", "VERDICT", "AN HOUR",
                                   bytes, "BLOCKS", "TREND", sparkline_columns(page), "FUNCTION"),
                       page.width());
}

std::string table_row(const Page& page, const ReportStack& stack, SortBy sort, double seconds,
                      bool unicode) {
    const bool allocated = sort == SortBy::allocated;
    const Totals& totals = stack.totals;
    const std::string verdict = fmt::format("{:<8}", verdict_text(stack));
    // What has lapsed is neither live nor freed, as far as is known.
    const std::string at_most = totals.lapsed_count > 0 && !allocated ? "<" : "";
    const std::string figures = fmt::format(
        " {:>10} {:>9} {:>9} ", signed_bytes(stack.growth.bytes_per_second * seconds_an_hour),
        at_most + format_bytes(static_cast<double>(allocated ? totals.allocated_bytes
                                                             : totals.held_bytes())),
        at_most + format_count(allocated ? totals.allocated_count : totals.held_count()));
    const std::size_t columns = sparkline_columns(page);
    // Each of its characters takes a column, which display_columns() cannot know.
    std::string line = sparkline(stack.curves.live, seconds, columns, unicode);
    if (line.empty()) line.assign(columns, ' ');
    const std::size_t used = verdict.size() + figures.size() + columns + 1;
    const std::size_t room = page.width() > used ? page.width() - used : 0;
    return page.styled(verdict_style(verdict_name(stack.verdict)), verdict) + figures + line + " " +
           fit_columns(name_text(stack), room);
}

}  // namespace seep
