// SPDX-License-Identifier: GPL-2.0-only
#ifdef __x86_64__

#include <fmt/format.h>
#include <sys/ptrace.h>
#include <sys/user.h>

#include <cstddef>

#include "target/breakpoint.h"

namespace seep {
namespace {

constexpr unsigned char int3 = 0xcc;
constexpr std::size_t pc_register = offsetof(struct user, regs.rip);

/// Exchanges the lowest byte of the word at `address`; the others may hold uprobes by now.
Result<unsigned char> exchange_byte(pid_t pid, std::uint64_t address, unsigned char byte) {
    errno = 0;
    const long word = ptrace(PTRACE_PEEKTEXT, pid, address, nullptr);
    if (errno != 0) return errno_error(fmt::format("cannot read code at {:#x}", address));
    const long changed = (word & ~0xffL) | byte;
    if (ptrace(PTRACE_POKETEXT, pid, address, changed) != 0) {
        return errno_error(fmt::format("cannot place a breakpoint at {:#x}", address));
    }
    return static_cast<unsigned char>(word & 0xff);
}

}  // namespace

Result<Breakpoint> Breakpoint::insert(pid_t pid, std::uint64_t address) {
    const auto original = exchange_byte(pid, address, int3);
    if (!original) return original.error();
    Breakpoint breakpoint;
    breakpoint.address_ = address;
    breakpoint.original_ = *original;
    return breakpoint;
}

bool Breakpoint::is_hit(pid_t pid) const {
    errno = 0;
    const long pc = ptrace(PTRACE_PEEKUSER, pid, pc_register, nullptr);
    return errno == 0 && static_cast<std::uint64_t>(pc) == address_ + sizeof int3;
}

Result<void> Breakpoint::remove(pid_t pid) const {
    if (auto taken = exchange_byte(pid, address_, original_); !taken) return taken.error();
    return {};
}

Result<void> Breakpoint::step_back(pid_t pid) const {
    if (ptrace(PTRACE_POKEUSER, pid, pc_register, address_) != 0) {
        return errno_error("cannot set the program counter");
    }
    return {};
}

}  // namespace seep

#endif
