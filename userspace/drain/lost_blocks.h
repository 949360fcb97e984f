// SPDX-License-Identifier: GPL-2.0-only
#pragma once

// Looks for blocks that are lost: outstanding, and reached by no pointer any more (reachability.h).
// All that the ledger has is looked for in all of the process's memory, at twice the time since
// attach each time, and only when reading it takes a hundredth of that time at most. Nobody is
// stopped: a pointer may be moved from where has not been read yet to where was read before, so
// that a block is lost only if it is at two readings in a row, and has not been freed meanwhile.
// Some of those that were are looked for again at later searches: a program may keep pointers where
// nobody sees them (in a file, in the kernel, encoded), and frees such blocks later.
//
//     block       o------ lost ------ lost ------------------>   leaked
//     block       o------ lost ------ lost ------ freed          refuted
//
// Nothing is said of processes part of whose memory is in swap, nor of what is allocated where the
// probes come and go, as frees are then unseen. Nothing is written. Not thread-safe.

#include <sys/types.h>

#include <cstdint>
#include <set>
#include <unordered_map>
#include <vector>

#include "base/ids.h"
#include "drain/slots.h"
#include "drain/snapshot.h"
#include "kernel/kernel_object.h"
#include "kernel/outstanding_blocks.h"

namespace seep {

class LostBlocks {
 public:
    /// `kernel` must outlive it.
    explicit LostBlocks(const KernelObject& kernel);

    /// Whether it is time, or would be for a last one. `now_ns`: CLOCK_MONOTONIC. `bytes`: of the
    /// memory that is to be read.
    [[nodiscard]] bool is_due(std::int64_t now_ns, std::uint64_t bytes, bool is_last) const;

    void search(const PidOfSlot& pid_of, const StackOfId& stack_of);
    /// Of the stacks that were looked for since the last call.
    std::vector<StackReachability> take();
    /// Of a process that is gone.
    void forget(std::uint32_t process_slot);

 private:
    struct Followed {
        OutstandingBlock block;
        StackId stack;
        bool told = false;  ///< It is among those that were followed.
    };

    void search(pid_t pid, std::vector<OutstandingBlock> blocks, bool all_known,
                const StackOfId& stack_of);
    void follow_up(const std::vector<OutstandingBlock>& blocks,
                   const std::vector<OutstandingBlock>& lost);
    void count(const std::vector<OutstandingBlock>& blocks,
               const std::vector<OutstandingBlock>& lost, bool all_known,
               const StackOfId& stack_of);

    const KernelObject* kernel_;
    std::int64_t searched_ns_ = 0;  ///< CLOCK_MONOTONIC, the last time.
    double bytes_per_second_;       ///< At which memory is searched.
    std::vector<Followed> followed_;
    std::unordered_map<StackId, StackReachability> stacks_;
    std::set<StackId> untold_;
};

}  // namespace seep
