// SPDX-License-Identifier: GPL-2.0-only

// check_surroundings() of doctor/system_checks.h: namespaces, limits, libraries, and what is good
// to know although seep does without it.

#include <fmt/format.h>

#include <utility>

#include "base/text.h"
#include "doctor/system_checks.h"
#include "target/proc_file.h"

namespace seep {
namespace {

constexpr std::uint64_t enough_open_files = 1024;
constexpr std::pair oldest_libbpf{1, 3};

Check container(const SystemFacts& facts) {
    Check check{.name = "namespaces",
                .found = "the initial ones",
                .needed = "the pid namespace of the target or one above it"};
    if (facts.initial_pid_namespace && facts.initial_user_namespace) return check;
    check.status = CheckStatus::warning;
    if (!facts.initial_user_namespace) {
        check.found = "a user namespace of its own, in which no capability for tracing counts";
        check.mend = "run seep in the initial user namespace";
        return check;
    }
    check.found =
        "a pid namespace of its own (a container?): only processes seen in here can be "
        "targets, under their numbers in here";
    check.mend = "to trace others run seep on the host, or in a container with --pid=host";
    return check;
}

Check open_files(const SystemFacts& facts) {
    Check check{.name = "open files",
                .found = fmt::format("{} at most", format_count(facts.open_files_max)),
                .needed = "some for each target; one a probe in attach mode single"};
    if (facts.open_files < facts.open_files_max) {
        check.found +=
            fmt::format(" (now {}, which seep record raises)", format_count(facts.open_files));
    }
    if (facts.open_files_max >= enough_open_files) return check;
    check.status = CheckStatus::warning;
    check.mend = "as root: ulimit -n 65536 (LimitNOFILE= in a systemd unit)";
    return check;
}

Check libbpf(const SystemFacts& facts) {
    Check check{
        .name = "libbpf", .found = printable(facts.libbpf_version), .needed = "1.3 or newer"};
    std::string_view text = facts.libbpf_version;
    if (text.starts_with('v')) text.remove_prefix(1);
    const int major = take_number<int>(text).value_or(0);
    if (text.starts_with('.')) text.remove_prefix(1);
    const int minor = take_number<int>(text).value_or(0);
    if (std::pair(major, minor) >= oldest_libbpf) return check;
    check.status = CheckStatus::missing;
    check.mend = "install a newer libbpf (Debian 12: apt install -t bookworm-backports libbpf1)";
    return check;
}

Check tracefs(const SystemFacts& facts) {
    Check check{.name = "tracefs",
                .found = facts.tracefs,
                .needed = "nothing by seep; the ad-hoc scripts' tools look into it"};
    if (!facts.tracefs.empty()) return check;
    check.found = "not mounted; only the ad-hoc scripts want it (--mount-tracefs mounts it)";
    return check;
}

Check bpffs(const SystemFacts& facts) {
    return {
        .name = "bpffs",
        .found = facts.bpffs ? "/sys/fs/bpf" : "not mounted; seep pins nothing, so that is fine",
        .needed = "nothing by seep",
        .mend = {}};
}

Check debuginfod(const SystemFacts& facts) {
    return {.name = "debuginfod",
            .found = facts.debuginfod_urls.empty()
                         ? "DEBUGINFOD_URLS is not set: only symbols on this machine are used"
                         : printable(facts.debuginfod_urls, 200),
            .needed = "nothing; set, it fetches missing symbols from those servers",
            .mend = {}};
}

}  // namespace

std::vector<Check> check_surroundings(const SystemFacts& facts) {
    return {container(facts), open_files(facts), libbpf(facts),
            tracefs(facts),   bpffs(facts),      debuginfod(facts)};
}

}  // namespace seep
