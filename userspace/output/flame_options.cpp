// SPDX-License-Identifier: GPL-2.0-only
#include <fmt/format.h>

#include <algorithm>
#include <chrono>
#include <cmath>

#include "analysis/coverage.h"
#include "base/text.h"
#include "output/flamegraph.h"
#include "output/phrases.h"

namespace seep {
namespace {

const char* value_title(StackValue value) {
    switch (value) {
        case StackValue::live:
            return "Live bytes";
        case StackValue::growth:
            return "Growth in bytes";
        case StackValue::allocated:
            return "Allocated bytes";
        case StackValue::freed:
            return "Freed bytes";
        case StackValue::count:
            return "Live blocks";
    }
    return "";
}

std::string window_text(const Report& report) {
    const std::chrono::nanoseconds window(report.window_end_ns - report.window_start_ns);
    return fmt::format("{} from {}", format_duration(window),
                       format_rfc3339(report.window_start_ns));
}

double seen_seconds(const Report& report) {
    return seep::seen_seconds(
        report.sampling, static_cast<double>(report.window_end_ns - report.window_start_ns) / 1e9);
}

bool adds_up_over_time(StackValue value) {
    return value != StackValue::live && value != StackValue::count;
}

}  // namespace

FlameBase flame_base(const Report& base, const Report& report,
                     const std::vector<FoldedStack>& stacks, StackValue value,
                     std::optional<StackKind> kind) {
    FlameBase result{.stacks = fold(base, value, kind),
                     .text = "compared with " + window_text(base)};
    const double seconds = seen_seconds(base);
    if (adds_up_over_time(value) && seconds > 0) {
        const double as_long = seen_seconds(report) / seconds;
        for (FoldedStack& stack : result.stacks)
            stack.value = std::llround(static_cast<double>(stack.value) * as_long);
        if (as_long < 0.99 || as_long > 1.01)
            result.text += fmt::format(" (times {:.3g}, for as long)", as_long);
    }
    std::int64_t gone = 0;
    std::uint64_t count = 0;
    for (const FoldedStack& stack : result.stacks) {
        if (std::ranges::binary_search(stacks, stack.frames, {}, &FoldedStack::frames)) continue;
        gone = saturating_add(gone, stack.value);
        ++count;
    }
    if (count > 0)
        result.text += fmt::format(", of which {} in {} {} not drawn: there is none now",
                                   value == StackValue::count
                                       ? format_count(static_cast<std::uint64_t>(gone)) + " blocks"
                                       : format_bytes(static_cast<double>(gone)),
                                   format_count(count), count == 1 ? "stack is" : "stacks are");
    return result;
}

FlameOptions flame_options(const Report& report, StackValue value) {
    FlameOptions options;
    options.value = value;
    const std::string command = report.targets.empty() ? "" : report.targets.front().command;
    options.title = fmt::format("{}: {}", value_title(value), printable(command, 120));
    options.subtitle = fmt::format(
        "{}, {}", window_text(report),
        report.recording.sampling_bytes == 0
            ? std::string("every allocation")
            : fmt::format("sampled each {}",
                          format_bytes(static_cast<double>(report.recording.sampling_bytes))));
    if (report.sampling.observed_share < 1)
        options.subtitle +=
            fmt::format(", seen for {} of the time", percent(report.sampling.observed_share));
    return options;
}

}  // namespace seep
