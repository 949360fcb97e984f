// SPDX-License-Identifier: GPL-2.0-only
#pragma once

// What the targets have mapped, by stack: reads the kernel's ring buffer of calls, keeps a
// MappingLedger a process, and gives their stacks ids. Not thread-safe.

#include <cstdint>
#include <functional>
#include <map>
#include <memory>
#include <span>
#include <vector>

#include "base/ids.h"
#include "base/result.h"
#include "drain/mapping_ledger.h"
#include "drain/snapshot.h"
#include "drain/stack_book.h"
#include "kernel/mapping_probes.h"
#include "target/process.h"

namespace seep {

/// What calls map that are beyond the greatest number of stacks counts as earlier.
struct MappingReading : StackReading {
    MappedBytes mapped;
    std::uint64_t lost_calls = 0;  ///< Not followed in user space, since attach.
};

class MappingReader {
 public:
    /// Whether a stack of the process in that slot leads through its allocator.
    using IsAllocator =
        std::function<bool(std::uint32_t process_slot, std::span<const std::uint64_t> addresses)>;

    /// `max_stacks`: of a process. `kernel` must outlive the reader.
    static Result<MappingReader> attach(const KernelObject& kernel, std::size_t max_stacks,
                                        IsAllocator is_allocator);

    /// From now on the process's calls are followed; what it has mapped by now is from earlier.
    Result<void> begin(std::uint32_t process_slot, ProcessId id, const Process& process);
    /// The image has ended; its books stay until they are dropped.
    void end(const Process& process);
    void drop(std::uint32_t process_slot);
    /// Calls were lost: reads the process's mappings again.
    Result<void> synchronize(std::uint32_t process_slot, pid_t pid);

    [[nodiscard]] int poll_fd() const { return probes_.ring().poll_fd(); }
    /// Takes in the calls that are waiting.
    Result<void> read_calls();
    /// What has changed since the last reading, as of the last read_calls().
    MappingReading take(std::uint32_t process_slot);
    void detach() { probes_.detach(); }

 private:
    struct Books {
        MappingLedger ledger;
        StackBook stacks;  ///< Hides those of the allocator.
        std::uint64_t lost_calls = 0;
    };

    MappingReader(MappingProbes probes, std::uint64_t attach_time_ns, std::size_t max_stacks,
                  IsAllocator is_allocator);
    [[nodiscard]] std::uint64_t since_attach_us(std::uint64_t monotonic_ns) const;
    void take_in(std::span<const std::byte> record);

    MappingProbes probes_;
    std::uint64_t attach_time_ns_;
    std::size_t max_stacks_;
    std::uint64_t page_;
    IsAllocator is_allocator_;
    std::map<std::uint32_t, Books> books_;  ///< By slot.
};

}  // namespace seep
