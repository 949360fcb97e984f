// SPDX-License-Identifier: GPL-2.0-only
#include "output/pprof.h"

#include <fmt/format.h>

#include <algorithm>
#include <array>

#include "base/text.h"
#include "output/folded.h"
#include "output/phrases.h"
#include "output/pprof_fields.h"
#include "output/pprof_tables.h"

namespace seep {
namespace {

using protozero::pbf_writer;

struct SampleType {
    const char* type;
    const char* unit;
};
constexpr std::array<SampleType, 5> sample_types{{{"alloc_objects", "count"},
                                                  {"alloc_space", "bytes"},
                                                  {"inuse_objects", "count"},
                                                  {"inuse_space", "bytes"},
                                                  {"growth_space", "bytes"}}};
constexpr const char* default_type = "inuse_space";

/// In the order of sample_types.
std::array<std::int64_t, sample_types.size()> values_of(const ReportStack& stack) {
    return {clamped(stack.totals.allocated_count), clamped(stack.totals.allocated_bytes),
            clamped(stack.totals.held_count()), clamped(stack.totals.held_bytes()),
            stack.growth.bytes};
}

void write_type(pbf_writer& profile, pprof::Tag tag, const SampleType& type, PprofTables& tables) {
    pbf_writer message(profile, tag);
    message.add_int64(pprof::value_type::type, tables.text(type.type));
    message.add_int64(pprof::value_type::unit, tables.text(type.unit));
}

void write_label(pbf_writer& sample, const char* key, std::string_view value, PprofTables& tables) {
    pbf_writer message(sample, pprof::sample::label);
    message.add_int64(pprof::label::key, tables.text(key));
    message.add_int64(pprof::label::str, tables.text(value));
}

void write_sample(pbf_writer& profile, const ReportStack& stack, const Report& report,
                  PprofTables& tables) {
    const std::vector<std::uint64_t> locations = tables.locations(stack);
    const auto values = values_of(stack);
    pbf_writer message(profile, pprof::profile::sample);
    message.add_packed_uint64(pprof::sample::location_id, locations.begin(), locations.end());
    message.add_packed_int64(pprof::sample::value, values.begin(), values.end());
    write_label(message, "stack", stack.id, tables);
    write_label(message, "kind", stack_kind_name(stack.kind), tables);
    write_label(message, "verdict", verdict_name(stack.verdict), tables);
    // Stacks of several processes with the same code are one in the report.
    if (report.targets.size() != 1) return;
    const ReportProcess& process = report.targets.front();
    write_label(message, "process", process.executable, tables);
    pbf_writer pid(message, pprof::sample::label);
    pid.add_int64(pprof::label::key, tables.text("pid"));
    pid.add_int64(pprof::label::num, process.pid);
}

std::string losses_text(const Losses& losses) {
    std::string text;
    for (std::size_t loss = 0; loss < losses.size(); ++loss)
        if (losses[loss] > 0)
            text += fmt::format("{}{} {}", text.empty() ? "" : ", ", losses[loss], loss_name(loss));
    return text.empty() ? "none" : text;
}

std::vector<std::string> comments_of(const Report& report) {
    std::vector<std::string> comments{"made by seep " SEEP_VERSION};
    for (const ReportProcess& process : report.targets)
        comments.push_back(
            fmt::format("process {}: {}", process.pid, printable(process.command, 200)));
    const std::chrono::nanoseconds window(report.window_end_ns - report.window_start_ns);
    comments.push_back(fmt::format("window: {} from {}, {} snapshots", format_duration(window),
                                   format_rfc3339(report.window_start_ns), report.snapshots));
    comments.push_back(
        report.recording.sampling_bytes == 0
            ? std::string("sampling: every allocation")
            : fmt::format("sampling: one allocation in about {} bytes; figures are estimates",
                          report.recording.sampling_bytes));
    if (report.sampling.observed_share < 1)
        comments.push_back(
            fmt::format("seen for {} of the time: what may have been freed in between "
                        "counts as in use",
                        percent(report.sampling.observed_share)));
    comments.push_back("losses: " + losses_text(report.losses));
    comments.push_back(fmt::format("verdict: {}: {}", report.verdict, report.reason));
    for (const std::string& warning : report.warnings) comments.push_back("warning: " + warning);
    return comments;
}

/// The object of the first target's executable; 0 if none is.
std::uint32_t main_object(const Report& report) {
    if (report.targets.empty()) return 0;
    const auto found =
        std::ranges::find(report.objects, report.targets.front().executable, &ObjectRecord::path);
    if (found == report.objects.end()) return 0;
    return static_cast<std::uint32_t>(found - report.objects.begin()) + 1;
}

}  // namespace

std::string pprof_profile(const Report& report, ProfileTime time) {
    using namespace pprof;
    std::string bytes;
    pbf_writer profile(bytes);
    PprofTables tables(report.objects);
    for (const SampleType& type : sample_types)
        write_type(profile, profile::sample_type, type, tables);
    for (const ReportStack& stack : report.stacks)
        if (!report.recording.sources.repeats(stack.kind))
            write_sample(profile, stack, report, tables);
    profile.add_int64(profile::time_nanos,
                      time == ProfileTime::start ? report.window_start_ns : report.window_end_ns);
    profile.add_int64(profile::duration_nanos, report.window_end_ns - report.window_start_ns);
    // Also without sampling, because pprof compares only profiles with the same type of period.
    write_type(profile, profile::period_type, {"space", "bytes"}, tables);
    profile.add_int64(profile::period,
                      clamped(std::max<std::uint64_t>(report.recording.sampling_bytes, 1)));
    for (const std::string& comment : comments_of(report))
        profile.add_int64(profile::comment, tables.text(comment));
    profile.add_int64(profile::default_sample_type, tables.text(default_type));
    tables.write(profile, main_object(report));
    return bytes;
}

}  // namespace seep
