// SPDX-License-Identifier: GPL-2.0-only

// check_kernel() of doctor/system_checks.h: what the kernel has, and what came of the trials.

#include <fmt/format.h>
#include <fmt/ranges.h>

#include <algorithm>
#include <utility>

#include "base/text.h"
#include "doctor/names.h"
#include "doctor/system_checks.h"
#include "target/proc_file.h"

namespace seep {
namespace {

using Version = std::pair<int, int>;
constexpr Version oldest_kernel{6, 1};
constexpr Version newest_gain{6, 13};

std::optional<Version> version_of(std::string_view release) {
    const auto major = take_number<int>(release);
    if (!major || !release.starts_with('.')) return std::nullopt;
    release.remove_prefix(1);
    const auto minor = take_number<int>(release);
    if (!minor) return std::nullopt;
    return Version{*major, *minor};
}

Check kernel_version(const SystemFacts& facts) {
    Check check{.name = "kernel", .found = facts.kernel_release};
    check.needed =
        "Linux 6.1 or newer; 6.6 can attach many probes with one link, 6.10 for one process only, "
        "6.13 has sessions: one program for call and return";
    const auto version = version_of(facts.kernel_release);
    if (!version || *version < oldest_kernel) {
        check.status = CheckStatus::missing;
        check.mend = "run a newer kernel; Debian 12 has 6.1, and newer ones in its backports";
    } else if (*version < newest_gain) {
        check.found += "; newer ones cost less: from 6.10 many probes a link, from 6.13 sessions";
    }
    return check;
}

Check machine(const SystemFacts& facts) {
    Check check{.name = "processor", .found = facts.machine, .needed = "x86_64"};
    if (facts.machine != "x86_64") check.status = CheckStatus::missing;
    return check;
}

Check btf(const SystemFacts& facts) {
    Check check{.name = "kernel types (BTF)", .needed = "/sys/kernel/btf/vmlinux"};
    if (facts.btf_bytes) {
        check.found = format_bytes(static_cast<double>(*facts.btf_bytes));
        return check;
    }
    check.status = CheckStatus::missing;
    check.found = "not there, or not readable";
    check.mend =
        "run a kernel built with CONFIG_DEBUG_INFO_BTF (Debian's are); in a container, mount /sys";
    return check;
}

Check from_trial(std::string name, std::string works, const std::optional<Error>& refused,
                 std::string needed) {
    Check check{.name = std::move(name), .found = std::move(works), .needed = std::move(needed)};
    if (refused) {
        check.status = CheckStatus::missing;
        check.found = printable(refused->message);
        check.mend = refused->hint;
    }
    return check;
}

/// One cause is told once: what depends on BPF is not missing on its own account without it.
Check not_tried(Check check) {
    check.status = CheckStatus::warning;
    check.found = "not tried, because BPF is refused";
    check.mend.clear();
    return check;
}

Check attach_modes(const SystemFacts& facts) {
    const std::vector<AttachMode>& modes = facts.trials.attach_modes;
    Check check{.name = "attach modes",
                .needed =
                    "session (one program for call and return), multi (many probes a link) "
                    "or single (one perf event a probe)"};
    std::vector<std::string_view> names;
    names.reserve(modes.size());
    for (const AttachMode mode : modes) names.emplace_back(attach_mode_name(mode));
    check.found = fmt::format("{}", fmt::join(names, ", "));
    if (modes.empty()) {
        check.status = CheckStatus::missing;
        check.found = "none works";
    } else if (names.size() > 1) {
        check.found += fmt::format("; {} is used", names.front());
    }
    return check;
}

/// Only probes that are attached one by one go through the perf device.
Check uprobes(const SystemFacts& facts) {
    Check check{.name = "uprobe perf events",
                .found = "there",
                .needed = "the device uprobe of /sys/bus/event_source, for attach mode single"};
    if (facts.uprobe_pmu) return check;
    check.found = "not there";
    const std::vector<AttachMode>& modes = facts.trials.attach_modes;
    const bool other_mode =
        std::ranges::any_of(modes, [](AttachMode mode) { return mode != AttachMode::single; });
    if (other_mode) {
        check.found +=
            fmt::format(", and not used in attach mode {}", attach_mode_name(modes.front()));
        return check;
    }
    check.status = CheckStatus::missing;
    check.mend = "run a kernel built with CONFIG_UPROBE_EVENTS; in a container, mount /sys";
    return check;
}

Check own_programs(const SystemFacts& facts) {
    return from_trial(
        "seep's programs",
        fmt::format("verified and loaded in {}", format_duration(facts.trials.verifying)),
        facts.trials.programs, "this kernel's verifier accepts them");
}

/// Not needed for the heap.
Check other_source(const char* name, const char* needed, const std::optional<Error>& refused,
                   const SystemFacts& facts) {
    Check check{.name = name, .found = "can be watched", .needed = needed};
    if (refused) {
        check.status = CheckStatus::warning;
        check.found = "cannot be watched: " + printable(refused->message);
    } else if (facts.trials.programs) {
        check.status = CheckStatus::warning;
        check.found = "not tried, because seep's programs are refused";
    }
    return check;
}

Check mappings(const SystemFacts& facts) {
    return other_source("mappings", "a program at the return of system calls, for --source mapping",
                        facts.trials.mappings, facts);
}

Check page_faults(const SystemFacts& facts) {
    return other_source("page faults", "a program on a perf event, for --source faults",
                        facts.trials.faults, facts);
}

/// By way to see the result.
std::string call_costs(const ProbeCosts& costs, SiteKind kind) {
    const auto microseconds = [&](ExitProbe exit) { return costs.of(kind, exit).call_ns / 1000; };
    return fmt::format("{} {:.2f}, {:.2f}, {:.2f}", site_kind_name(kind),
                       microseconds(ExitProbe::none), microseconds(ExitProbe::return_probe),
                       microseconds(ExitProbe::at_returns));
}

Check probe_costs(const SystemFacts& facts) {
    Check check{.name = "cost of probes",
                .needed = "probes on functions of seep's own, to tell what they cost a target"};
    if (facts.trials.costs) {
        const ProbeCosts& costs = *facts.trials.costs;
        check.found = fmt::format(
            "us a call without result, with a return probe, with probes at its returns, by "
            "instruction at the entry: {}; {}; {}. Longer stacks: {:.2f} us a frame. "
            "After other work: {:.2f} us a hit more",
            call_costs(costs, SiteKind::nop5), call_costs(costs, SiteKind::emulated),
            call_costs(costs, SiteKind::single_stepped), costs.frame_ns() / 1000,
            costs.cold_ns() / 1000);
        return check;
    }
    check.status = CheckStatus::warning;
    check.found = facts.trials.programs ? "not measured, because seep's programs are refused"
                                        : "not measured: " + printable(facts.trials.no_costs);
    return check;
}

}  // namespace

std::vector<Check> check_kernel(const SystemFacts& facts) {
    std::vector<Check> checks{kernel_version(facts), machine(facts), btf(facts)};
    checks.push_back(from_trial("BPF", "a map was made and a program loaded", facts.trials.bpf,
                                "the bpf system call, for maps and tracing programs"));
    std::vector<Check> depending{
        from_trial("sleepable programs", "one was loaded", facts.trials.sleepable,
                   "programs that may wait for the target's memory to be paged in"),
        attach_modes(facts),
        own_programs(facts),
        probe_costs(facts),
        mappings(facts),
        page_faults(facts)};
    for (Check& check : depending) {
        checks.push_back(facts.trials.bpf ? not_tried(std::move(check)) : std::move(check));
    }
    checks.push_back(uprobes(facts));
    checks.push_back(from_trial("process events", "perf events can be opened", facts.trials.events,
                                "perf events that tell of new code, forks and exits"));
    return checks;
}

}  // namespace seep
