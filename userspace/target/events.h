// SPDX-License-Identifier: GPL-2.0-only
#pragma once

// What happens to the targets while they are traced: exec, fork, exit, and code mapped in (dlopen).
//
// Read from the kernel's perf side-band records (PERF_RECORD_MMAP2, COMM with the exec flag, FORK,
// EXIT of a software dummy event, one a CPU): no tracefs, no probe in the target, nothing on its
// system calls. What is not about a watched process is dropped as it is read. An event says that
// something changed, and not what it is by now: its reader looks at the process again.
// Not thread-safe.

#include <sys/types.h>

#include <cstdint>
#include <memory>
#include <vector>

#include "base/result.h"
#include "target/address_space.h"

namespace seep {

struct TargetEvent {
    enum class Kind {
        code_mapped,  ///< An executable mapping of a file appeared: dlopen, mmap(PROT_EXEC).
        exec,         ///< The process now runs another executable.
        fork,         ///< A new process (not thread): `child`.
        exit,         ///< The process (its last thread) ended.
        lost,         ///< Records were lost: read everything again.
    };
    Kind kind = Kind::lost;
    pid_t pid = 0;                   ///< As seen by seep; 0 for `lost`.
    pid_t child = 0;                 ///< For fork.
    std::vector<MappedCode> mapped;  ///< For code_mapped: what appeared, in order.
    bool operator==(const TargetEvent&) const = default;
};

class TargetEvents {
 public:
    /// Needs CAP_PERFMON (or perf_event_paranoid <= 0).
    static Result<TargetEvents> open();
    TargetEvents(TargetEvents&&) noexcept;
    TargetEvents& operator=(TargetEvents&&) noexcept;
    ~TargetEvents();

    /// Polls readable when records have come since it was last polled (an epoll descriptor over the
    /// CPUs' buffers). The kernel says so once: call read() whenever it is readable, and at every
    /// snapshot as well, so that nothing waits for the next record.
    [[nodiscard]] int poll_fd() const;
    /// The waiting events of the watched processes, in the order of time; but for forks, each once
    /// a call (code_mapped: once between others of the process). A fork is reported if its parent
    /// is watched. `exit` may come a moment before the process's pidfd is readable.
    std::vector<TargetEvent> read(const std::vector<pid_t>& watched);

 private:
    struct State;
    explicit TargetEvents(std::unique_ptr<State> state);
    std::unique_ptr<State> state_;
};

}  // namespace seep
