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

#include <algorithm>
#include <cstring>
#include <utility>

#include "target/proc_file.h"

namespace seep {
namespace {

#if defined(__x86_64__)
constexpr std::uint32_t native_audit_arch = AUDIT_ARCH_X86_64;
#elif defined(__aarch64__)
constexpr std::uint32_t native_audit_arch = AUDIT_ARCH_AARCH64;
#endif

constexpr int syscall_stop = SIGTRAP | 0x80;  // by PTRACE_O_TRACESYSGOOD

/// A dynamic linker that is also the C library (musl's) makes the program's system calls. glibc's
/// makes some ten a library, and one for each directory where it looks for it in vain.
constexpr int most_calls_without_code = 256;

/// A request that takes an integer where ptrace() wants a pointer.
long ptrace_number(int request, pid_t pid, std::uint64_t number) {
    return ptrace(static_cast<__ptrace_request>(request), pid, nullptr, number);
}

/// A child that was killed while it was stopped answers no request; waiting tells how it ended.
bool vanished(int number) {
    return number == ESRCH;
}

/// AT_BASE: where the dynamic linker lies. 0 without one.
std::uint64_t linker_address(pid_t pid) {
    const auto text = read_proc_file(pid, "auxv");
    if (!text) return 0;
    for (std::size_t at = 0; text->size() - at >= sizeof(Elf64_auxv_t);
         at += sizeof(Elf64_auxv_t)) {
        Elf64_auxv_t entry = {};
        std::memcpy(&entry, text->data() + at, sizeof entry);
        if (entry.a_type == AT_BASE) return entry.a_un.a_val;
    }
    return 0;
}

/// The code of the file that lies at the address.
std::vector<Mapping> code_of_file_at(std::uint64_t address, pid_t pid) {
    auto mappings = read_mappings(pid);
    if (!mappings) return {};
    const auto first = std::ranges::find_if(*mappings, [&](const Mapping& mapping) {
        return mapping.start <= address && address < mapping.end;
    });
    if (first == mappings->end()) return {};
    const FileIdentity file = first->file;
    std::erase_if(*mappings, [&](const Mapping& mapping) {
        return !mapping.executable || mapping.file != file;
    });
    return std::move(*mappings);
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

Result<HeldCommand> HeldCommand::seize(pid_t pid) {
    if (ptrace_number(PTRACE_SEIZE, pid, PTRACE_O_TRACESYSGOOD | PTRACE_O_TRACEEXEC) != 0) {
        return errno_error("cannot hold the command until it is traced (ptrace)", errno,
                           ErrorKind::untraceable,
                           "run seep with CAP_SYS_PTRACE, or start the command yourself and "
                           "attach to it with -p");
    }
    return HeldCommand(pid);
}

Result<HeldCommand::Step> HeldCommand::step() {
    int status = 0;
    const pid_t waited = waitpid(pid_, &status, __WALL | WNOHANG);
    if (waited < 0) return errno_error("waitpid");
    if (waited == 0) return Step::none;
    if (WIFSTOPPED(status)) return handle_stop(status);
    status_ = status;
    return Step::ended;
}

Result<HeldCommand::Step> HeldCommand::handle_stop(int status) {
    const int signal = WSTOPSIG(status);
    switch (status >> 16) {
        case PTRACE_EVENT_EXEC:
            return handle_exec();
        case PTRACE_EVENT_STOP:
            return handle_group_stop(signal);
        default:
            return signal == syscall_stop ? handle_syscall() : go_on_with(signal);
    }
}

Result<HeldCommand::Step> HeldCommand::handle_exec() {
    executed_ = true;
    calls_ = 0;
    maps_code_ = false;
    linker_.clear();
    if (const std::uint64_t linker = linker_address(pid_); linker != 0)
        linker_ = code_of_file_at(linker, pid_);
    return Step::stands;
}

Result<HeldCommand::Step> HeldCommand::handle_group_stop(int signal) {
    // SIGTRAP here is the end of a stop; the others are job control, and last until SIGCONT.
    if (signal == SIGTRAP) return go_on_with(0);
    if (ptrace_number(PTRACE_LISTEN, pid_, 0) != 0 && !vanished(errno)) {
        return errno_error("ptrace(PTRACE_LISTEN)");
    }
    return Step::went_on;
}

bool HeldCommand::in_linker(std::uint64_t address) const {
    return std::ranges::any_of(
        linker_, [&](const Mapping& code) { return code.start <= address && address < code.end; });
}

Result<HeldCommand::Step> HeldCommand::handle_syscall() {
    __ptrace_syscall_info call = {};
    if (ptrace(PTRACE_GET_SYSCALL_INFO, pid_, sizeof call, &call) < 0) {
        if (!vanished(errno)) return errno_error("ptrace(PTRACE_GET_SYSCALL_INFO)");
    } else if (call.op == PTRACE_SYSCALL_INFO_ENTRY) {
        maps_code_ = maps_code(call);
        if (!in_linker(call.instruction_pointer) || ++calls_ > most_calls_without_code)
            linker_.clear();
    } else if (call.op == PTRACE_SYSCALL_INFO_EXIT && std::exchange(maps_code_, false) &&
               call.exit.is_error == 0) {
        calls_ = 0;
        return Step::stands;
    }
    return go_on_with(0);
}

Result<HeldCommand::Step> HeldCommand::go_on_with(int signal) {
    if (auto resumed = resume(signal); !resumed) return resumed.error();
    return Step::went_on;
}

Result<void> HeldCommand::resume(int signal) {
    const auto request = linker_.empty() ? PTRACE_CONT : PTRACE_SYSCALL;
    if (ptrace_number(request, pid_, static_cast<std::uint64_t>(signal)) != 0 && !vanished(errno)) {
        return errno_error("ptrace");
    }
    return {};
}

}  // namespace seep
