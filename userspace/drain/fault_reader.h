// SPDX-License-Identifier: GPL-2.0-only
#pragma once

// Who came for the pages that the targets have in memory: reads the kernel's ring buffer of faults,
// keeps a FaultLedger a process, and holds it to the page tables at every snapshot, and in between
// four times a second while there are faults (less often where that takes long: 2 % of a core at
// most). So of a process that ends between two snapshots, all is known but its last moment. Not
// thread-safe.

#include <cstdint>
#include <map>
#include <span>
#include <vector>

#include "base/handles.h"
#include "base/ids.h"
#include "base/result.h"
#include "drain/fault_ledger.h"
#include "drain/snapshot.h"
#include "drain/stack_book.h"
#include "kernel/fault_probes.h"
#include "target/process.h"

namespace seep {

struct FaultReading : StackReading {
    FaultedBytes faulted;
    std::uint64_t lost_faults = 0;  ///< Not followed in user space, since attach.
};

class FaultReader {
 public:
    /// `max_stacks`: of a process. `kernel` must outlive the reader.
    static Result<FaultReader> load(const KernelObject& kernel, std::size_t max_stacks);

    /// From now on the process's faults are followed; what it has in memory by now is from earlier.
    Result<void> begin(std::uint32_t process_slot, ProcessId id, const Process& process);
    /// The image has ended; its books stay as they were at the last look.
    void end(std::uint32_t process_slot, const Process& process);
    void drop(std::uint32_t process_slot);
    void detach() { probes_.detach(); }

    [[nodiscard]] std::vector<int> poll_fds() const {
        return {probes_.ring().poll_fd(), next_look_.get()};
    }
    /// Takes in the faults that are waiting, and looks at the page tables if it is time to.
    Result<void> read_faults();
    /// Holds the ledger of a process to its page tables, unless it has ended.
    Result<void> look(std::uint32_t process_slot);
    /// What has changed since the last time, as of the last look.
    FaultReading take(std::uint32_t process_slot);

 private:
    struct Books {
        pid_t pid;  ///< 0: it has ended.
        FaultLedger ledger;
        StackBook stacks;
        bool touched = false;  ///< Since the last look.
    };

    FaultReader(FaultProbes probes, std::uint64_t attach_time_ns, std::size_t max_stacks);
    void take_in(std::span<const std::byte> record);
    Result<void> look(Books& books);
    void look_at_all();

    FaultProbes probes_;
    std::uint64_t attach_time_ns_;
    std::size_t max_stacks_;
    std::uint64_t page_;
    std::map<std::uint32_t, Books> books_;  ///< By slot.
    UniqueFd next_look_;
};

}  // namespace seep
