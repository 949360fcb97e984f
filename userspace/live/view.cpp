// SPDX-License-Identifier: GPL-2.0-only
#include "live/view.h"

#include <fmt/format.h>

#include <algorithm>
#include <array>
#include <utility>

#include "analysis/culprit.h"
#include "base/text.h"
#include "live/sparkline.h"
#include "live/table.h"
#include "output/findings_text.h"
#include "output/phrases.h"
#include "output/stack_text.h"

namespace seep {
namespace {

/// Lines that what just happened may take.
constexpr std::size_t most_notice_lines = 3;
/// On fewer lines the summary is brief, so that there is room for the ranking.
constexpr std::size_t least_lines_for_summary = 20;

constexpr std::array<std::pair<const char*, const char*>, 18> help{{
    {"up, down, j, k", "select a stack; Page Up, Page Down, Home, End go further"},
    {"Enter", "the selected stack with files and lines; Enter goes back"},
    {"w", "what was found, warnings and the verdict, in full; w goes back"},
    {"s", "sort by the next of growth, live, count, allocated"},
    {"g, l, c, a", "sort by growth, live bytes, count, allocated bytes"},
    {"/", "only stacks with a text in a function, module, file, verdict"},
    {"v", "only what grows, or all again"},
    {"Escape", "all stacks again"},
    {"Space", "hold the view as it is, or go on"},
    {"f", "write a flame graph of what the ranking is sorted by"},
    {"r", "save a recording, for seep report and the others"},
    {"q", "back to the ranking; there: quit"},
    {"", ""},
    {"VERDICT", "? cannot be told yet; the stack's page (Enter) says why"},
    {"AN HOUR", "growth, from the low points of the stack's live bytes"},
    {"LIVE, BLOCKS", "< at most: some may have been freed unseen"},
    {"lapsed", "outlived the time that was traced; live, or freed unseen"},
    {"TREND", "live bytes over time, each stack on a scale of its own"},
}};

const char* sort_name(SortBy sort) {
    switch (sort) {
        case SortBy::growth:
            return "growth";
        case SortBy::live:
            return "live bytes";
        case SortBy::count:
            return "count";
        case SortBy::allocated:
            return "allocated bytes";
    }
    return "";
}

double window_seconds(const Report& report) {
    return static_cast<double>(report.window_end_ns - report.window_start_ns) / 1e9;
}

/// "83 stacks by growth; 3 with "parse""
std::string ranking_text(const LiveModel& model) {
    const std::size_t all = model.report()->stacks.size();
    std::string text = fmt::format("{} stack{} by {}", format_count(all), all == 1 ? "" : "s",
                                   sort_name(model.sort()));
    if (model.only_growing() || !model.filter().empty())
        text += fmt::format(
            "; {}{}{}", format_count(model.rows().size()), model.only_growing() ? " that grow" : "",
            model.filter().empty() ? "" : fmt::format(" with \"{}\"", printable(model.filter())));
    return text;
}

/// What just happened.
std::vector<std::string> notice_lines(const Page& page, const LiveStatus& status) {
    Page notice({.width = page.width()});
    notice.paragraph("", 0, status.notice);
    std::vector<std::string> lines = notice.take_lines();
    lines.resize(std::min(lines.size(), most_notice_lines));
    for (std::string& line : lines) line = page.styled(Style::yellow, line);
    return lines;
}

/// Which keys there are, or what is being typed.
std::string last_line(const Page& page, const LiveModel& model, const LiveControls& controls,
                      const LiveStatus& status) {
    const auto fit = [&](const std::string& text) { return fit_columns(text, page.width()); };
    if (controls.typing())
        return page.styled(Style::bold, fit(fmt::format("filter: {}_", printable(model.filter()))));
    const bool ranking = controls.page() == LivePage::ranking;
    if (!status.ended.empty())
        return page.styled(Style::yellow, fit(fmt::format("{}; q {}", status.ended,
                                                          ranking ? "quits" : "goes back")));
    if (controls.paused()) return page.styled(Style::yellow, fit("held; space goes on"));
    return page.styled(
        Style::dim,
        fit(ranking ? "q quit  ? help  enter stack  w found  s sort  / filter  v grows  "
                      "f flame  r save"
                    : "q back  ? help  up, down scroll  f flame  r save"));
}

void add(LiveScreen& screen, std::vector<std::string> lines) {
    std::ranges::move(lines, std::back_inserter(screen.lines));
}

void add_ranking(LiveScreen& screen, const Page& page, LiveModel& model, LiveControls& controls,
                 const LiveStatus& status, std::size_t rows) {
    screen.lines.push_back(fit_columns(ranking_text(model), page.width()));
    screen.lines.push_back(page.styled(Style::bold, table_head(page, model.sort())));
    rows = rows > 2 ? rows - 2 : 0;
    controls.set_page_rows(rows);
    const std::size_t first = model.first_of(rows);
    const std::size_t end = std::min(model.rows().size(), first + rows);
    for (std::size_t row = first; row < end; ++row) {
        if (row == model.selected()) screen.selected = screen.lines.size();
        screen.lines.push_back(table_row(page, *model.rows()[row], model.sort(),
                                         window_seconds(*model.report()), status.unicode));
    }
}

std::size_t finding_of(const Report& report, const ReportStack& stack) {
    for (std::size_t i = 0; i < report.findings.size(); ++i)
        if (std::ranges::find(report.findings[i].stacks, stack.id) !=
            report.findings[i].stacks.end())
            return i + 1;
    return 0;
}

std::vector<std::string> stack_lines(Page page, const LiveModel& model, const LiveStatus& status) {
    const ReportStack* stack = model.selected_stack();
    if (stack == nullptr) return {"The stack is not among those that the filter shows."};
    print_stack(page, *stack, model.selected() + 1, finding_of(*model.report(), *stack),
                Depth::all);
    std::vector<std::string> lines = page.take_lines();
    const std::string line = sparkline(stack->curves.live, window_seconds(*model.report()),
                                       page.width() - 2 * frame_indent, status.unicode);
    lines.insert(lines.begin() + 1, std::string(frame_indent, ' ') + line);
    return lines;
}

std::vector<std::string> finding_lines(Page page, const Report& report) {
    for (const std::string& warning : report.warnings)
        page.paragraph("warning", frame_indent + 4, printable(warning), Style::yellow);
    if (!report.warnings.empty()) page.line();
    print_findings(page, report, 0);
    if (report.verdict.empty()) return page.take_lines();
    page.line();
    page.paragraph("verdict", frame_indent + 4,
                   printable(report.verdict + (report.reason.empty() ? "" : ": ") + report.reason),
                   verdict_style(report.verdict));
    return page.take_lines();
}

std::vector<std::string> help_lines(const Page& page) {
    std::vector<std::string> lines;
    lines.reserve(help.size());
    for (const auto& [keys, meaning] : help)
        lines.push_back(page.styled(Style::bold, fmt::format("{:<16}", keys)) +
                        fit_columns(meaning, page.width() - 16));
    return lines;
}

/// The part of a page's lines that is scrolled to.
void add_page(LiveScreen& screen, const std::vector<std::string>& lines, LiveControls& controls,
              std::size_t rows) {
    controls.set_page_rows(rows);
    const std::size_t first = controls.first_line(lines.size(), rows);
    for (std::size_t i = first; i < std::min(lines.size(), first + rows); ++i)
        screen.lines.push_back(lines[i]);
}

}  // namespace

bool is_too_small(const LiveSize& size) {
    return size.lines < least_live_size.lines || size.columns < least_live_size.columns;
}

LiveScreen draw(LiveModel& model, LiveControls& controls, const LiveStatus& status,
                const LiveSize& size) {
    LiveScreen screen;
    if (is_too_small(size)) {
        screen.lines.push_back(fit_columns(
            fmt::format("too small: {}x{} needed", least_live_size.columns, least_live_size.lines),
            size.columns));
        return screen;
    }
    const auto new_page = [&] { return Page({.color = true, .width = size.columns}); };
    Page head = new_page();
    const bool brief = size.lines < least_lines_for_summary;
    if (controls.page() != LivePage::ranking)
        print_title(head, *model.report(), status);
    else if (brief)
        print_brief_summary(head, *model.report(), status);
    else
        print_summary(head, *model.report(), status);
    add(screen, head.take_lines());
    if (!brief) screen.lines.emplace_back();
    std::vector<std::string> foot = status.notice.empty() || controls.typing()
                                        ? std::vector{last_line(head, model, controls, status)}
                                        : notice_lines(head, status);
    const std::size_t body_end = size.lines - foot.size();
    const std::size_t rows = body_end - std::min(body_end, screen.lines.size());
    switch (controls.page()) {
        case LivePage::ranking:
            add_ranking(screen, head, model, controls, status, rows);
            break;
        case LivePage::stack:
            add_page(screen, stack_lines(new_page(), model, status), controls, rows);
            break;
        case LivePage::findings:
            add_page(screen, finding_lines(new_page(), *model.report()), controls, rows);
            break;
        case LivePage::help:
            add_page(screen, help_lines(head), controls, rows);
            break;
    }
    screen.lines.resize(body_end);
    add(screen, std::move(foot));
    return screen;
}

std::string batch_text(const LiveModel& model, const LiveStatus& status, std::size_t columns,
                       std::size_t top) {
    Page page({.width = columns});
    print_summary(page, *model.report(), status);
    page.line();
    page.line(ranking_text(model));
    page.line(table_head(page, model.sort()));
    const std::size_t rows = top == 0 ? model.rows().size() : std::min(top, model.rows().size());
    for (std::size_t row = 0; row < rows; ++row)
        page.line(table_row(page, *model.rows()[row], model.sort(), window_seconds(*model.report()),
                            status.unicode));
    return page.take();
}

}  // namespace seep
