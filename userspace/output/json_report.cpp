// SPDX-License-Identifier: GPL-2.0-only

// json_report() of output/text_report.h. The keys are an interface: programs rely on them.

#include <algorithm>

#include "analysis/findings.h"
#include "analysis/truncation.h"
#include "base/text.h"
#include "output/json_parts.h"
#include "output/text_report.h"

namespace seep {
namespace {

double hourly(double per_second) {
    return per_second * seconds_an_hour;
}

double seconds(std::int64_t ns) {
    return static_cast<double>(ns) / 1e9;
}

template <typename Value>
Json optional_json(const std::optional<Value>& value) {
    return value ? Json(*value) : Json();
}

Json truncated_json(const Report& report) {
    Json places = Json::array();
    for (const Truncation& place : report.truncated)
        places.push_back({{"module", place.module},
                          {"generated_code", place.generated},
                          {"reason", stack_end_name(place.reason)},
                          {"allocations", place.allocations}});
    return places;
}

Json losses_json(const Losses& losses) {
    Json json = Json::object();
    for (std::size_t loss = 0; loss < losses.size(); ++loss) json[loss_name(loss)] = losses[loss];
    return json;
}

Json per_work_json(const std::optional<GrowthPerWork>& growth) {
    if (!growth) return nullptr;
    return {{"bytes", growth->bytes}, {"low", growth->low}, {"high", growth->high}};
}

Json work_json(const Report& report) {
    if (!report.work) return nullptr;
    return {{"count", report.work->count}, {"per_second", report.work->per_second}};
}

Json mapped_json(const Report& report) {
    if (!report.mapped) return nullptr;
    const Totals& totals = report.mapping_totals;
    return {{"live_bytes", report.mapped->program},
            {"live_count", totals.live_count()},
            {"allocated_bytes", totals.allocated_bytes},
            {"allocated_count", totals.allocated_count},
            {"freed_bytes", totals.freed_bytes},
            {"freed_count", totals.freed_count},
            {"thread_stack_bytes", report.mapped->thread_stacks},
            {"allocator_bytes", report.mapped->allocator},
            {"earlier_bytes", report.mapped->earlier}};
}

Json faulted_json(const Report& report) {
    if (!report.faulted) return nullptr;
    const Totals& totals = report.fault_totals;
    return {{"live_bytes", report.faulted->touched},
            {"allocated_bytes", totals.allocated_bytes},
            {"freed_bytes", totals.freed_bytes},
            {"untold_bytes", report.faulted->untold},
            {"earlier_bytes", report.faulted->earlier}};
}

Json totals_json(const Report& report) {
    const Totals& totals = report.totals;
    return {{"rss_bytes", report.rss_bytes},
            {"live_bytes", totals.live_bytes()},
            {"live_bytes_standard_error", optional_json(report.live_standard_error)},
            {"live_count", totals.live_count()},
            {"allocated_bytes", totals.allocated_bytes},
            {"allocated_count", totals.allocated_count},
            {"freed_bytes", totals.freed_bytes},
            {"freed_count", totals.freed_count},
            {"lapsed_bytes", totals.lapsed_bytes},
            {"lapsed_count", totals.lapsed_count},
            {"rss_growth_bytes_per_second", report.rss_growth_bytes_per_second},
            {"mapped", mapped_json(report)},
            {"faulted", faulted_json(report)},
            {"work", work_json(report)},
            {"growth_per_1000_work", report.work ? per_work_json(report.work->growth) : Json()},
            {"verdict", report.verdict},
            {"reason", report.reason}};
}

Json clusters_json(const Report& report) {
    Json clusters = Json::array();
    for (const ReportCluster& cluster : report.clusters)
        clusters.push_back({{"id", clusters.size() + 1},
                            {"frame", frame_json(cluster.frame)},
                            {"bytes_per_second", cluster.bytes_per_second},
                            {"stacks", cluster.stacks}});
    return clusters;
}

Json sampling_json(const ReportSampling& sampling) {
    Json periods = Json::array();
    for (const ReportPeriod& period : sampling.periods)
        periods.push_back({{"from_seconds", period.from_seconds},
                           {"seconds", period.seconds},
                           {"observed_seconds", period.observed_seconds},
                           {"windows", period.windows},
                           {"bytes", period.bytes}});
    return {{"mode", sampling.bytes == 0 ? "exact" : "bytes"},
            {"bytes", sampling.bytes},
            {"asked", sampling.asked},
            {"observed_share", sampling.observed_share},
            {"rate_scale",
             {{"estimate", sampling.rate_scale.middle},
              {"low", sampling.rate_scale.low},
              {"high", sampling.rate_scale.high},
              {"known", sampling.rate_scale.known},
              {"by", sampling.by_calls ? "calls" : "page faults"}}},
            {"periods", std::move(periods)}};
}

Json hourly_json(const Growth& growth) {
    return {{"estimate", hourly(growth.bytes_per_second)},
            {"low", hourly(growth.low)},
            {"high", hourly(growth.high)}};
}

/// Seconds after the window's end; null for never.
Json limit_json(const TimeToLimit& limit) {
    return {{"earliest", optional_json(limit.earliest)},
            {"expected", optional_json(limit.expected)},
            {"latest", optional_json(limit.latest)}};
}

Json in_use_json(const std::optional<HeapInUseGrowth>& heap) {
    if (!heap) return {};
    return {{"bytes", heap->bytes},
            {"blocks", heap->blocks},
            {"free_bytes", heap->free_bytes},
            {"bytes_per_hour", hourly_json(heap->growth)},
            {"lost", heap->lost ? Json{{"bytes", heap->lost->bytes}, {"blocks", heap->lost->blocks}}
                                : Json()}};
}

Json memory_json(const ProcessMemory& memory) {
    const bool limited = memory.limited_by != MemoryLimit::unknown;
    return {{"anonymous_bytes", memory.anonymous_bytes},
            {"swap_bytes", memory.swap_bytes},
            {"file_bytes", memory.file_bytes},
            {"heap_bytes", memory.heap_bytes},
            {"heap_peak_bytes", memory.heap_peak_bytes},
            {"heap_in_use", in_use_json(memory.in_use)},
            {"bytes_per_hour",
             {{"anonymous", hourly_json(memory.anonymous)},
              {"file", hourly_json(memory.file)},
              {"heap", hourly_json(memory.heap)}}},
            {"kappa", optional_json(memory.kappa)},
            {"coverage", optional_json(memory.coverage)},
            {"limited_by", limited ? Json(memory_limit_name(memory.limited_by)) : Json()},
            {"limit_bytes", limited ? Json(memory.limit_bytes) : Json()},
            {"used_bytes", limited ? Json(memory.used_bytes) : Json()},
            {"seconds_to_limit", limit_json(memory.limit)},
            {"advice", memory.advice}};
}

Json findings_json(const Report& report) {
    Json findings = Json::array();
    for (const Finding& finding : report.findings)
        findings.push_back(finding_json(finding, findings.size() + 1));
    return findings;
}

Json suppressions_json(const Report& report) {
    Json uses = Json::array();
    for (const SuppressionUse& use : report.suppressions)
        uses.push_back({{"pattern", use.pattern},
                        {"stacks", use.stacks},
                        {"live_bytes", use.live_bytes},
                        {"live_count", use.live_count}});
    return uses;
}

Json survival_json(const Survival& survival) {
    return {{"age_seconds", survival.age_seconds},
            {"share", survival.share},
            {"low", survival.low},
            {"high", survival.high}};
}

Json evidence_json(const Evidence& evidence) {
    Json unreachable;
    if (const auto& seen = evidence.unreachable)
        unreachable = {{"blocks", seen->blocks},
                       {"share", seen->share},
                       {"low", seen->low},
                       {"high", seen->high},
                       {"all_known", seen->all_known}};
    Json staying;
    if (evidence.staying) {
        staying = survival_json(evidence.staying->survival);
        staying["blocks"] = evidence.staying->blocks;
        staying["dying"] = evidence.staying->dying;
        staying["sure"] = evidence.staying->sure;
    }
    return {{"turnover_z", optional_json(evidence.turnover_z)},
            {"q_value", optional_json(evidence.q_value)},
            {"age_ratio", optional_json(evidence.age_ratio)},
            {"survival", evidence.survival ? survival_json(*evidence.survival) : Json()},
            {"staying", std::move(staying)},
            {"unreachable", std::move(unreachable)},
            {"lost_object", evidence.lost_object.empty() ? Json() : Json(evidence.lost_object)},
            {"lost_of_heap", optional_json(evidence.lost_of_heap)},
            {"pace", optional_json(evidence.pace)},
            {"decidable_at",
             evidence.decidable_at_ns ? Json(format_rfc3339(*evidence.decidable_at_ns)) : Json()},
            {"cluster", evidence.cluster > 0 ? Json(evidence.cluster) : Json()}};
}

/// The rank first, the frames last.
Json stack_json(const ReportStack& stack, std::size_t rank) {
    Json json{{"rank", rank}};
    json.update(stack_facts_json(stack));
    json["frames"] = frames_json(stack.frames);
    return json;
}

}  // namespace

Json finding_json(const Finding& finding, std::size_t rank) {
    const ReportFrame& frame = finding.frame;
    return {{"rank", rank},
            {"verdict", finding.verdict},
            {"kind", finding.stacks.empty() ? Json() : Json(stack_kind_name(finding.kind))},
            {"sentence", finding.sentence},
            {"function", finding.stacks.empty() ? frame.function : frame_name(frame)},
            {"module", frame.module},
            {"file", frame.file},
            {"line", frame.line},
            {"bytes_per_hour", hourly_json(finding.growth)},
            {"growth_per_1000_work", per_work_json(finding.growth_per_work)},
            {"live_bytes", finding.live_bytes},
            {"live_count", finding.live_count},
            {"lapsed_bytes", finding.lapsed_bytes},
            {"lapsed_count", finding.lapsed_count},
            {"allocated_count", finding.allocated_count},
            {"freed_count", finding.freed_count},
            {"seconds_to_limit", limit_json(finding.limit)},
            {"stacks", finding.stacks}};
}

Json report_header_json(const Report& report) {
    Json targets = Json::array();
    for (const ReportProcess& process : report.targets) targets.push_back(process_json(process));
    return {{"seep", {{"version", SEEP_VERSION}, {"format", 1}}},
            {"target", process_json(report.targets.empty() ? ReportProcess{} : report.targets[0])},
            {"targets", std::move(targets)},
            {"window",
             {{"start", format_rfc3339(report.window_start_ns)},
              {"seconds", seconds(report.window_end_ns - report.window_start_ns)},
              {"snapshots", report.snapshots}}},
            {"sources", sources_name(report.recording.sources)},
            {"sampling", sampling_json(report.sampling)},
            {"overhead",
             {{"probe_hits", report.probe_hits},
              {"cpu_percent", report.overhead_cpu_percent},
              {"core_percent", report.overhead_core_percent},
              {"budget_percent", static_cast<double>(report.recording.budget_ppm) / 1e4}}},
            {"losses", losses_json(report.losses)},
            {"truncated_share", report.truncated_share},
            {"truncated_in", truncated_json(report)},
            {"process", totals_json(report)},
            {"memory", memory_json(report.memory)},
            {"warnings", report.warnings},
            {"findings", findings_json(report)},
            {"without_findings",
             report.findings.empty() ? Json(without_findings(report)) : Json(nullptr)},
            {"suppressions", suppressions_json(report)},
            {"clusters", clusters_json(report)}};
}

Json stack_facts_json(const ReportStack& stack) {
    return {{"id", stack.id},
            {"kind", stack_kind_name(stack.kind)},
            {"live_bytes", stack.totals.live_bytes()},
            {"live_bytes_standard_error", optional_json(stack.live_standard_error)},
            {"live_count", stack.totals.live_count()},
            {"allocated_bytes", stack.totals.allocated_bytes},
            {"allocated_count", stack.totals.allocated_count},
            {"freed_bytes", stack.totals.freed_bytes},
            {"freed_count", stack.totals.freed_count},
            {"lapsed_bytes", stack.totals.lapsed_bytes},
            {"lapsed_count", stack.totals.lapsed_count},
            {"growth",
             {{"bytes_per_second", stack.growth.bytes_per_second},
              {"low", stack.growth.low},
              {"high", stack.growth.high},
              {"bytes", stack.growth.bytes}}},
            {"growth_per_1000_work", per_work_json(stack.growth_per_work)},
            {"verdict", verdict_name(stack.verdict)},
            {"reason", stack.reason},
            {"evidence", evidence_json(stack.evidence)},
            {"suppressed", stack.suppressed},
            {"truncated", stack.truncated}};
}

std::string json_report(const Report& report, std::size_t top) {
    const std::size_t count = report.stacks.size();
    return document(report_header_json(report), "stacks", top == 0 ? count : std::min(top, count),
                    [&](std::size_t i) { return stack_json(report.stacks[i], i + 1); });
}

}  // namespace seep
