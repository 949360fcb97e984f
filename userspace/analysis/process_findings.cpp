// SPDX-License-Identifier: GPL-2.0-only
#include "analysis/process_findings.h"

#include <fmt/format.h>

#include <algorithm>
#include <cctype>
#include <chrono>

#include "analysis/block_size.h"
#include "analysis/time_to_limit.h"
#include "base/text.h"

namespace seep {

namespace {

/// Beyond a century a number says no more than the word.
constexpr double longest_time = 100 * 365.25 * 86400;
constexpr double a_month = 30.0 * 86400;

std::string time_text(const std::optional<double>& seconds) {
    if (!seconds || *seconds > longest_time) return "never";
    return format_duration(std::chrono::nanoseconds(static_cast<std::int64_t>(*seconds)) *
                           std::nano::den);
}

/// A machine has some end for every growth: it is worth a word where it may be near.
bool is_worth_a_word(MemoryLimit limited_by, const TimeToLimit& time) {
    return limited_by == MemoryLimit::cgroup || (time.expected && *time.expected < a_month);
}

/// What it takes of memory, where it is of blocks that were asked for.
Growth footprint(const Finding& finding) {
    const auto blocks = static_cast<double>(finding.live_count + finding.lapsed_count);
    const auto bytes = static_cast<double>(finding.live_bytes + finding.lapsed_bytes);
    Growth growth = finding.growth;
    if (finding.kind != StackKind::heap || blocks == 0 || bytes == 0) return growth;
    const double factor = usual_block(bytes / blocks) * blocks / bytes;
    growth.bytes_per_second *= factor;
    growth.low *= factor;
    growth.high *= factor;
    return growth;
}

void add_limit(const ProcessMemory& memory, Finding& finding) {
    finding.limit = time_to_limit({memory.limited_by, memory.limit_bytes, memory.used_bytes},
                                  footprint(finding));
    // What slows down does not get there.
    if (finding.verdict == verdict_name(Verdict::warming)) return;
    const std::string time = limit_text(finding.limit);
    if (!time.empty() && is_worth_a_word(memory.limited_by, finding.limit))
        finding.sentence += fmt::format("; by itself it {} in {}",
                                        memory.limited_by == MemoryLimit::cgroup
                                            ? "reaches the control group's limit"
                                            : "fills the host's memory",
                                        time);
}

Finding memory_finding(const ProcessMemory& memory) {
    Finding finding;
    finding.verdict = memory.verdict;
    finding.growth = memory.anonymous;
    finding.live_bytes = memory.anonymous_bytes;
    finding.sentence = fmt::format("{}: {}", memory.verdict, memory.reason);
    finding.sentence.front() =
        static_cast<char>(std::toupper(static_cast<unsigned char>(finding.sentence.front())));
    return finding;
}

}  // namespace

std::string limit_text(const TimeToLimit& limit) {
    if (!limit.earliest) return {};
    if (!limit.expected)
        return fmt::format("{} at the earliest, or never", time_text(limit.earliest));
    const std::string expected = time_text(limit.expected);
    const std::string earliest = time_text(limit.earliest);
    const std::string latest = time_text(limit.latest);
    if (earliest == expected && latest == expected) return expected;
    return fmt::format("{} ({} to {})", expected, earliest, latest);
}

void conclude(Report& report) {
    const ProcessMemory& memory = report.memory;
    if (memory.limited_by != MemoryLimit::unknown)
        for (Finding& finding : report.findings) add_limit(memory, finding);
    const auto after_leaks = std::ranges::find_if(report.findings, [](const Finding& finding) {
        return finding.verdict != verdict_name(Verdict::leak);
    });
    const bool leaks = after_leaks != report.findings.begin();
    if (!memory.verdict.empty()) {
        report.findings.insert(after_leaks, memory_finding(memory));
        report.verdict = memory.verdict;
        report.reason = memory.reason;
    } else if (leaks && report.verdict != verdict_name(Verdict::leak)) {
        report.verdict = verdict_name(Verdict::leak);
        report.reason = report.findings.front().sentence;
    } else if (report.verdict == verdict_name(Verdict::leak) &&
               std::ranges::none_of(report.stacks, [](const ReportStack& stack) {
                   return stack.verdict == Verdict::leak;
               })) {
        // What starts and ends at different times may add up to an even growth.
        report.verdict = verdict_name(Verdict::growing);
        report.reason += "; but of no code by itself";
    }
}

}  // namespace seep
