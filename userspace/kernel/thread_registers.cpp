// SPDX-License-Identifier: GPL-2.0-only
#include "kernel/thread_registers.h"

#include <bpf/bpf.h>
#include <bpf/libbpf.h>
#include <unistd.h>

#include <array>
#include <cerrno>

#include "base/handles.h"
#include "bpf/wire.h"
#include "seep_registers.skel.h"

namespace seep {

struct ThreadRegisters::State {
    CHandle<seep_registers_bpf, seep_registers_bpf__destroy> skeleton;
};

ThreadRegisters::ThreadRegisters(std::unique_ptr<State> state) : state_(std::move(state)) {}
ThreadRegisters::ThreadRegisters(ThreadRegisters&&) noexcept = default;
ThreadRegisters& ThreadRegisters::operator=(ThreadRegisters&&) noexcept = default;
ThreadRegisters::~ThreadRegisters() = default;

Result<ThreadRegisters> ThreadRegisters::load() {
    auto state = std::make_unique<State>();
    state->skeleton.reset(seep_registers_bpf__open_and_load());
    if (!state->skeleton) return errno_error("cannot load the program that reads registers");
    return ThreadRegisters(std::move(state));
}

Result<std::vector<std::uint64_t>> ThreadRegisters::read(pid_t pid) const {
    bpf_iter_link_info which{};
    which.task.pid = static_cast<__u32>(pid);
    bpf_iter_attach_opts options{};
    options.sz = sizeof options;
    options.link_info = &which;
    options.link_info_len = sizeof which;
    const CHandle<bpf_link, bpf_link__destroy> link(
        bpf_program__attach_iter(state_->skeleton->progs.seep_registers, &options));
    if (!link) return errno_error("cannot read the registers of the target's threads");
    const UniqueFd threads(bpf_iter_create(bpf_link__fd(link.get())));
    if (!threads) return errno_error("cannot read the registers of the target's threads");
    std::vector<std::uint64_t> registers;
    std::array<std::uint64_t, std::size_t{64} * SEEP_REGISTERS> some{};
    for (;;) {
        const ssize_t bytes = ::read(threads.get(), some.data(), sizeof some);
        if (bytes < 0 && (errno == EINTR || errno == EAGAIN)) continue;
        if (bytes < 0) return errno_error("cannot read the registers of the target's threads");
        if (bytes == 0) return registers;
        registers.insert(registers.end(), some.begin(),
                         some.begin() + bytes / static_cast<ssize_t>(sizeof some[0]));
    }
}

}  // namespace seep
