// SPDX-License-Identifier: GPL-2.0-only

// doctor_json() of doctor/report.h. The keys are an interface: programs rely on them.

#include <nlohmann/json.hpp>

#include "doctor/names.h"
#include "doctor/report.h"

namespace seep {
namespace {

// Keeps the order in which keys are written down here.
using Json = nlohmann::ordered_json;

Json check_json(const Check& check) {
    return {{"name", check.name},
            {"status", status_name(check.status)},
            {"found", check.found},
            {"needed", check.needed},
            {"mend", check.mend}};
}

Json function_json(const ProbePlan& plan) {
    return {{"name", plan.function.symbol},
            {"entry", plan.function.address},
            {"site", plan.entry.address},
            {"file_offset", plan.entry.file_offset},
            {"site_kind", site_kind_name(plan.entry.kind)},
            {"moved", plan.entry.address - plan.function.address},
            {"exit", exit_probe_name(plan.exit)},
            {"returns", plan.returns.size()},
            {"note", plan.note}};
}

Json allocator_json(const ObjectDiagnosis& object) {
    Json functions = Json::array();
    for (const ProbePlan& plan : object.probes.plans) functions.push_back(function_json(plan));
    return {{"allocator", object.allocator},
            {"object", object.path},
            {"build_id", object.build_id},
            {"functions", std::move(functions)},
            {"skipped", object.probes.skipped}};
}

Json unwind_table_json(const ObjectDiagnosis& object) {
    if (!object.unwind_table) return nullptr;
    return {{"bytes", object.unwind_table->bytes},
            {"rows", object.unwind_table->rows},
            {"unsupported_rows", object.unwind_table->unsupported},
            {"code_bytes", object.unwind_table->code_bytes},
            {"uncovered_bytes", object.unwind_table->uncovered_bytes}};
}

Json object_json(const ObjectDiagnosis& object) {
    return {{"object", object.path},
            {"build_id", object.build_id},
            {"frame_pointers",
             {{"kept", kept_name(object.frame_pointers.kept())},
              {"share", object.frame_pointers.share()},
              {"sampled", object.frame_pointers.sampled}}},
            {"unwind_table", unwind_table_json(object)},
            {"symbols", symbols_name(object.symbols)},
            {"debug_info", debug_info_name(object.debug_info)},
            {"problem", object.problem}};
}

Json optional_json(const std::optional<std::uint64_t>& value) {
    return value ? Json(*value) : Json(nullptr);
}

Json memory_json(const TargetDiagnosis& target) {
    return {{"rss_bytes", target.memory.rss_bytes},
            {"anonymous_bytes", target.memory.anonymous_bytes},
            {"swap_bytes", target.memory.swap_bytes},
            {"virtual_bytes", target.memory.virtual_bytes},
            {"cgroup", target.cgroup},
            {"cgroup_current_bytes", optional_json(target.cgroup_memory.current)},
            {"cgroup_limit_bytes", optional_json(target.cgroup_memory.limit)}};
}

Json target_json(const TargetDiagnosis& target) {
    Json json = {{"pid", target.pid},
                 {"status", status_name(target.refused ? CheckStatus::missing : CheckStatus::ok)},
                 {"found", target.refused ? target.refused->message : "can be traced"},
                 {"mend", target.refused ? target.refused->hint : ""}};
    if (target.process.pid == 0) return json;
    Json allocators = Json::array();
    Json objects = Json::array();
    for (const auto& object : target.objects) {
        if (!object->allocator.empty()) allocators.push_back(allocator_json(*object));
        objects.push_back(object_json(*object));
    }
    json["command"] = target.process.command_line;
    json["executable"] = target.process.executable;
    json["user"] = target.process.user;
    json["architecture"] = architecture_name(target.process.architecture);
    json["memory"] = memory_json(target);
    json["allocators"] = std::move(allocators);
    json["objects"] = std::move(objects);
    json["unreadable"] = target.unreadable;
    return json;
}

}  // namespace

std::string doctor_json(const DoctorReport& report) {
    Json json = {{"seep", {{"version", SEEP_VERSION}, {"format", 1}}},
                 {"checks", Json::array()},
                 {"targets", Json::array()}};
    for (const Check& check : report.checks) json["checks"].push_back(check_json(check));
    for (const TargetDiagnosis& target : report.targets) {
        json["targets"].push_back(target_json(target));
    }
    constexpr int indent = 2;
    return json.dump(indent, ' ', false, Json::error_handler_t::replace) + "\n";
}

}  // namespace seep
