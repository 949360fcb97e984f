// SPDX-License-Identifier: GPL-2.0-only

// add_stack_metrics() of output/metrics_parts.h.

#include <fmt/format.h>

#include <algorithm>
#include <array>
#include <limits>
#include <unordered_set>

#include "analysis/culprit.h"
#include "analysis/sums.h"
#include "output/metrics_parts.h"

namespace seep {
namespace {

constexpr std::array verdicts{Verdict::leak, Verdict::growing, Verdict::warming,
                              Verdict::load, Verdict::steady,  Verdict::undetermined};
constexpr std::array memory_verdicts{"fragmentation", "retention", "outside the heap"};

std::string function_of(const ReportFrame& frame) {
    return frame.function.empty() ? frame_name(frame) : qualified_name(frame.function);
}

/// "http.c:212"; empty if no source is known.
std::string location_of(const ReportFrame& frame) {
    if (frame.file.empty()) return {};
    return fmt::format("{}:{}", frame.file.substr(frame.file.rfind('/') + 1), frame.line);
}

std::vector<StackKind> kinds_of(const Report& report) {
    std::vector<StackKind> kinds;
    if (report.recording.sources.heap) kinds.push_back(StackKind::heap);
    if (report.mapped) kinds.push_back(StackKind::mapping);
    if (report.faulted) kinds.push_back(StackKind::fault);
    return kinds;
}

void add_verdicts(const Report& report, const Labels& target, MetricFamilies& families) {
    for (const StackKind kind : kinds_of(report))
        for (const Verdict verdict : verdicts) {
            const StackSum sum = sum_stacks(report, [&](const ReportStack& stack) {
                return stack.kind == kind && stack.verdict == verdict;
            });
            const Labels labels =
                with(with(target, "kind", stack_kind_name(kind)), "verdict", verdict_name(verdict));
            families.gauge("seep_verdict_stacks", "Stacks by verdict.", labels,
                           static_cast<double>(sum.stacks));
            families.gauge("seep_verdict_live_bytes", "Live bytes of the stacks by verdict.",
                           labels, static_cast<double>(sum.live_bytes));
            families.gauge("seep_verdict_growth_bytes_per_second",
                           "Growth of the stacks by verdict.", labels, sum.growth_bytes_per_second);
        }
}

void add_finding(const Report& report, const Finding& finding, const Labels& target,
                 MetricFamilies& families) {
    const bool has_code = !finding.stacks.empty();
    const ReportFrame& frame = finding.frame;
    const Labels labels = with(with(with(with(target, "verdict", finding.verdict), "function",
                                         has_code ? function_of(frame) : ""),
                                    "module", frame.module),
                               "location", location_of(frame));
    families.gauge("seep_finding_growth_bytes_per_second", "Growth of a cause.", labels,
                   finding.growth.bytes_per_second);
    families.gauge("seep_finding_growth_low_bytes_per_second",
                   "Its lower end (95 % interval); above 0, it surely grows.", labels,
                   finding.growth.low);
    families.gauge("seep_finding_growth_high_bytes_per_second", "Its upper end (95 % interval).",
                   labels, finding.growth.high);
    families.gauge("seep_finding_live_bytes", "Live bytes of a cause.", labels,
                   static_cast<double>(finding.live_bytes));
    families.gauge("seep_finding_lapsed_bytes", "Bytes of a cause that may have been freed unseen.",
                   labels, static_cast<double>(finding.lapsed_bytes));
    if (report.memory.limited_by != MemoryLimit::unknown)
        families.gauge("seep_finding_time_to_limit_seconds",
                       "When the limit is reached by it alone; +Inf: never.", labels,
                       finding.limit.expected.value_or(std::numeric_limits<double>::infinity()));
}

void add_findings(const Report& report, const Labels& target, std::size_t top,
                  MetricFamilies& families) {
    const auto count = [&](const char* verdict) {
        const auto found = std::ranges::count_if(
            report.findings, [&](const Finding& finding) { return finding.verdict == verdict; });
        families.gauge("seep_findings", "Causes of growth by verdict.",
                       with(target, "verdict", verdict), static_cast<double>(found));
    };
    for (const Verdict verdict : verdicts)
        if (verdict != Verdict::steady && verdict != Verdict::undetermined)
            count(verdict_name(verdict));
    for (const char* verdict : memory_verdicts) count(verdict);
    for (std::size_t i = 0; i < std::min(top, report.findings.size()); ++i)
        add_finding(report, report.findings[i], target, families);
}

/// What shown stacks and the rest have in common.
void add_stack_sum(const StackSum& sum, const Labels& labels, MetricFamilies& families) {
    families.gauge("seep_stack_live_bytes", "Live bytes of a stack.", labels,
                   static_cast<double>(sum.live_bytes));
    families.gauge("seep_stack_live_blocks", "Live blocks of a stack.", labels,
                   static_cast<double>(sum.live_count));
    families.gauge("seep_stack_lapsed_bytes", "Bytes of a stack that may have been freed unseen.",
                   labels, static_cast<double>(sum.lapsed_bytes));
    families.gauge("seep_stack_growth_bytes_per_second", "Growth of a stack.", labels,
                   sum.growth_bytes_per_second);
}

Labels stack_labels(const Labels& target, const std::string& id, StackKind kind,
                    const std::string& function) {
    return with(with(with(target, "stack", id), "kind", stack_kind_name(kind)), "function",
                function);
}

void add_stack(const ReportStack& stack, const Labels& target, MetricFamilies& families) {
    const ReportFrame frame = stack.frames.empty() ? ReportFrame{} : stack.frames[stack.culprit];
    const Labels labels = stack_labels(target, stack.id, stack.kind, function_of(frame));
    add_stack_sum({1, stack.totals.live_bytes(), stack.totals.live_count(),
                   stack.totals.lapsed_bytes, stack.growth.bytes_per_second},
                  labels, families);
    families.gauge("seep_stack_growth_low_bytes_per_second",
                   "Its lower end (95 % interval); above 0, it surely grows.", labels,
                   stack.growth.low);
    families.gauge("seep_stack_growth_high_bytes_per_second", "Its upper end (95 % interval).",
                   labels, stack.growth.high);
    families.counter("seep_stack_allocated_bytes_total", "Bytes that a stack allocated.", labels,
                     static_cast<double>(stack.totals.allocated_bytes));
    families.gauge(
        "seep_stack_info", "Always 1; what is known of a stack as labels.",
        with(with(with(labels, "verdict", verdict_name(stack.verdict)), "module", frame.module),
             "location", location_of(frame)),
        1);
}

/// With the shown ones these add up to the target's.
void add_other_stacks(const Report& report, const Labels& target,
                      const std::vector<const ReportStack*>& shown, MetricFamilies& families) {
    const std::unordered_set<const ReportStack*> is_shown(shown.begin(), shown.end());
    for (const StackKind kind : kinds_of(report)) {
        const StackSum rest = sum_stacks(report, [&](const ReportStack& stack) {
            return stack.kind == kind && !is_shown.contains(&stack);
        });
        add_stack_sum(rest, stack_labels(target, "other", kind, ""), families);
    }
}

}  // namespace

void add_stack_metrics(const Report& report, const Labels& target, std::size_t top,
                       const std::vector<const ReportStack*>& shown, MetricFamilies& families) {
    add_verdicts(report, target, families);
    add_findings(report, target, top, families);
    for (const ReportStack* stack : shown) add_stack(*stack, target, families);
    add_other_stacks(report, target, shown, families);
}

}  // namespace seep
