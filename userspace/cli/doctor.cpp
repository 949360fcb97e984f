// SPDX-License-Identifier: GPL-2.0-only
#include <fmt/core.h>

#include "base/text.h"
#include "cli/command.h"
#include "doctor/report.h"
#include "doctor/system_checks.h"
#include "doctor/tracefs.h"
#include "target/cgroup.h"

namespace seep {
namespace {

struct DoctorOptions {
    TargetOptions target;
    std::string format = "text";
    bool mount_tracefs = false;
};

Result<std::vector<pid_t>> targets_of(const TargetOptions& options) {
    std::vector<pid_t> pids = options.pids;
    if (options.cgroup.empty()) return pids;
    const auto members = cgroup_processes(options.cgroup);
    if (!members) return members.error();
    if (members->empty()) {
        return Error{ErrorKind::untraceable,
                     fmt::format("no process in cgroup {}", printable(options.cgroup)),
                     "start it first, or give the cgroup that its processes are in"};
    }
    pids.insert(pids.end(), members->begin(), members->end());
    return pids;
}

Result<int> run_doctor(const DoctorOptions& options) {
    const auto pids = targets_of(options.target);
    if (!pids) return pids.error();
    if (options.mount_tracefs) {
        if (const Result<void> mounted = mount_tracefs(); !mounted) return mounted.error();
    }
    DoctorReport report{.checks = check_system(read_system_facts()), .targets = {}};
    TargetExaminer examiner;
    for (const pid_t pid : *pids) report.targets.push_back(examiner.examine(pid));

    const std::string text = options.format == "json" ? doctor_json(report) : doctor_text(report);
    if (const Result<void> written = write_output("", text); !written) return written.error();
    return report.can_trace() ? 0 : static_cast<int>(ErrorKind::untraceable);
}

}  // namespace

void add_doctor_command(CLI::App& app, RunCommand& run) {
    auto options = std::make_shared<DoctorOptions>();
    CLI::App& command = *app.add_subcommand(
        "doctor", "Check what tracing needs, and what a trace of a target would see");
    add_target_options(command, options->target);
    // What does not run yet cannot be examined.
    command.remove_option(command.get_option("command"));
    command.add_option("--format", options->format, "text or json")
        ->capture_default_str()
        ->check(CLI::IsMember({"text", "json"}));
    command.add_flag("--mount-tracefs", options->mount_tracefs,
                     "Mount tracefs, which the ad-hoc scripts need and seep does not");
    command.footer(
        "Examples:\n"
        "  seep doctor                                 does this machine have what seep needs?\n"
        "  seep doctor -p 1234                         can process 1234 be traced, and how well?\n"
        "  seep doctor --format json | jq '.checks[] | select(.status != \"ok\")'\n\n"
        "Exit status: 0 nothing that is needed is missing; 3 something is.");
    command.callback([options, &run] { run = [options] { return run_doctor(*options); }; });
}

}  // namespace seep
