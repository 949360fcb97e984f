// SPDX-License-Identifier: GPL-2.0-only
#include <fmt/format.h>

#include <chrono>

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

}  // namespace

FlameOptions flame_options(const Report& report, StackValue value) {
    FlameOptions options;
    options.value = value;
    const std::string command = report.targets.empty() ? "" : report.targets.front().command;
    options.title = fmt::format("{}: {}", value_title(value), printable(command, 120));
    const std::chrono::nanoseconds window(report.window_end_ns - report.window_start_ns);
    options.subtitle = fmt::format(
        "{} from {}, {}", format_duration(window), format_rfc3339(report.window_start_ns),
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
