// SPDX-License-Identifier: GPL-2.0-only
#include "target/process.h"

#include <fcntl.h>
#include <fmt/format.h>
#include <poll.h>
#include <sys/syscall.h>

#include <algorithm>
#include <climits>

#include "base/text.h"
#include "target/elf_reading.h"
#include "target/proc_file.h"

namespace seep {
namespace {

#if defined(__x86_64__)
constexpr Architecture native_architecture = Architecture::x86_64;
#elif defined(__aarch64__)
constexpr Architecture native_architecture = Architecture::aarch64;
#endif

// Enough to recognise a process by; the kernel's own limit is megabytes.
constexpr std::size_t max_command_line = 32768;

Error untraceable(std::string message, std::string hint) {
    return {ErrorKind::untraceable, std::move(message), std::move(hint)};
}

Error ended(pid_t pid) {
    return proc_error(pid, "status", ESRCH);
}

Result<void> check_state(pid_t pid, const ProcStat& stat) {
    if (stat.kernel_thread()) {
        return untraceable(fmt::format("process {} is a kernel thread", pid),
                           "only programs can be traced");
    }
    if (stat.dead() && stat.threads > 1) {
        return untraceable(fmt::format("the main thread of process {} has ended", pid),
                           "the kernel no longer shows what its other threads have mapped");
    }
    if (stat.dead()) {
        return untraceable(fmt::format("process {} has ended (it is a zombie)", pid),
                           "its parent has not collected its exit status yet");
    }
    return {};
}

Result<void> check_architecture(const ProcessInfo& info) {
    if (info.architecture == native_architecture) return {};
    const char* const kind = info.architecture == Architecture::x86_32
                                 ? "a 32-bit program"
                                 : "not a program of this machine's kind";
    return untraceable(fmt::format("process {} ({}) is {}", info.pid, printable(info.comm), kind),
                       "seep traces 64-bit programs of the processor it runs on");
}

/// The last number of "NSpid:\t17\t1".
pid_t innermost_pid(std::string_view status, pid_t pid) {
    std::string_view pids = status_field(status, "NSpid").value_or("");
    pids.remove_prefix(pids.find_last_of("\t ") + 1);  // npos + 1 is 0
    return take_number<pid_t>(pids).value_or(pid);
}

/// The second number of "Uid:\treal\teffective\tsaved\tfile system".
uid_t effective_user(std::string_view status) {
    std::string_view users = status_field(status, "Uid").value_or("");
    take_until(users, '\t');
    return take_number<uid_t>(users).value_or(0);
}

std::string command_line_of(std::string text) {
    text.erase(text.find_last_not_of('\0') + 1);
    std::ranges::replace(text, '\0', ' ');
    return text;
}

Result<std::string> executable_of(pid_t pid) {
    std::string path(PATH_MAX, '\0');
    const ssize_t length = readlink(proc_path(pid, "exe").c_str(), path.data(), path.size());
    if (length < 0) return proc_error(pid, "exe", errno);
    path.resize(static_cast<std::size_t>(length));
    constexpr std::string_view deleted = " (deleted)";
    if (path.ends_with(deleted)) path.resize(path.size() - deleted.size());
    return path;
}

Result<ProcessInfo> read_info(pid_t pid) {
    const auto status = read_proc_file(pid, "status");
    if (!status) return status.error();
    const auto stat_text = read_proc_file(pid, "stat");
    if (!stat_text) return stat_text.error();
    const auto stat = parse_proc_stat(*stat_text);
    if (!stat)
        return Error{ErrorKind::failed, proc_path(pid, "stat") + " cannot be understood", ""};
    if (auto state = check_state(pid, *stat); !state) return state.error();
    const auto comm = read_proc_file(pid, "comm");
    if (!comm) return comm.error();
    auto command_line = read_proc_file(pid, "cmdline", max_command_line);
    if (!command_line) return command_line.error();
    auto executable = executable_of(pid);
    if (!executable) return executable.error();
    const auto architecture = executable_architecture(pid);
    if (!architecture) return architecture.error();

    return ProcessInfo{.pid = pid,
                       .namespace_pid = innermost_pid(*status, pid),
                       .user = effective_user(*status),
                       .comm = comm->substr(0, comm->find_last_not_of('\n') + 1),
                       .command_line = command_line_of(std::move(*command_line)),
                       .executable = std::move(*executable),
                       .start_time = stat->start_time,
                       .architecture = *architecture};
}

Result<void> check_is_process(pid_t pid) {
    const auto status = read_proc_file(pid, "status");
    if (!status) return status.error();
    std::string_view leader = status_field(*status, "Tgid").value_or("");
    const pid_t process = take_number<pid_t>(leader).value_or(pid);
    if (process == pid) return {};
    return untraceable(fmt::format("{} is a thread of process {}", pid, process),
                       fmt::format("trace the process: -p {}", process));
}

}  // namespace

bool has_shadow_stack(std::string_view status) {
    return status_field(status, "x86_Thread_features").value_or("").find("shstk") !=
           std::string_view::npos;
}

bool has_shadow_stack(pid_t pid) {
    const auto status = read_proc_file(pid, "status");
    return !status || has_shadow_stack(std::string_view(*status));
}

Result<Architecture> executable_architecture(pid_t pid) {
    const UniqueFd fd(open(proc_path(pid, "exe").c_str(), O_RDONLY | O_CLOEXEC | O_NONBLOCK));
    if (!fd) return proc_error(pid, "exe", errno);
    const auto header = read_elf_header(fd.get());
    return header ? architecture_of(*header) : Architecture::other;
}

Result<Process> Process::open(pid_t pid) {
    if (auto is_process = check_is_process(pid); !is_process) return is_process.error();
    Process process;
    process.pidfd_ = UniqueFd(static_cast<int>(syscall(SYS_pidfd_open, pid, 0)));
    if (!process.pidfd_) return proc_error(pid, "(pidfd_open)", errno);
    process.info_.pid = pid;
    if (auto read = process.refresh(); !read) return read.error();
    return process;
}

bool Process::alive() const {
    pollfd end = {.fd = pidfd_.get(), .events = POLLIN, .revents = 0};
    return poll(&end, 1, 0) == 0;
}

Result<void> Process::refresh() {
    auto info = read_info(info_.pid);
    // While the process lives nobody else has its number: what was read is about this process.
    if (info && !alive()) return ended(info_.pid);
    if (!info) return info.error();
    if (auto native = check_architecture(*info); !native) return native.error();
    // Stricter than what was read so far: needs the right to ptrace the process.
    if (const auto maps = read_proc_file(info_.pid, "maps", 1); !maps) return maps.error();
    info_ = std::move(*info);
    return {};
}

}  // namespace seep
