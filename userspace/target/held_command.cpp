// SPDX-License-Identifier: GPL-2.0-only
#include "target/held_command.h"

#include <elf.h>
#include <fmt/format.h>
#include <linux/audit.h>
#include <signal.h>
#include <sys/mman.h>
#include <sys/ptrace.h>
#include <sys/syscall.h>
#include <sys/wait.h>

#include "target/proc_file.h"

namespace seep {
namespace {

#if defined(__x86_64__)
constexpr std::uint32_t native_audit_arch = AUDIT_ARCH_X86_64;
#elif defined(__aarch64__)
constexpr std::uint32_t native_audit_arch = AUDIT_ARCH_AARCH64;
#endif

constexpr int syscall_stop = SIGTRAP | 0x80;  // by PTRACE_O_TRACESYSGOOD

/// A request that takes an integer where ptrace() wants a pointer.
long ptrace_number(int request, pid_t pid, std::uint64_t number) {
    return ptrace(static_cast<__ptrace_request>(request), pid, nullptr, number);
}

/// A child that was killed while it was stopped answers no request; waiting tells how it ended.
bool vanished(int number) {
    return number == ESRCH;
}

int wait_for(pid_t pid, int& status) {
    int waited = 0;
    do {
        waited = waitpid(pid, &status, __WALL);
    } while (waited < 0 && errno == EINTR);
    return waited;
}

/// AT_ENTRY: where the program itself starts, after the dynamic linker if it has one.
Result<std::uint64_t> entry_point(pid_t pid) {
    const auto text = read_proc_file(pid, "auxv");
    if (!text) return text.error();
    for (std::size_t at = 0; text->size() - at >= sizeof(Elf64_auxv_t);
         at += sizeof(Elf64_auxv_t)) {
        Elf64_auxv_t entry = {};
        std::memcpy(&entry, text->data() + at, sizeof entry);
        if (entry.a_type == AT_ENTRY) return entry.a_un.a_val;
    }
    return Error{ErrorKind::failed, fmt::format("process {} has no entry point", pid), ""};
}

bool maps_code(const __ptrace_syscall_info& call) {
    if (call.arch != native_audit_arch || (call.entry.args[2] & PROT_EXEC) == 0) return false;
    switch (call.entry.nr) {
        case SYS_mmap:
            return (call.entry.args[3] & MAP_ANONYMOUS) == 0;
        case SYS_mprotect:
        case SYS_pkey_mprotect:
            return true;
        default:
            return false;
    }
}

}  // namespace

Result<HeldCommand> HeldCommand::seize(pid_t pid,
                                       std::function<Result<void>(pid_t)> on_code_mapped) {
    constexpr std::uint64_t options =
        PTRACE_O_TRACESYSGOOD | PTRACE_O_EXITKILL | PTRACE_O_TRACEEXEC | PTRACE_O_TRACEFORK;
    if (ptrace_number(PTRACE_SEIZE, pid, options) != 0) {
        return errno_error("cannot hold the command until it is traced (ptrace)", errno,
                           ErrorKind::untraceable,
                           "run seep with CAP_SYS_PTRACE, or start the command yourself and "
                           "attach to it with -p");
    }
    HeldCommand command;
    command.pid_ = pid;
    command.on_code_mapped_ = std::move(on_code_mapped);
    return command;
}

Result<std::optional<int>> HeldCommand::run_to_entry() {
    for (;;) {
        int status = 0;
        if (wait_for(pid_, status) < 0) return errno_error("waitpid");
        if (!WIFSTOPPED(status)) return std::optional<int>(status);
        const auto hold = handle_stop(status);
        if (!hold) return hold.error();
        if (*hold == Hold::let_go) return std::optional<int>();
    }
}

Result<HeldCommand::Hold> HeldCommand::handle_stop(int status) {
    const int signal = WSTOPSIG(status);
    switch (status >> 16) {
        case PTRACE_EVENT_EXEC:
            return handle_exec();
        case PTRACE_EVENT_FORK:
            return handle_fork();
        case PTRACE_EVENT_STOP:
            return handle_group_stop(signal);
        default:
            break;
    }
    if (signal == syscall_stop) return handle_syscall();
    if (signal == SIGTRAP && breakpoint_ && breakpoint_->is_hit(pid_)) return leave_at_entry();
    return resume(signal);
}

Result<HeldCommand::Hold> HeldCommand::handle_exec() {
    if (auto handled = on_code_mapped_(pid_); !handled) return handled.error();
    const auto entry = entry_point(pid_);
    if (!entry) return entry.error();
    auto breakpoint = Breakpoint::insert(pid_, *entry);
    if (!breakpoint) return breakpoint.error();
    breakpoint_ = *breakpoint;
    maps_code_ = false;
    return resume(0);
}

/// A library's constructor forked before the entry point. The new process has a copy of the
/// breakpoint, which would kill it there.
Result<HeldCommand::Hold> HeldCommand::handle_fork() {
    unsigned long child = 0;
    if (ptrace(PTRACE_GETEVENTMSG, pid_, nullptr, &child) == 0) {
        const auto child_pid = static_cast<pid_t>(child);
        int status = 0;
        if (wait_for(child_pid, status) == child_pid && WIFSTOPPED(status)) {
            if (breakpoint_) {
                if (auto removed = breakpoint_->remove(child_pid); !removed) return removed.error();
            }
            ptrace_number(PTRACE_DETACH, child_pid, 0);
        }
    }
    return resume(0);
}

Result<HeldCommand::Hold> HeldCommand::handle_group_stop(int signal) {
    // SIGTRAP here is the end of a stop; the others are job control, and last until SIGCONT.
    if (signal == SIGTRAP) return resume(0);
    if (ptrace_number(PTRACE_LISTEN, pid_, 0) != 0 && !vanished(errno)) {
        return errno_error("ptrace(PTRACE_LISTEN)");
    }
    return Hold::keep;
}

Result<HeldCommand::Hold> HeldCommand::handle_syscall() {
    __ptrace_syscall_info call = {};
    if (ptrace(PTRACE_GET_SYSCALL_INFO, pid_, sizeof call, &call) < 0) {
        if (!vanished(errno)) return errno_error("ptrace(PTRACE_GET_SYSCALL_INFO)");
    } else if (call.op == PTRACE_SYSCALL_INFO_ENTRY) {
        maps_code_ = maps_code(call);
    } else if (call.op == PTRACE_SYSCALL_INFO_EXIT && std::exchange(maps_code_, false) &&
               call.exit.is_error == 0 && executed()) {
        if (auto handled = on_code_mapped_(pid_); !handled) return handled.error();
    }
    return resume(0);
}

Result<HeldCommand::Hold> HeldCommand::leave_at_entry() {
    if (auto removed = breakpoint_->remove(pid_); !removed) return removed.error();
    if (auto stepped = breakpoint_->step_back(pid_); !stepped) return stepped.error();
    if (ptrace_number(PTRACE_DETACH, pid_, 0) != 0 && !vanished(errno)) {
        return errno_error("ptrace(PTRACE_DETACH)");
    }
    return Hold::let_go;
}

Result<HeldCommand::Hold> HeldCommand::resume(int signal) {
    const auto number = static_cast<std::uint64_t>(signal);
    if (ptrace_number(PTRACE_SYSCALL, pid_, number) != 0 && !vanished(errno)) {
        return errno_error("ptrace(PTRACE_SYSCALL)");
    }
    return Hold::keep;
}

}  // namespace seep
