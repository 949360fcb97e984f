// SPDX-License-Identifier: GPL-2.0-only
#include "analysis/ranking.h"

#include <fmt/format.h>

#include <algorithm>
#include <array>
#include <cmath>
#include <iterator>
#include <span>
#include <tuple>
#include <unordered_set>

#include "analysis/activity.h"
#include "analysis/block_size.h"
#include "analysis/call_pace.h"
#include "analysis/clusters.h"
#include "analysis/collection.h"
#include "analysis/confirmation.h"
#include "analysis/coverage.h"
#include "analysis/culprit.h"
#include "analysis/curves.h"
#include "analysis/findings.h"
#include "analysis/growth.h"
#include "analysis/heap_growth.h"
#include "analysis/heap_lost.h"
#include "analysis/heap_rates.h"
#include "analysis/lapses.h"
#include "analysis/lost.h"
#include "analysis/merging.h"
#include "analysis/observed_parts.h"
#include "analysis/pace.h"
#include "analysis/process_findings.h"
#include "analysis/reconciliation.h"
#include "analysis/replacement.h"
#include "analysis/sampling.h"
#include "analysis/staying.h"
#include "analysis/succession.h"
#include "analysis/surroundings.h"
#include "analysis/truncation.h"
#include "analysis/verdict.h"
#include "analysis/warnings.h"
#include "analysis/weighing.h"
#include "analysis/work_clock.h"
#include "base/text.h"
#include "drain/governor.h"

namespace seep {

namespace {

/// Mappings and faults are never sampled.
std::uint64_t sampling_of(StackKind kind, const RecordingContents& contents) {
    return kind == StackKind::heap ? contents.info.sampling_bytes : 0;
}

/// Takes off what only seems to grow in windows.
void leave_out_in_flight(const MergedStack& stack, const RecordingContents& contents,
                         ReportStack& result) {
    const InFlight blocks = in_flight(stack, contents);
    const bool grew = result.growth.low > 0;
    result.held_growth = result.growth;
    result.growth = without(blocks, static_cast<double>(stack.totals.held_count()), result.growth);
    if (!grew || result.growth.low > 0) return;
    result.verdict = Verdict::undetermined;
    result.seen_to_leak = false;
    result.reason += fmt::format(
        "; that {} blocks are held may be chance: about {} were in flight when windows ended, of "
        "which {} were seen to be free later",
        format_count(stack.totals.held_count()),
        format_count(static_cast<std::uint64_t>(std::llround(blocks.all))),
        format_count(result.returned_count));
}

/// A growth a second observed, as one a second of all the time.
Growth over_all_time(const MergedStack& stack, const Growth& observed,
                     const std::vector<CountedCall>& calls, const ReportSampling& sampling,
                     const std::vector<ObservedPart>& parts, double seconds, bool& counted) {
    if (const auto by_calls = growth_by_calls(stack, observed, calls, sampling.bytes > 0);
        by_calls && observed.low > 0) {
        counted = true;
        Growth growth = *by_calls;
        growth.bytes = std::llround(growth.bytes_per_second * seconds);
        return growth;
    }
    return over_window(sampling.by_calls ? observed : weighted(observed, stack.live, parts),
                       sampling, seconds);
}

ReportStack report_stack(const MergedStack& stack, const Facts& facts,
                         const RecordingContents& contents, const Surroundings& surroundings,
                         const ReportSampling& sampling, const std::vector<ObservedPart>& parts,
                         const std::vector<CountedCall>& calls,
                         const std::vector<ObjectRecord>& objects) {
    const Judgement seen = judge(facts, surroundings);
    Judgement judgement = tempered(seen, sampling);
    ReportStack result;
    result.seen_to_leak = seen.verdict == Verdict::leak && judgement.verdict != seen.verdict;
    result.id = id_text(stack.id);
    result.kind = stack.record.kind;
    result.totals = stack.totals;
    result.returned_count = returned(stack);
    result.revisits = stack.revisits;
    result.reachability = stack.reachability;
    if (result.kind == StackKind::heap)
        result.live_standard_error = live_standard_error(stack.totals, sampling.bytes);
    result.growth = facts.estimate.growth;
    const double seconds = window_seconds(contents.snapshots, contents.window);
    if (sampling.observed_share < 1)
        result.growth = facts.is_enlarged() ? in_between(result.growth, sampling, seconds)
                                            : over_all_time(stack, result.growth, calls, sampling,
                                                            parts, seconds, result.counted);
    else if (result.kind == StackKind::heap && sampling.bytes > 0)
        take_calls_that_leave_one(stack, calls,
                                  mean_weight(stack.totals, contents.info.sampling_bytes), seconds,
                                  result.growth);
    result.verdict = judgement.verdict;
    result.reason = std::move(judgement.reason);
    result.may_be_pool = judgement.may_be_pool;
    if (result.kind == StackKind::heap && !facts.is_enlarged())
        leave_out_in_flight(stack, contents, result);
    // Its turnover explains as much.
    if (result.verdict == Verdict::steady) result.growth.low = std::min(result.growth.low, 0.0);
    result.evidence = facts.evidence;
    if (stack.lost_object != 0) result.evidence.lost_object = id_text(stack.lost_object);
    if (judgement.decidable_at_ns)
        result.evidence.decidable_at_ns =
            contents.snapshots[contents.window.first].time_ns +
            static_cast<std::int64_t>(
                static_cast<double>(*judgement.decidable_at_ns - surroundings.start_ns) /
                std::min(1.0, sampling.observed_share));
    result.truncated = stack.record.end != StackEnd::complete;
    result.frames = report_frames(stack.record, contents, objects);
    if (!result.frames.empty())
        result.layout = layout_of(result.frames.front(), contents.processes);
    return result;
}

/// A lower end above zero means something only for what is more at the window's end.
double sure_growth(const Growth& growth) {
    return growth.bytes > 0 ? std::max(growth.low, 0.0) : 0;
}

void sort_stacks(std::vector<ReportStack>& stacks, SortBy sort) {
    std::ranges::sort(stacks, [&](const ReportStack& a, const ReportStack& b) {
        return ranks_before(a, b, sort);
    });
}

std::vector<ObjectRecord> report_objects(const RecordingContents& contents) {
    std::vector<ObjectRecord> objects;
    objects.reserve(contents.objects.size());
    for (const auto& [id, object] : contents.objects) objects.push_back(object);
    std::ranges::sort(objects, {}, &ObjectRecord::id);
    return objects;
}

/// Probe hits, and what they cost as a share of the CPU time that the targets have used since the
/// first snapshot, which the probes' own is part of.
void add_overhead(const RecordingContents& contents, Report& report) {
    const auto first = first_samples(contents);
    const auto last = last_samples(contents);
    double cpu_ns = 0;
    double cost_ns = 0;
    for (std::size_t i = 0; i < last.size(); ++i) {
        if (last[i] == nullptr) continue;
        report.probe_hits += last[i]->probe_hits;
        cost_ns += std::max(0.0, static_cast<double>(last[i]->overhead_ns) -
                                     static_cast<double>(first[i]->overhead_ns));
        cpu_ns += std::max(
            0.0, static_cast<double>(last[i]->cpu_ns) - static_cast<double>(first[i]->cpu_ns));
    }
    const auto recorded_ns = static_cast<double>(contents.snapshots[contents.window.last].time_ns -
                                                 contents.snapshots.front().time_ns);
    const double budget = static_cast<double>(contents.info.budget_ppm) / 1e6;
    report.over_budget =
        budget > 0 && cost_ns > budget * std::max(cpu_ns, least_governed_cpu * recorded_ns);
    if (cpu_ns > 0) report.overhead_cpu_percent = std::min(100.0, 100 * cost_ns / cpu_ns);
    if (recorded_ns > 0) report.overhead_core_percent = 100 * cost_ns / recorded_ns;
}

std::uint64_t living_rss(const SnapshotRecord& snapshot) {
    std::uint64_t rss = 0;
    for (const ProcessSample& sample : snapshot.processes)
        if (sample.alive) rss += sample.rss_bytes;
    return rss;
}

/// RSS where it last was anything: the last snapshot is often taken when the target has just ended.
void add_rss(const RecordingContents& contents, Report& report) {
    const std::vector<SnapshotRecord>& snapshots = contents.snapshots;
    Window window = contents.window;
    while (window.last > window.first && living_rss(snapshots[window.last]) == 0) --window.last;
    report.rss_bytes = living_rss(snapshots[window.last]);
    const double seconds = window_seconds(snapshots, window);
    if (seconds > 0)
        report.rss_growth_bytes_per_second =
            (static_cast<double>(report.rss_bytes) -
             static_cast<double>(living_rss(snapshots[window.first]))) /
            seconds;
}

void add_totals(const std::vector<MergedStack>& stacks, Report& report) {
    double truncated = 0;
    for (const MergedStack& stack : stacks) {
        const bool heap = stack.record.kind == StackKind::heap;
        accumulate(heap                                      ? report.totals
                   : stack.record.kind == StackKind::mapping ? report.mapping_totals
                                                             : report.fault_totals,
                   stack.totals);
        if (heap && stack.record.end != StackEnd::complete)
            truncated += static_cast<double>(stack.totals.allocated_count);
    }
    report.live_standard_error = live_standard_error(report.totals, report.sampling.bytes);
    if (report.totals.allocated_count > 0)
        report.truncated_share = truncated / static_cast<double>(report.totals.allocated_count);
}

/// The use of each pattern that was of any.
class SuppressionCounts {
 public:
    SuppressionCounts(const Suppressions& suppressions, const RecordingContents& contents)
        : matcher_(suppressions, contents), sources_(contents.info.sources) {
        for (const NamePattern& pattern : suppressions.patterns())
            uses_.push_back({pattern.text()});
    }

    bool suppress(const MergedStack& stack) {
        const std::optional<std::size_t> pattern = matcher_.match(stack.record);
        if (!pattern) return false;
        SuppressionUse& use = uses_[*pattern];
        ++use.stacks;
        if (sources_.repeats(stack.record.kind)) return true;
        use.live_bytes += stack.totals.live_bytes();
        use.live_count += stack.totals.live_count();
        return true;
    }

    std::vector<SuppressionUse> take() {
        std::erase_if(uses_, [](const SuppressionUse& use) { return use.stacks == 0; });
        return std::move(uses_);
    }

 private:
    SuppressionMatcher matcher_;
    Sources sources_;
    std::vector<SuppressionUse> uses_;
};

/// Of what is mapped past the allocators, as far as it grew.
double mapping_growth(const Report& report) {
    double bytes = 0;
    for (const ReportStack& stack : report.stacks)
        if (stack.kind == StackKind::mapping)
            bytes += std::max(0.0, static_cast<double>(stack.growth.bytes));
    return bytes;
}

void add(const MappedBytes& part, MappedBytes& sum) {
    sum.program += part.program;
    sum.allocator += part.allocator;
    sum.thread_stacks += part.thread_stacks;
    sum.earlier += part.earlier;
}

void add(const FaultedBytes& part, FaultedBytes& sum) {
    sum.touched += part.touched;
    sum.untold += part.untold;
    sum.earlier += part.earlier;
}

/// What the processes have mapped and touched, together: those whose stacks count (merge_stacks()).
void add_mapped_and_faulted(const RecordingContents& contents, Report& report) {
    std::unordered_set<ProcessId> gone;
    for (const ProcessRecord* process : gone_processes(contents)) gone.insert(process->id);
    for (const ProcessSample* sample : last_samples(contents)) {
        if (sample == nullptr) continue;
        if (sample->mapped && !report.mapped) report.mapped.emplace();
        if (sample->faulted && !report.faulted) report.faulted.emplace();
        if (gone.contains(sample->process)) continue;
        if (sample->mapped) add(*sample->mapped, *report.mapped);
        if (sample->faulted) add(*sample->faulted, *report.faulted);
    }
}

std::optional<ReportWork> report_work(const RecordingContents& contents) {
    const auto count = work_within(contents.snapshots, contents.window);
    const double seconds = window_seconds(contents.snapshots, contents.window);
    if (!count || seconds <= 0) return std::nullopt;
    ReportWork work;
    work.count = static_cast<std::uint64_t>(*count);
    work.per_second = *count / seconds;
    return work;
}

/// Mappings and pages have losses of their own. A page whose fault was lost is in no stack.
Surroundings survey_kind(StackKind kind, const RecordingContents& contents, const LiveSeries& all,
                         const Losses& losses) {
    Surroundings surroundings = survey(contents, all);
    if (kind == StackKind::heap) {
        const auto& snapshots = contents.snapshots;
        const std::uint64_t unobserved = snapshots[contents.window.last].unobserved_ns -
                                         snapshots[contents.window.first].unobserved_ns;
        surroundings.elapsed_seconds += static_cast<double>(unobserved) / 1e9;
        // Blocks that were born unobserved are freed, too.
        if (unobserved > 0) surroundings.late_old_frees = 0;
        return surroundings;
    }
    surroundings.sampling_bytes = sampling_of(kind, contents);
    surroundings.missed_frees =
        kind == StackKind::mapping ? losses[SEEP_LOSS_LOST_MAPPING_CALLS] : 0;
    surroundings.lost_share = 0;
    surroundings.late_old_frees = 0;
    return surroundings;
}

/// Judges the stacks of one kind, and by them the process, if it is judged by that kind: by its
/// blocks where they were followed. The sum's live bytes.
LiveSeries add_stacks(StackKind kind, const std::vector<MergedStack>& stacks,
                      const RecordingContents& contents, const std::vector<CountedCall>& calls,
                      std::size_t curve_points, SuppressionCounts& suppressions, Report& report) {
    std::vector<const MergedStack*> all;
    all.reserve(stacks.size());
    for (const MergedStack& stack : stacks) all.push_back(&stack);
    const MergedStack sum = sum_of(all);
    // Where not all was observed, growth is judged on a clock of what was. All else always is.
    const ReportSampling sampling = kind == StackKind::heap ? report.sampling : ReportSampling{};
    std::optional<RecordingContents> on_clock;
    if (sampling.observed_share < 1) on_clock = on_observed_clock(contents);
    const RecordingContents& judged = on_clock ? *on_clock : contents;
    Surroundings surroundings = survey_kind(kind, judged, sum.live, report.losses);
    const auto work_clock = on_work_clock(contents, sampling.observed_share < 1);
    if (kind == contents.info.sources.leading()) {
        const Facts whole = weigh_all({sum}, judged, surroundings).front();
        Judgement judgement = tempered(judge(whole, surroundings), sampling);
        report.verdict = verdict_name(judgement.verdict);
        report.reason = std::move(judgement.reason);
        if (work_clock && report.work)
            report.work->growth = scaled(
                growth_per_work(sum.live, *work_clock, whole.settled, whole.evidence.turnover_z),
                sampling.rate_scale);
    }
    const std::vector<Facts> facts = weigh_all(stacks, judged, surroundings);
    surroundings.late_old_frees = unexplained_old_frees(surroundings, stacks, facts, judged);
    const std::size_t first = report.stacks.size();
    const std::vector<ObservedPart> parts = observed_parts(contents.snapshots, contents.window);
    for (std::size_t i = 0; i < stacks.size(); ++i) {
        report.stacks.push_back(report_stack(stacks[i], facts[i], contents, surroundings, sampling,
                                             parts, calls, report.objects));
        if (work_clock)
            report.stacks.back().growth_per_work =
                scaled(growth_per_work(stacks[i].live, *work_clock, facts[i].settled,
                                       facts[i].evidence.turnover_z),
                       sampling.rate_scale);
        report.stacks.back().suppressed = suppressions.suppress(stacks[i]);
        if (curve_points > 0)
            report.stacks.back().curves = stack_curves(stacks[i], facts[i], contents,
                                                       surroundings.sampling_bytes, curve_points);
    }
    const double seconds = window_seconds(contents.snapshots, contents.window);
    const std::vector<double> old_frees = old_blocks_freed(stacks, judged, seconds);
    const bool collected = collection_seen(stacks, judged, old_frees);
    judge_successions(std::span(report.stacks).subspan(first), stacks,
                      {judged, surroundings, sampling, seconds, collected});
    judge_by_collection(std::span(report.stacks).subspan(first), stacks, judged, old_frees);
    temper_by_whole(std::span(report.stacks).subspan(first), sum.live, judged.snapshots,
                    judged.window);
    return sum.live;
}

}  // namespace

Result<SortBy> parse_sort(std::string_view name) {
    if (name == "growth") return SortBy::growth;
    if (name == "live") return SortBy::live;
    if (name == "count") return SortBy::count;
    if (name == "allocated") return SortBy::allocated;
    return Error{ErrorKind::bad_input, fmt::format("cannot sort by \"{}\"", name),
                 "sort by growth, live, count or allocated"};
}

bool ranks_before(const ReportStack& a, const ReportStack& b, SortBy sort) {
    const auto key = [&](const ReportStack& stack) -> std::pair<double, double> {
        switch (sort) {
            case SortBy::live:
                break;
            case SortBy::count:
                return {static_cast<double>(stack.totals.held_count()), 0};
            case SortBy::allocated:
                return {static_cast<double>(stack.totals.allocated_bytes), 0};
            case SortBy::growth:
                return {sure_growth(stack.growth), stack.growth.bytes_per_second};
        }
        return {0, 0};
    };
    const auto key_a = key(a);
    const auto key_b = key(b);
    if (key_a != key_b) return key_a > key_b;
    if (a.totals.held_bytes() != b.totals.held_bytes())
        return a.totals.held_bytes() > b.totals.held_bytes();
    return a.id < b.id;
}

std::vector<ReportProcess> report_targets(const RecordingContents& contents) {
    const std::vector<const ProcessSample*> last = last_samples(contents);
    std::vector<ReportProcess> targets;
    for (std::size_t i = 0; i < contents.processes.size(); ++i) {
        const ProcessRecord& process = contents.processes[i];
        targets.push_back({process.pid, process.command, process.executable, process.allocators,
                           process.unwind_rows, process.unwind_bytes,
                           last[i] != nullptr ? *last[i] : ProcessSample{.alive = false}});
    }
    return targets;
}

Report build_report(const RecordingContents& contents, const ReportOptions& options) {
    Report report;
    report.recording = contents.info;
    report.sampling = sampling_of(contents);
    const std::vector<CountedCall> calls = report.sampling.observed_share < 1
                                               ? counted_calls(contents)
                                               : calls_while_sampled(contents);
    report.targets = report_targets(contents);
    report.objects = report_objects(contents);
    report.window_start_ns = contents.snapshots[contents.window.first].time_ns;
    report.window_end_ns = contents.snapshots[contents.window.last].time_ns;
    report.snapshots = contents.window.snapshots();
    report.losses = sum_losses(contents);
    add_overhead(contents, report);
    report.warnings = report_warnings(contents);
    for (std::string& warning : coverage_warnings(report))
        report.warnings.push_back(std::move(warning));
    add_rss(contents, report);
    report.activity = activity(contents);
    report.work = report_work(contents);
    add_mapped_and_faulted(contents, report);
    std::vector<MergedStack> stacks = merge_stacks(contents);
    add_totals(stacks, report);
    std::array<std::vector<MergedStack>, 3> by_kind;
    for (MergedStack& stack : stacks)
        by_kind.at(static_cast<std::size_t>(stack.record.kind)).push_back(std::move(stack));
    const auto& [blocks, mappings, pages] = by_kind;
    report.truncated = truncations(blocks, contents);
    for (std::string& advice : truncation_advice(report.truncated, report.totals.allocated_count))
        report.warnings.push_back(std::move(advice));
    report.sampling.most_replaced = most_replaced(blocks, contents);
    report.sampling.net_blocks = net_blocks(contents);
    SuppressionCounts suppressions(options.suppressions, contents);
    const std::size_t points = options.curves ? points_a_stack(stacks.size()) : 0;
    const LiveSeries heap =
        add_stacks(StackKind::heap, blocks, contents, calls, points, suppressions, report);
    if (report.mapped)
        add_stacks(StackKind::mapping, mappings, contents, {}, points, suppressions, report);
    if (report.faulted)
        add_stacks(StackKind::fault, pages, contents, {}, points, suppressions, report);
    if (options.curves) report.over_time = memory_over_time(contents, heap);
    report.suppressions = suppressions.take();
    stacks.clear();
    for (std::vector<MergedStack>& part : by_kind)
        std::ranges::move(part, std::back_inserter(stacks));
    std::ranges::sort(stacks, {}, &MergedStack::id);
    sort_stacks(report.stacks, SortBy::growth);
    const LockstepClusters clusters(report, stacks, contents);
    tell_replaced(report);
    const auto in_use = heap_growth(contents);
    std::optional<HeapRates> heap_rates;
    if (in_use && (report.sampling.observed_share < 1 || report.sampling.bytes > 0))
        heap_rates.emplace(*in_use, report);
    if (heap_rates) heap_rates->rate_stacks(report);
    report.clusters = clusters.join(report);
    if (heap_rates) {
        heap_rates->rate_clusters(report);
        heap_rates->bound_sizes(report);
    }
    name_stacks(report);
    report.memory = reconcile(contents, heap, mapping_growth(report), in_use);
    leave_out_gone(report);
    judge_by_pointers(report);
    confirm_by_memory(report);
    judge_by_lost_of_heap(report);
    leave_open_what_is_pointed_to(report);
    join_places(report);
    leave_open_until_collected(report);
    sort_stacks(report.stacks, SortBy::growth);
    report.findings = find_causes(report);
    conclude(report);
    if (options.sort != SortBy::growth) sort_stacks(report.stacks, options.sort);
    return report;
}

}  // namespace seep
