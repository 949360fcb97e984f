// SPDX-License-Identifier: GPL-2.0-only
#include "doctor/system_facts.h"

#include <bpf/libbpf.h>
#include <linux/magic.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <sys/utsname.h>
#include <sys/vfs.h>
#include <unistd.h>

#include <array>
#include <cstdlib>

#include "doctor/tracefs.h"
#include "target/proc_file.h"

namespace seep {
namespace {

// The initial namespaces have numbers of their own (include/linux/proc_ns.h).
constexpr std::string_view initial_pid_namespace_link = "pid:[4026531836]";
constexpr std::string_view initial_user_namespace_link = "user:[4026531837]";

/// True also where the link cannot be read: then there is no /proc to hold anything against.
bool is_initial_namespace(const char* path, std::string_view initial) {
    std::array<char, 64> link{};
    const ssize_t length = readlink(path, link.data(), link.size());
    return length < 0 || std::string_view(link.data(), static_cast<std::size_t>(length)) == initial;
}

std::optional<int> read_setting(const char* path) {
    const auto text = read_text_file(path);
    if (!text) return std::nullopt;
    std::string_view rest = *text;
    return take_number<int>(rest);
}

template <typename Number>
Number status_number(std::string_view status, const char* name, int base) {
    std::string_view value = status_field(status, name).value_or("");
    return take_number<Number>(value, base).value_or(0);
}

std::optional<std::uint64_t> file_size(const char* path) {
    struct stat status {};
    if (stat(path, &status) != 0 || access(path, R_OK) != 0) return std::nullopt;
    return static_cast<std::uint64_t>(status.st_size);
}

void read_machine(SystemFacts& facts) {
    utsname name{};
    uname(&name);
    facts.kernel_release = name.release;
    facts.machine = name.machine;
    facts.btf_bytes = file_size("/sys/kernel/btf/vmlinux");
    facts.uprobe_pmu = access("/sys/bus/event_source/devices/uprobe/type", R_OK) == 0;
    facts.lockdown = bracketed_choice(read_text_file("/sys/kernel/security/lockdown").value_or(""));
    facts.perf_event_paranoid = read_setting("/proc/sys/kernel/perf_event_paranoid");
    facts.unprivileged_bpf_disabled = read_setting("/proc/sys/kernel/unprivileged_bpf_disabled");
    facts.ptrace_scope = read_setting("/proc/sys/kernel/yama/ptrace_scope");
    facts.tracefs = tracefs_directory();
    struct statfs bpffs = {};
    facts.bpffs = statfs("/sys/fs/bpf", &bpffs) == 0 && bpffs.f_type == BPF_FS_MAGIC;
}

void read_own_process(SystemFacts& facts) {
    const std::string status = read_text_file("/proc/self/status").value_or("");
    facts.capabilities = status_number<std::uint64_t>(status, "CapEff", 16);
    facts.seccomp = status_number<int>(status, "Seccomp", 10);
    facts.initial_pid_namespace =
        is_initial_namespace("/proc/self/ns/pid", initial_pid_namespace_link);
    facts.initial_user_namespace =
        is_initial_namespace("/proc/self/ns/user", initial_user_namespace_link);
    rlimit limit{};
    getrlimit(RLIMIT_NOFILE, &limit);
    facts.open_files = limit.rlim_cur;
    facts.open_files_max = limit.rlim_max;
    facts.libbpf_version = libbpf_version_string();
    const char* const urls = std::getenv("DEBUGINFOD_URLS");
    facts.debuginfod_urls = urls == nullptr ? "" : urls;
}

}  // namespace

std::string bracketed_choice(std::string_view text) {
    const std::size_t open = text.find('[');
    const std::size_t close = text.find(']', open == std::string_view::npos ? 0 : open);
    if (open == std::string_view::npos || close == std::string_view::npos) return {};
    return std::string(text.substr(open + 1, close - open - 1));
}

SystemFacts read_system_facts() {
    SystemFacts facts;
    read_machine(facts);
    read_own_process(facts);
    facts.trials = make_trials();
    return facts;
}

}  // namespace seep
