// SPDX-License-Identifier: GPL-2.0-only
#pragma once

// Blocks that are looked at again after their window. What a stack had when the probes went away
// may be freed unseen (Totals::lapsed_count); whether it was, the block itself tells: a freed one
// is given out again, and has other contents then (fingerprint.h). So of each stack some blocks
// that were held when a window ended are read again, at twice the age each time, until they have
// changed:
//
//     window |######|  1 s   2 s      4 s              8 s
//     block    o-----  same  same     same             changed: gone, and watched no more
//
// What one look tells is a row of a life table (looked, gone) at its age, from which the analysis
// tells the share that stays (analysis/staying.h). Nothing is written, nobody is stopped, and what
// was read is forgotten but for some
// words a block. Not thread-safe.

#include <sys/types.h>

#include <cstdint>
#include <deque>
#include <functional>
#include <string>
#include <unordered_map>
#include <vector>

#include "base/ids.h"
#include "base/result.h"
#include "drain/fingerprint.h"
#include "drain/snapshot.h"
#include "kernel/recent_blocks.h"

namespace seep {

/// The process of a slot; 0 if there is none that runs.
using PidOfSlot = std::function<pid_t(std::uint32_t process_slot)>;

class Revisits {
 public:
    /// `kernel` must outlive it.
    static Result<Revisits> create(const KernelObject& kernel);

    /// Chooses among the blocks born in the window that is about to end, and reads them, while the
    /// programs still record.
    void choose(const PidOfSlot& pid_of);
    /// Watches those of them from now on that are still held, now that nothing is recorded any
    /// more. `now_ns`: any clock that does not go back. `stack_of`: the stack that the id which a
    /// block has stands for; none if that is not known yet.
    void watch(std::int64_t now_ns, const std::function<StackId(StackId)>& stack_of);
    /// Looks at those again whose age has doubled.
    void look(const PidOfSlot& pid_of, std::int64_t now_ns);
    /// What was seen, in all, of the stacks that were looked at since the last call.
    std::vector<StackRevisits> take();
    /// Of a process that is gone.
    void forget(std::uint32_t process_slot);

 private:
    struct Block {
        RecentBlock recent;
        std::string contents;
    };
    struct Watched {
        std::uint32_t process_slot = 0;
        std::uint64_t address = 0;
        std::size_t bytes = 0;
        StackId stack;
        Fingerprint fingerprint;
        std::int64_t since_ns = 0;
        std::size_t last_bucket = 0;  ///< Of its age when it was last looked at.
    };
    struct Stack {
        std::size_t watched = 0;
        std::deque<std::string> samples;  ///< Contents of some of its blocks.
        StackRevisits seen;
        bool told = true;
        std::uint32_t process_slot = 0;
    };

    Revisits(const KernelObject& kernel, RecentBlocks recent)
        : kernel_(&kernel), recent_(std::move(recent)) {}

    const KernelObject* kernel_;
    RecentBlocks recent_;
    std::vector<Block> chosen_;
    std::vector<Watched> watched_;
    std::unordered_map<StackId, Stack> stacks_;
};

}  // namespace seep
