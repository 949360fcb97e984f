// SPDX-License-Identifier: GPL-2.0-only
#pragma once

// What this machine, its kernel and seep's own process are like, as far as tracing depends on it.
// Read once, judged by system_checks.h. Values only.

#include <cstdint>
#include <optional>
#include <string>

#include "doctor/trials.h"

namespace seep {

struct SystemFacts {
    std::string kernel_release;              ///< "6.1.0-18-amd64"
    std::string machine;                     ///< "x86_64"
    std::optional<std::uint64_t> btf_bytes;  ///< Of /sys/kernel/btf/vmlinux.
    bool uprobe_pmu = false;                 ///< The perf device that single uprobes are made with.
    Trials trials;

    std::uint64_t capabilities = 0;  ///< Effective ones, by bit.
    std::optional<int> perf_event_paranoid;
    std::optional<int> unprivileged_bpf_disabled;
    std::optional<int> ptrace_scope;  ///< nullopt: no Yama in this kernel.
    std::string lockdown;  ///< "none", "integrity", "confidentiality"; empty: not in this kernel.
    int seccomp = 0;       ///< 0 off, 1 strict, 2 a filter.
    bool initial_pid_namespace = true;
    bool initial_user_namespace = true;

    std::uint64_t open_files = 0;      ///< The soft limit.
    std::uint64_t open_files_max = 0;  ///< The hard one.
    std::string libbpf_version;        ///< "v1.4"
    std::string tracefs;               ///< Where it is mounted; empty: nowhere.
    bool bpffs = false;                ///< Mounted at /sys/fs/bpf.
    std::string debuginfod_urls;
};

/// Asks the system, and makes the trials. What cannot be read is left as it is above.
SystemFacts read_system_facts();

/// The choice in brackets: "none [integrity] confidentiality" -> "integrity".
std::string bracketed_choice(std::string_view text);

}  // namespace seep
