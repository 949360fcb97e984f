// SPDX-License-Identifier: GPL-2.0-only
#include "output/stack_text.h"

#include <fmt/format.h>

#include <string>

#include "analysis/findings.h"
#include "base/text.h"
#include "output/phrases.h"

namespace seep {
namespace {

std::string interval_text(const Growth& growth) {
    if (growth.low >= growth.high) return {};
    return fmt::format("  (95 % interval {} to {})", signed_bytes(growth.low * seconds_an_hour),
                       signed_bytes(growth.high * seconds_an_hour));
}

}  // namespace

void print_stack(Page& page, const ReportStack& stack, std::size_t rank, std::size_t finding,
                 Depth depth) {
    const Totals& totals = stack.totals;
    const std::string head =
        fmt::format("{:>4}  {:>12}/h", fmt::format("#{}", rank),
                    signed_bytes(stack.growth.bytes_per_second * seconds_an_hour));
    const std::string verdict = verdict_name(stack.verdict);
    const std::string rest = interval_text(stack.growth) + kind_text(stack.kind) +
                             (finding > 0 ? fmt::format("  (finding {})", finding) : "") +
                             (stack.suppressed ? "  (suppressed)" : "");
    const bool fits = head.size() + 2 + verdict.size() + rest.size() <= page.width();
    page.line(page.styled(Style::bold, head) + "  " + page.styled(verdict_style(verdict), verdict) +
              (fits ? rest : ""));
    if (!fits) page.paragraph("", frame_indent, std::string_view(rest).substr(2));
    page.paragraph(
        "", frame_indent,
        fmt::format("{} live in {}{} ({} in the window), {} allocated, {} freed",
                    live_text(totals, stack.live_standard_error),
                    counted(totals.live_count(), stack.kind), lapsed_text(totals),
                    signed_bytes(static_cast<double>(stack.growth.bytes)),
                    format_count(totals.allocated_count), format_count(totals.freed_count)));
    if (stack.growth_per_work) page.paragraph("", frame_indent, work_text(*stack.growth_per_work));
    if (!stack.reason.empty()) page.paragraph("", frame_indent, printable(stack.reason));
    print_frames(page, stack.frames, stack.truncated, depth);
}

}  // namespace seep
