// SPDX-License-Identifier: GPL-2.0-only

// The metrics of the processes together and one by one: add_memory_metrics(),
// add_process_metrics() of output/metrics_parts.h.

#include <algorithm>
#include <array>
#include <limits>
#include <optional>

#include "analysis/sums.h"
#include "output/metrics.h"
#include "output/metrics_parts.h"

namespace seep {
namespace {

void add_growth(const char* kind, const Growth& growth, const Labels& target,
                MetricFamilies& families) {
    const Labels labels = with(target, "kind", kind);
    families.gauge("seep_memory_growth_bytes_per_second",
                   "Growth of memory by kind, estimated over the window.", labels,
                   growth.bytes_per_second);
    families.gauge("seep_memory_growth_low_bytes_per_second",
                   "The growth's lower end (95 % interval); above 0, memory surely grows.", labels,
                   growth.low);
    families.gauge("seep_memory_growth_high_bytes_per_second",
                   "The growth's upper end (95 % interval).", labels, growth.high);
}

double or_never(const std::optional<double>& seconds) {
    return seconds.value_or(std::numeric_limits<double>::infinity());
}

/// None of these exist where no limit is known.
void add_limit(const ProcessMemory& memory, const Labels& target, MetricFamilies& families) {
    if (memory.limited_by == MemoryLimit::unknown) return;
    const Labels labels = with(target, "limit", memory_limit_name(memory.limited_by));
    families.gauge("seep_limit_bytes",
                   "What the targets' control group, or the host, may use at most.", labels,
                   static_cast<double>(memory.limit_bytes));
    families.gauge("seep_limit_used_bytes", "What is used of that and the kernel cannot give back.",
                   labels, static_cast<double>(memory.used_bytes));
    families.gauge("seep_time_to_limit_seconds",
                   "When the limit is reached at the present growth; +Inf: never.", labels,
                   or_never(memory.limit.expected));
    families.gauge("seep_time_to_limit_earliest_seconds",
                   "The same by the growth's upper end (95 % interval).", labels,
                   or_never(memory.limit.earliest));
    families.gauge("seep_time_to_limit_latest_seconds",
                   "The same by the growth's lower end (95 % interval).", labels,
                   or_never(memory.limit.latest));
}

void add_totals(const char* kind, const Totals& totals, const Labels& target,
                MetricFamilies& families) {
    const Labels labels = with(target, "kind", kind);
    families.gauge("seep_live_bytes", "Allocated since attach and not freed.", labels,
                   static_cast<double>(totals.live_bytes()));
    families.gauge("seep_live_blocks", "Blocks allocated since attach and not freed.", labels,
                   static_cast<double>(totals.live_count()));
    families.gauge("seep_lapsed_bytes",
                   "What was live when the probes were taken away, and may have been freed unseen.",
                   labels, static_cast<double>(totals.lapsed_bytes));
    families.counter("seep_allocated_bytes_total", "Bytes allocated since attach, as followed.",
                     labels, static_cast<double>(totals.allocated_bytes));
    families.counter("seep_allocated_blocks_total", "Blocks allocated since attach, as followed.",
                     labels, static_cast<double>(totals.allocated_count));
    families.counter("seep_freed_bytes_total", "Bytes of those that were freed.", labels,
                     static_cast<double>(totals.freed_bytes));
    families.counter("seep_freed_blocks_total", "Blocks of those that were freed.", labels,
                     static_cast<double>(totals.freed_count));
}

void add_verdict(const Report& report, const Labels& target, MetricFamilies& families) {
    static constexpr std::array verdicts{"leak",          "growing",   "warming",
                                         "load",          "steady",    "undetermined",
                                         "fragmentation", "retention", "outside the heap"};
    for (const char* verdict : verdicts)
        families.gauge("seep_verdict", "1 for the verdict on the processes together, else 0.",
                       with(target, "verdict", verdict), report.verdict == verdict ? 1 : 0);
}

void add_process(const ProcessSample& sample, const Labels& labels, MetricFamilies& families) {
    families.gauge("seep_process_resident_bytes", "Resident memory of a process.", labels,
                   static_cast<double>(sample.rss_bytes));
    families.gauge("seep_process_anonymous_bytes", "Resident memory that no file backs.", labels,
                   static_cast<double>(sample.anonymous_bytes));
    families.gauge("seep_process_swap_bytes", "Memory of a process that is swapped out.", labels,
                   static_cast<double>(sample.swap_bytes));
}

}  // namespace

void add_memory_metrics(const Report& report, const Labels& target, MetricFamilies& families) {
    const ProcessMemory& memory = report.memory;
    families.gauge("seep_resident_bytes", "Resident memory of the living processes.", target,
                   static_cast<double>(report.rss_bytes));
    families.gauge("seep_anonymous_bytes", "Memory of theirs that no file backs, swap included.",
                   target, static_cast<double>(memory.anonymous_bytes));
    families.gauge("seep_swap_bytes", "Memory of theirs that is swapped out.", target,
                   static_cast<double>(memory.swap_bytes));
    if (memory.coverage)
        families.gauge("seep_coverage_ratio", "Live bytes in the heap over anonymous memory.",
                       target, *memory.coverage);
    add_growth("anonymous", memory.anonymous, target, families);
    add_growth("file", memory.file, target, families);
    add_growth("heap", memory.heap, target, families);
    add_limit(memory, target, families);
    add_verdict(report, target, families);
    if (report.recording.sources.heap) add_totals("heap", report.totals, target, families);
    if (report.mapped) add_totals("mapping", report.mapping_totals, target, families);
    if (report.faulted) add_totals("fault", report.fault_totals, target, families);
}

void add_process_metrics(const Report& report, const Labels& target, std::size_t top,
                         MetricFamilies& families) {
    std::vector<const ReportProcess*> living;
    for (const ReportProcess& process : report.targets)
        if (process.last.alive) living.push_back(&process);
    std::ranges::stable_sort(living, std::ranges::greater{}, [](const ReportProcess* process) {
        return process->last.anonymous_bytes;
    });
    families.gauge("seep_processes", "Processes that are traced and alive.", target,
                   static_cast<double>(living.size()));
    const std::size_t shown = std::min(top, living.size());
    for (std::size_t i = 0; i < shown; ++i) {
        const Labels labels = with(target, "pid", std::to_string(living[i]->pid));
        add_process(living[i]->last, with(labels, "command", program_name(*living[i])), families);
    }
    if (shown == living.size()) return;
    ProcessSample rest;
    for (std::size_t i = shown; i < living.size(); ++i) {
        rest.rss_bytes += living[i]->last.rss_bytes;
        rest.anonymous_bytes += living[i]->last.anonymous_bytes;
        rest.swap_bytes += living[i]->last.swap_bytes;
    }
    add_process(rest, with(with(target, "pid", "other"), "command", ""), families);
}

void add_tracing_metrics(const Report& report, const Labels& target, MetricFamilies& families) {
    constexpr double second = 1e9;
    const ProcessSum sum = sum_processes(report);
    families.counter("seep_allocator_allocations_total",
                     "Allocations since attach; exact, also where not all are followed.", target,
                     static_cast<double>(sum.allocated_count));
    families.counter("seep_allocator_allocated_bytes_total", "Their bytes; exact likewise.", target,
                     static_cast<double>(sum.allocated_bytes));
    families.counter("seep_allocator_frees_total", "Frees since attach; exact likewise.", target,
                     static_cast<double>(sum.freed_count));
    families.counter("seep_allocator_failures_total",
                     "Calls of the allocator that returned no block.", target,
                     static_cast<double>(sum.failed_count));
    families.counter("seep_target_cpu_seconds_total",
                     "CPU time that the processes used since they began.", target,
                     static_cast<double>(sum.cpu_ns) / second);
    families.counter("seep_probe_hits_total", "Calls that ran into a probe.", target,
                     static_cast<double>(report.probe_hits));
    families.counter("seep_probe_cpu_seconds_total",
                     "CPU time of the processes that the probes took, as reckoned.", target,
                     static_cast<double>(sum.overhead_ns) / second);
    families.gauge("seep_overhead_ratio", "The probes' share of the CPU time since attach.", target,
                   report.overhead_cpu_percent / 100);
    families.gauge("seep_overhead_budget_ratio", "What that may be (--max-overhead); 0: no bound.",
                   target, static_cast<double>(report.recording.budget_ppm) / 1e6);
    families.gauge("seep_over_budget", "1 if tracing costs more than it may, else 0.", target,
                   report.over_budget ? 1 : 0);
    families.gauge("seep_sampling_bytes", "Mean bytes between samples; 0: all is followed.", target,
                   static_cast<double>(report.sampling.bytes));
    families.gauge("seep_observed_ratio", "Share of the window with the probes in place.", target,
                   report.sampling.observed_share);
    for (std::size_t loss = 0; loss < report.losses.size(); ++loss)
        families.counter("seep_losses_total", "What the books do not have, by cause.",
                         with(target, "loss", loss_name(loss)),
                         static_cast<double>(report.losses[loss]));
    families.gauge("seep_truncated_ratio",
                   "Share of the allocations whose stack was not followed to its root.", target,
                   report.truncated_share);
    families.gauge("seep_window_seconds", "Length of the window that the analysis is about.",
                   target,
                   static_cast<double>(report.window_end_ns - report.window_start_ns) / second);
    families.gauge("seep_snapshots", "Snapshots in that window; a trend needs 8.", target,
                   static_cast<double>(report.snapshots));
    families.gauge("seep_last_snapshot_timestamp_seconds",
                   "When the last of them was taken, seconds since the epoch.", target,
                   static_cast<double>(report.window_end_ns) / second);
}

}  // namespace seep
