// SPDX-License-Identifier: GPL-2.0-only
#include "output/findings_text.h"

#include <fmt/format.h>

#include <algorithm>
#include <array>
#include <optional>
#include <string>
#include <string_view>

#include "analysis/findings.h"
#include "base/text.h"

namespace seep {
namespace {

constexpr std::size_t number_indent = 4;

std::string hourly_bytes(double bytes_per_second) {
    return format_bytes(bytes_per_second * seconds_an_hour);
}

std::string ratio(const std::optional<double>& value) {
    return value ? fmt::format("{:.2f}", *value) : "-";
}

std::string freed_share(const Finding& finding) {
    if (finding.allocated_count == 0) return "-";
    return fmt::format("{:.3g} %", 100 * static_cast<double>(finding.freed_count) /
                                       static_cast<double>(finding.allocated_count));
}

/// Fits 80 columns; what says least is left out of a narrower page.
void print_evidence(Page& page, const Report& report, std::size_t shown) {
    const bool wide = page.width() >= 79;
    const auto print_row = [&](std::string_view number, std::string_view verdict,
                               const std::array<std::string, 7>& cells) {
        std::string row = fmt::format("{:>3}  {:<8} {:>9} {:>9} {:>9} {:>9}", number, verdict,
                                      cells[0], cells[1], cells[2], cells[3]);
        if (wide) row += fmt::format(" {:>10} {:>7} {:>5}", cells[4], cells[5], cells[6]);
        page.line(number.empty() ? page.styled(Style::bold, row) : row);
    };
    print_row("", "verdict", {"an hour", "from", "to", "live", "blocks", "freed", "age"});
    for (std::size_t i = 0; i < shown; ++i) {
        const Finding& finding = report.findings[i];
        if (finding.stacks.empty()) continue;  // its sentence has all that there is
        print_row(std::to_string(i + 1), finding.verdict,
                  {hourly_bytes(finding.growth.bytes_per_second), hourly_bytes(finding.growth.low),
                   hourly_bytes(finding.growth.high),
                   format_bytes(static_cast<double>(finding.live_bytes + finding.lapsed_bytes)),
                   format_count(finding.live_count + finding.lapsed_count), freed_share(finding),
                   finding.lapsed_count > 0 ? "-" : ratio(finding.evidence.age_ratio)});
    }
    const char* age =
        " age: of what is live, as a share of the time since attach; 0.5 if it leaks "
        "evenly.";
    const bool lapsed = std::ranges::any_of(
        report.findings, [](const Finding& finding) { return finding.lapsed_count > 0; });
    page.paragraph("", number_indent + 1,
                   std::string("from, to: the 95 % interval.") +
                       (lapsed ? " live, blocks: with what has lapsed." : "") + (wide ? age : ""));
}

void print_suppressions(Page& page, const Report& report) {
    for (const SuppressionUse& use : report.suppressions)
        page.paragraph("", number_indent,
                       fmt::format("suppressed by leak:{}: {} stack{}, {} live in {} blocks",
                                   printable(use.pattern, 200), format_count(use.stacks),
                                   use.stacks == 1 ? "" : "s",
                                   format_bytes(static_cast<double>(use.live_bytes)),
                                   format_count(use.live_count)));
}

}  // namespace

void print_findings(Page& page, const Report& report, std::size_t top) {
    const std::size_t count = report.findings.size();
    const std::size_t shown = top == 0 ? count : std::min(top, count);
    if (count == 0) page.paragraph("", 0, page.styled(Style::bold, without_findings(report)));
    for (std::size_t i = 0; i < shown; ++i) {
        const Finding& finding = report.findings[i];
        page.paragraph(fmt::format("{:>2}. ", i + 1), number_indent, finding.sentence + ".",
                       verdict_style(finding.verdict));
        if (finding.verdict == report.memory.verdict && !report.memory.advice.empty())
            page.paragraph("", number_indent, "Try: " + report.memory.advice + ".");
    }
    if (shown < count)
        page.line(fmt::format("    and {} more finding{}", format_count(count - shown),
                              count - shown == 1 ? "" : "s"));
    print_suppressions(page, report);
    const auto has_stacks = [](const Finding& finding) { return !finding.stacks.empty(); };
    if (std::ranges::none_of(report.findings.begin(),
                             report.findings.begin() + static_cast<std::ptrdiff_t>(shown),
                             has_stacks))
        return;
    page.line();
    print_evidence(page, report, shown);
}

}  // namespace seep
