// SPDX-License-Identifier: GPL-2.0-only
#pragma once

// The kernel's programs that watch the targets' mappings (bpf/mapping_probes.bpf.h): loaded beside
// a KernelObject, whose maps they use, and attached to the return of system calls. While they are,
// each system call of the machine takes about 0.08 us longer (docs/architecture.md). Destruction
// detaches. Not thread-safe.

#include <cstdint>
#include <memory>

#include "base/result.h"
#include "kernel/event_ring.h"
#include "kernel/kernel_object.h"

namespace seep {

class MappingProbes {
 public:
    /// untraceable, with the reason, if the kernel does not allow it. `kernel` must outlive this.
    static Result<MappingProbes> attach(const KernelObject& kernel);
    MappingProbes(MappingProbes&&) noexcept;
    MappingProbes& operator=(MappingProbes&&) noexcept;
    ~MappingProbes();

    /// Watches a process under that slot, until it ends or is let go.
    Result<void> follow(int pidfd, std::uint32_t process_slot);
    void let_go(int pidfd);

    /// Of seep_mapping_call and its frames, in the order of the calls' returns.
    [[nodiscard]] EventRing& ring();
    [[nodiscard]] const EventRing& ring() const;

    /// Nothing is told from now on.
    void detach();

 private:
    struct State;
    explicit MappingProbes(std::unique_ptr<State> state);
    std::unique_ptr<State> state_;
};

}  // namespace seep
