// SPDX-License-Identifier: GPL-2.0-only
#include "output/comparison_report.h"

#include <fmt/format.h>

#include <algorithm>
#include <chrono>
#include <nlohmann/json.hpp>

#include "base/text.h"
#include "output/frames_text.h"
#include "output/json_parts.h"
#include "output/page.h"
#include "output/phrases.h"

namespace seep {
namespace {

constexpr std::size_t header_indent = 10;

struct MeasureNames {
    const char* text;
    const char* key;
    const char* unit;
};

MeasureNames measure_names(ComparedPer per) {
    switch (per) {
        case ComparedPer::allocated:
            return {"per 1,000 allocations", "allocated", "bytes per 1000 allocations"};
        case ComparedPer::work:
            return {"per 1,000 units of work", "work", "bytes per 1000 units of work"};
        case ComparedPer::time:
            break;
    }
    return {"an hour", "time", "bytes an hour"};
}

std::string change_of(double bytes) {
    return (bytes > 0 ? "+" : "") + format_bytes(bytes);
}

void print_window(Page& page, const char* label, const ComparedWindow& window,
                  const char* measure) {
    std::string target = "no process";
    if (!window.targets.empty()) {
        const ReportProcess& process = window.targets.front();
        target = fmt::format(
            "{}, {}", process.pid,
            printable(process.command.empty() ? process.executable : process.command, 200));
        if (window.targets.size() > 1)
            target += fmt::format(" and {} more", window.targets.size() - 1);
    }
    const std::chrono::nanoseconds length(window.end_ns - window.start_ns);
    page.paragraph(label, header_indent, target);
    page.paragraph("", header_indent,
                   fmt::format("{} from {}; {} live, {} {}", format_duration(length),
                               format_rfc3339(window.start_ns),
                               format_bytes(static_cast<double>(window.live_bytes)),
                               change_of(window.growth), measure));
}

Style change_style(Change change) {
    return change == Change::more   ? Style::red
           : change == Change::less ? Style::green
                                    : Style::bold;
}

void print_stack(Page& page, const ComparedStack& stack, std::size_t rank, const char* measure) {
    page.line(page.styled(Style::bold, fmt::format("{:>4}  {:>10} {}", fmt::format("#{}", rank),
                                                   change_of(stack.difference), measure)) +
              "  " + page.styled(change_style(stack.change), change_name(stack.change)) +
              kind_text(stack.kind) +
              fmt::format("  ({} to {}, 95 %)", change_of(stack.low), change_of(stack.high)));
    const auto side = [](const StackSide& values) {
        if (!values.seen) return std::string("not seen");
        return fmt::format("{} by {} allocations, {} live", change_of(values.growth),
                           format_count(values.allocated_count),
                           format_bytes(static_cast<double>(values.live_bytes)));
    };
    page.paragraph("", frame_indent,
                   fmt::format("base {}; now {}", side(stack.base), side(stack.current)));
    print_frames(page, stack.frames, stack.truncated, Depth::ends);
}

std::size_t changed_count(const Comparison& comparison) {
    return static_cast<std::size_t>(std::ranges::count_if(
        comparison.stacks,
        [](const ComparedStack& stack) { return stack.change != Change::same; }));
}

Json window_json(const ComparedWindow& window) {
    Json targets = Json::array();
    for (const ReportProcess& process : window.targets) targets.push_back(process_json(process));
    return {{"targets", std::move(targets)},
            {"start", format_rfc3339(window.start_ns)},
            {"seconds", static_cast<double>(window.end_ns - window.start_ns) / 1e9},
            {"snapshots", window.snapshots},
            {"measure", window.measure},
            {"live_bytes", window.live_bytes},
            {"growth", window.growth}};
}

Json side_json(const StackSide& side) {
    return {{"seen", side.seen},
            {"live_bytes", side.live_bytes},
            {"live_count", side.live_count},
            {"allocated_count", side.allocated_count},
            {"growth_bytes", side.growth_bytes},
            {"growth", side.growth}};
}

Json stack_json(const ComparedStack& stack, std::size_t rank) {
    return {
        {"rank", rank},
        {"change", change_name(stack.change)},
        {"kind", stack_kind_name(stack.kind)},
        {"difference", {{"estimate", stack.difference}, {"low", stack.low}, {"high", stack.high}}},
        {"z", stack.z ? Json(*stack.z) : Json()},
        {"q_value", stack.q_value},
        {"base", side_json(stack.base)},
        {"current", side_json(stack.current)},
        {"truncated", stack.truncated},
        {"frames", frames_json(stack.frames)}};
}

}  // namespace

std::string text_comparison(const Comparison& comparison, const TextOptions& options) {
    Page page(options);
    const char* measure = measure_names(comparison.per).text;
    for (const std::string& warning : comparison.warnings)
        page.paragraph("WARNING", header_indent, printable(warning), Style::yellow);
    if (!comparison.warnings.empty()) page.line();
    print_window(page, "Base", comparison.base, measure);
    print_window(page, "Now", comparison.current, measure);
    page.line();
    const std::size_t count = comparison.stacks.size();
    const std::size_t changed = changed_count(comparison);
    page.paragraph(
        "", 0,
        changed == 0
            ? fmt::format("No significant difference in {} stacks.", format_count(count))
            : fmt::format("{} of {} stacks differ significantly (5 % false alarms among them).",
                          format_count(changed), format_count(count)));
    const std::size_t shown = options.top == 0 ? count : std::min(options.top, changed);
    for (std::size_t i = 0; i < shown; ++i) {
        page.line();
        print_stack(page, comparison.stacks[i], i + 1, measure);
    }
    return page.take();
}

std::string json_comparison(const Comparison& comparison, std::size_t top) {
    const MeasureNames names = measure_names(comparison.per);
    const Json header = {{"seep", {{"version", SEEP_VERSION}, {"format", 1}}},
                         {"per", names.key},
                         {"unit", names.unit},
                         {"base", window_json(comparison.base)},
                         {"current", window_json(comparison.current)},
                         {"warnings", comparison.warnings}};
    const std::size_t count = comparison.stacks.size();
    return document(header, "stacks", top == 0 ? count : std::min(top, count),
                    [&](std::size_t i) { return stack_json(comparison.stacks[i], i + 1); });
}

}  // namespace seep
