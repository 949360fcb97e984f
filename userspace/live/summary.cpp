// SPDX-License-Identifier: GPL-2.0-only
#include "live/summary.h"

#include <fmt/format.h>

#include <algorithm>
#include <optional>
#include <string_view>
#include <vector>

#include "analysis/process_findings.h"
#include "base/text.h"
#include "output/phrases.h"

namespace seep {
namespace {

constexpr std::size_t label_columns = 10;

std::string bytes(std::uint64_t value) {
    return format_bytes(static_cast<double>(value));
}

std::string hourly_growth(double bytes_per_second) {
    return fmt::format("{}/h", signed_bytes(bytes_per_second * seconds_an_hour));
}

/// "4242 redis-server *:6379, and 3 more"
std::string targets_text(const std::vector<ReportProcess>& targets, std::size_t columns) {
    if (targets.empty()) return {};
    const ReportProcess& first = targets.front();
    const std::string more =
        targets.size() > 1 ? fmt::format(", and {} more", targets.size() - 1) : "";
    const std::string text =
        fmt::format("{} {}", first.pid,
                    printable(first.command.empty() ? first.executable : first.command, 400));
    return fit_columns(text, columns - std::min(columns, more.size())) + more;
}

void print_line(Page& page, std::string_view label, const std::string& text) {
    page.line(page.styled(Style::dim, fmt::format("{:{}}", label, label_columns)) +
              fit_columns(text, page.width() - label_columns));
}

void print_resident(Page& page, const Report& report) {
    const ProcessMemory& memory = report.memory;
    std::string text = fmt::format("{} {}", bytes(report.rss_bytes),
                                   hourly_growth(report.rss_growth_bytes_per_second));
    if (memory.anonymous_bytes > 0)
        text += fmt::format(", {} of it anonymous {}", bytes(memory.anonymous_bytes),
                            hourly_growth(memory.anonymous.bytes_per_second));
    if (memory.swap_bytes > 0) text += fmt::format(", {} in swap", bytes(memory.swap_bytes));
    print_line(page, "resident", text);
}

void print_limit(Page& page, const ProcessMemory& memory) {
    if (memory.limited_by == MemoryLimit::unknown) return;
    const std::string reached = limit_text(memory.limit);
    print_line(page, "limit",
               fmt::format("{} of {} of the {}, {}", bytes(memory.used_bytes),
                           bytes(memory.limit_bytes), memory_limit_name(memory.limited_by),
                           reached.empty() ? "not being reached" : "reached in " + reached));
}

std::string activity_text(const std::optional<Activity>& activity) {
    if (!activity) return "not seen between the last two snapshots";
    const auto count = [](double rate) { return format_count(static_cast<std::uint64_t>(rate)); };
    return fmt::format("{} allocations/s of {}/s, {} frees/s", count(activity->allocations),
                       format_bytes(activity->allocated_bytes), count(activity->frees));
}

void print_heap(Page& page, const Report& report) {
    if (!report.recording.sources.heap) return;
    const Totals& totals = report.totals;
    print_line(page, "live heap",
               fmt::format("{} in {}{} {}", bytes(totals.live_bytes()),
                           counted(totals.live_count(), StackKind::heap), lapsed_text(totals),
                           hourly_growth(report.memory.heap.bytes_per_second)));
}

void print_other_sources(Page& page, const Report& report) {
    if (report.mapped)
        print_line(page, "mapped",
                   fmt::format("{} by the program, {} by its allocator since attach",
                               bytes(report.mapped->program), bytes(report.mapped->allocator)));
    if (report.faulted)
        print_line(page, "touched",
                   fmt::format("{} in memory by page faults since attach",
                               bytes(report.faulted->touched)));
}

/// Wrapped, and if it takes more lines than that, cut. 0: never.
void print_words(Page& page, std::string_view label, Style style, const std::string& text,
                 std::size_t most_lines) {
    Page wrapped({.width = page.width()});
    wrapped.paragraph("", label_columns, text);
    std::vector<std::string> lines = wrapped.take_lines();
    if (most_lines > 0 && lines.size() > most_lines) {
        const std::string next = lines[most_lines].substr(label_columns - 1);
        lines.resize(most_lines);
        lines.back() = fit_columns(lines.back() + next + "..", page.width());
    }
    lines.front().replace(0, label_columns,
                          page.styled(style, fmt::format("{:{}}", label, label_columns)));
    for (const std::string& line : lines) page.line(line);
}

/// What to know first: that something is wrong with the numbers, and what was found.
void print_news(Page& page, const Report& report, std::size_t most_lines) {
    if (!report.warnings.empty())
        print_words(page, "warning", Style::yellow, printable(report.warnings.front()), most_lines);
    if (report.findings.empty()) {
        if (report.verdict.empty()) return;
        print_words(page, "verdict", Style::bold,
                    printable(report.verdict + (report.reason.empty() ? "" : ": ") + report.reason),
                    most_lines);
        return;
    }
    const Finding& first = report.findings.front();
    const std::size_t count = report.findings.size();
    print_words(page, count > 1 ? fmt::format("1 of {}", count) : "found",
                verdict_style(first.verdict), printable(first.sentence), most_lines);
}

/// "0.42 % of the target's CPU time (5 % allowed)"; of one that uses little, what is allowed is a
/// share of a core.
std::string overhead_text(const Report& report) {
    std::string text =
        fmt::format("{:.3g} % of the target's CPU time", report.overhead_cpu_percent);
    const double budget = static_cast<double>(report.recording.budget_ppm) / 1e4;
    if (budget > 0 && report.overhead_cpu_percent > budget && !report.over_budget)
        return text + fmt::format(" ({:.2g} % of a core)", report.overhead_core_percent);
    return budget > 0 ? text + fmt::format(" ({:.3g} % allowed)", budget) : text;
}

std::string sampling_text(const ReportSampling& sampling) {
    if (sampling.observed_share < 1)
        return fmt::format("seen {} of it", percent(sampling.observed_share));
    if (sampling.bytes == 0) return "all followed";
    return fmt::format("one in {} followed", bytes(sampling.bytes));
}

}  // namespace

void print_title(Page& page, const Report& report, const LiveStatus& status) {
    const std::chrono::nanoseconds window(report.window_end_ns - report.window_start_ns);
    const std::string time =
        fmt::format("{}, every {}", format_duration(window), format_duration(status.interval));
    const std::size_t room = page.width() - label_columns - time.size() - 2;
    const std::string targets = targets_text(report.targets, room);
    const std::size_t gap = room + 2 - std::min(room, display_columns(targets));
    page.line(page.styled(Style::bold, fmt::format("{:{}}", "seep top", label_columns)) + targets +
              std::string(gap, ' ') + time);
}

void print_summary(Page& page, const Report& report, const LiveStatus& status) {
    print_title(page, report, status);
    print_resident(page, report);
    print_limit(page, report.memory);
    print_heap(page, report);
    if (report.recording.sources.heap) print_line(page, "calls", activity_text(report.activity));
    print_other_sources(page, report);
    print_line(page, "overhead",
               fmt::format("{}, {}", overhead_text(report), sampling_text(report.sampling)));
    print_line(page, "losses", losses_text(report.losses));
    print_news(page, report, status.news_lines);
}

void print_brief_summary(Page& page, const Report& report, const LiveStatus& status) {
    print_title(page, report, status);
    print_resident(page, report);
    print_heap(page, report);
    print_news(page, report, 1);
}

}  // namespace seep
