// SPDX-License-Identifier: GPL-2.0-only
#pragma once

// The kernel's program that watches the targets' page faults (bpf/fault_probes.bpf.h): loaded
// beside a KernelObject, whose maps it uses, and attached to a perf event on every thread of a
// target. Threads that those make later have one, too, by inheritance; nobody else pays.
// Destruction detaches. Not thread-safe.

#include <sys/types.h>

#include <cstdint>
#include <memory>

#include "base/result.h"
#include "kernel/event_ring.h"
#include "kernel/kernel_object.h"

namespace seep {

class FaultProbes {
 public:
    /// untraceable, with the reason, if the kernel does not allow it. `kernel` must outlive this.
    static Result<FaultProbes> load(const KernelObject& kernel);
    FaultProbes(FaultProbes&&) noexcept;
    FaultProbes& operator=(FaultProbes&&) noexcept;
    ~FaultProbes();

    /// Watches a process under that slot, until it is let go. Takes a descriptor a thread.
    Result<void> follow(pid_t pid, int pidfd, std::uint32_t process_slot);
    void let_go(int pidfd, std::uint32_t process_slot);
    /// Nothing is told from now on.
    void detach();

    /// Of seep_fault and its frames.
    [[nodiscard]] EventRing& ring();
    [[nodiscard]] const EventRing& ring() const;

 private:
    struct State;
    explicit FaultProbes(std::unique_ptr<State> state);
    std::unique_ptr<State> state_;
};

}  // namespace seep
