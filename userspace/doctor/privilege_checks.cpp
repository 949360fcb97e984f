// SPDX-License-Identifier: GPL-2.0-only

// check_privileges() of doctor/system_checks.h: capabilities, and settings that take rights away.

#include <fmt/format.h>

#include "doctor/capabilities.h"
#include "doctor/system_checks.h"

namespace seep {
namespace {

constexpr std::string_view how_to_grant =
    "run as root; or: setcap cap_bpf,cap_perfmon,cap_sys_ptrace,cap_checkpoint_restore=ep "
    "PATH-OF-SEEP; or, for a container: --cap-add BPF and so on";

struct Wanted {
    int capability;
    const char* name;
    const char* purpose;
    CheckStatus without;
    bool admin_stands_in;
};
constexpr Wanted wanted[] = {
    {CAP_BPF, "CAP_BPF", "making BPF maps and loading programs", CheckStatus::missing, true},
    {CAP_PERFMON, "CAP_PERFMON", "tracing programs, probes and perf events", CheckStatus::missing,
     true},
    {CAP_SYS_PTRACE, "CAP_SYS_PTRACE", "tracing what other users run; your own needs none",
     CheckStatus::warning, false},
    {CAP_CHECKPOINT_RESTORE, "CAP_CHECKPOINT_RESTORE",
     "reading mapped files that were replaced or deleted meanwhile (/proc/PID/map_files)",
     CheckStatus::warning, true},
};

Check capability_check(const SystemFacts& facts, const Wanted& want) {
    Check check{.name = want.name,
                .found = fmt::format("held, for {}", want.purpose),
                .needed = want.purpose};
    if (holds(facts, want.capability)) return check;
    check.found = "not held";
    if (want.admin_stands_in && holds(facts, CAP_SYS_ADMIN)) {
        check.found += "; CAP_SYS_ADMIN stands in for it";
        return check;
    }
    check.status = want.without;
    if (!facts.initial_user_namespace) {
        check.found = "not held where it counts, in the initial user namespace";
        check.mend = "run seep outside of this user namespace (rootless containers have their own)";
    } else {
        check.mend = how_to_grant;
    }
    return check;
}

Check admin_check(const SystemFacts& facts) {
    return {
        .name = "CAP_SYS_ADMIN",
        .status = CheckStatus::ok,
        .found = holds(facts, CAP_SYS_ADMIN) ? "held" : "not held; not needed beside the others",
        .needed =
            "nothing, where CAP_BPF, CAP_PERFMON and CAP_CHECKPOINT_RESTORE are held: it "
            "is their old substitute",
        .mend = {}};
}

std::string shown(const std::optional<int>& setting) {
    return setting ? fmt::format("{}", *setting) : "not in this kernel";
}

/// A setting that binds only those who lack a capability; that lack has a line of its own.
Check overridden_setting(const SystemFacts& facts, const char* name,
                         const std::optional<int>& setting, int capability,
                         const char* capability_name) {
    Check check{.name = name, .found = shown(setting)};
    check.needed = fmt::format("any value, with {}", capability_name);
    if (holds_or_admin(facts, capability)) {
        check.found += fmt::format("; does not matter with {}", capability_name);
    }
    return check;
}

Check lockdown(const SystemFacts& facts) {
    Check check{.name = "lockdown",
                .found = facts.lockdown.empty() ? "not in this kernel" : facts.lockdown,
                .needed =
                    "none or integrity: confidentiality keeps programs from reading what the "
                    "kernel knows of a thread"};
    if (facts.lockdown != "confidentiality") return check;
    check.status =
        facts.trials.programs || facts.trials.bpf ? CheckStatus::missing : CheckStatus::warning;
    check.mend = "start the kernel with lockdown=integrity (it cannot be lowered while running)";
    return check;
}

Check ptrace_scope(const SystemFacts& facts) {
    Check check{.name = "yama.ptrace_scope",
                .found = shown(facts.ptrace_scope),
                .needed = "0 or 1, 2 with CAP_SYS_PTRACE; only for launching (-- COMMAND)"};
    const int scope = facts.ptrace_scope.value_or(0);
    const int allowed = holds(facts, CAP_SYS_PTRACE) ? 2 : 1;
    if (scope <= allowed) return check;
    check.status = CheckStatus::warning;
    check.mend = "start the command yourself, and trace it with -p PID";
    return check;
}

Check seccomp(const SystemFacts& facts) {
    Check check{.name = "seccomp",
                .found = facts.seccomp == 0 ? "no filter" : "a filter is on",
                .needed = "the system calls bpf and perf_event_open allowed"};
    const bool refused = facts.trials.bpf.has_value() || facts.trials.events.has_value();
    const bool privileged = holds_or_admin(facts, CAP_BPF) && holds_or_admin(facts, CAP_PERFMON);
    if (facts.seccomp == 0 || !refused || !privileged) return check;
    check.status = CheckStatus::warning;
    check.found += ", which may be what refuses BPF or perf events";
    check.mend = "allow them; for a container: --security-opt seccomp=unconfined, or --privileged";
    return check;
}

}  // namespace

std::vector<Check> check_privileges(const SystemFacts& facts) {
    std::vector<Check> checks;
    for (const Wanted& want : wanted) checks.push_back(capability_check(facts, want));
    checks.push_back(admin_check(facts));
    checks.push_back(overridden_setting(facts, "perf_event_paranoid", facts.perf_event_paranoid,
                                        CAP_PERFMON, "CAP_PERFMON"));
    checks.push_back(overridden_setting(facts, "unprivileged_bpf_disabled",
                                        facts.unprivileged_bpf_disabled, CAP_BPF, "CAP_BPF"));
    checks.push_back(lockdown(facts));
    checks.push_back(ptrace_scope(facts));
    checks.push_back(seccomp(facts));
    return checks;
}

}  // namespace seep
