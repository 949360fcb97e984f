// SPDX-License-Identifier: GPL-2.0-only

// json_report() of output/text_report.h. The keys are an interface: programs rely on them.

#include <algorithm>
#include <nlohmann/json.hpp>

#include "analysis/truncation.h"
#include "base/text.h"
#include "output/text_report.h"

namespace seep {
namespace {

// Keeps the order in which keys are written down here.
using Json = nlohmann::ordered_json;

double seconds(std::int64_t ns) {
    return static_cast<double>(ns) / 1e9;
}

Json process_json(const ReportProcess& process) {
    return {{"pid", process.pid},
            {"command", process.command},
            {"executable", process.executable},
            {"allocators", process.allocators},
            {"unwind_tables", {{"rows", process.unwind_rows}, {"bytes", process.unwind_bytes}}}};
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

Json totals_json(const Report& report) {
    const Totals& totals = report.totals;
    return {{"rss_bytes", report.rss_bytes},
            {"live_bytes", totals.live_bytes()},
            {"live_count", totals.live_count()},
            {"allocated_bytes", totals.allocated_bytes},
            {"allocated_count", totals.allocated_count},
            {"freed_bytes", totals.freed_bytes},
            {"freed_count", totals.freed_count},
            {"lapsed_bytes", totals.lapsed_bytes},
            {"lapsed_count", totals.lapsed_count},
            {"rss_growth_bytes_per_second", report.rss_growth_bytes_per_second},
            {"mapped", mapped_json(report)},
            {"verdict", report.verdict},
            {"reason", report.reason}};
}

Json frame_json(const ReportFrame& frame) {
    return {{"function", frame.function}, {"module", frame.module}, {"offset", frame.offset},
            {"file", frame.file},         {"line", frame.line},     {"inlined", frame.inlined}};
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
            {"periods", std::move(periods)}};
}

Json header_json(const Report& report) {
    Json targets = Json::array();
    for (const ReportProcess& process : report.targets) targets.push_back(process_json(process));
    return {{"seep", {{"version", SEEP_VERSION}, {"format", 1}}},
            {"target", process_json(report.targets.empty() ? ReportProcess{} : report.targets[0])},
            {"targets", std::move(targets)},
            {"window",
             {{"start", format_rfc3339(report.window_start_ns)},
              {"seconds", seconds(report.window_end_ns - report.window_start_ns)},
              {"snapshots", report.snapshots}}},
            {"sources", report.recording.sources},
            {"sampling", sampling_json(report.sampling)},
            {"overhead",
             {{"probe_hits", report.probe_hits},
              {"cpu_percent", report.overhead_cpu_percent},
              {"budget_percent", static_cast<double>(report.recording.budget_ppm) / 1e4}}},
            {"losses", losses_json(report.losses)},
            {"truncated_share", report.truncated_share},
            {"truncated_in", truncated_json(report)},
            {"process", totals_json(report)},
            {"warnings", report.warnings},
            {"clusters", clusters_json(report)}};
}

template <typename Value>
Json optional_json(const std::optional<Value>& value) {
    return value ? Json(*value) : Json();
}

Json evidence_json(const Evidence& evidence) {
    Json survival;
    if (evidence.survival)
        survival = {{"age_seconds", evidence.survival->age_seconds},
                    {"share", evidence.survival->share},
                    {"low", evidence.survival->low},
                    {"high", evidence.survival->high}};
    return {{"turnover_z", optional_json(evidence.turnover_z)},
            {"q_value", optional_json(evidence.q_value)},
            {"age_ratio", optional_json(evidence.age_ratio)},
            {"survival", std::move(survival)},
            {"pace", optional_json(evidence.pace)},
            {"decidable_at",
             evidence.decidable_at_ns ? Json(format_rfc3339(*evidence.decidable_at_ns)) : Json()},
            {"cluster", evidence.cluster > 0 ? Json(evidence.cluster) : Json()}};
}

Json stack_json(const ReportStack& stack, std::size_t rank) {
    Json frames = Json::array();
    for (const ReportFrame& frame : stack.frames) frames.push_back(frame_json(frame));
    return {{"rank", rank},
            {"id", stack.id},
            {"kind", stack_kind_name(stack.kind)},
            {"live_bytes", stack.totals.live_bytes()},
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
            {"verdict", verdict_name(stack.verdict)},
            {"reason", stack.reason},
            {"evidence", evidence_json(stack.evidence)},
            {"truncated", stack.truncated},
            {"frames", std::move(frames)}};
}

/// Names may hold any bytes; invalid UTF-8 becomes U+FFFD.
std::string dumped(const Json& json, int indent) {
    return json.dump(indent, ' ', false, Json::error_handler_t::replace);
}

}  // namespace

std::string json_report(const Report& report, std::size_t top) {
    // Stacks are written one by one, a line each: as one document, 100,000 of them would take
    // gigabytes.
    std::string text = dumped(header_json(report), 2);
    text.resize(text.rfind("\n}"));
    text += ",\n  \"stacks\": [";
    const std::size_t shown = top == 0 ? report.stacks.size() : std::min(top, report.stacks.size());
    for (std::size_t rank = 1; rank <= shown; ++rank) {
        text += rank == 1 ? "\n    " : ",\n    ";
        text += dumped(stack_json(report.stacks[rank - 1], rank), -1);
    }
    return text + (shown == 0 ? "]\n}\n" : "\n  ]\n}\n");
}

}  // namespace seep
