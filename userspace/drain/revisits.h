// SPDX-License-Identifier: GPL-2.0-only
#pragma once

// Blocks that are looked at again after their window. What a stack had when the probes went away
// may be freed unseen (Totals::lapsed_count); whether it was, the block itself tells: a freed one
// is given out again, and has other contents then (fingerprint.h). So of each stack some blocks
// that were held when a window ended, a cohort, are read again, at twice the age each time:
//
//     window |######|  1 s   2 s      4 s              8 s
//     block    o-----  same  same     same             changed: gone, and not read any more
//     block      o---  same  changed  gone             gone
//
// A cohort is counted as a whole at each age, with those that went before, so that the share that
// is gone is that at this age, whichever ages the cohort was looked at before. Nothing is written,
// nobody is stopped, and what was read is forgotten but for some words a block. Not thread-safe.

#include <cstdint>
#include <deque>
#include <string>
#include <unordered_map>
#include <vector>

#include "base/ids.h"
#include "base/result.h"
#include "drain/fingerprint.h"
#include "drain/slots.h"
#include "drain/snapshot.h"
#include "kernel/recent_blocks.h"

namespace seep {

/// A block that was there when it was last looked at.
struct RevisitedBlock {
    StackId stack;
    std::uint32_t process_slot = 0;
    std::uint64_t address = 0;
    std::uint64_t bytes = 0;  ///< Of it, from its start, that are looked at.
};

class Revisits {
 public:
    /// `kernel` must outlive it.
    static Result<Revisits> create(const KernelObject& kernel);

    /// Chooses among the blocks born in the window that is about to end, and reads them, while the
    /// programs still record.
    void choose(const PidOfSlot& pid_of);
    /// Watches those of them from now on that are still held, now that nothing is recorded any
    /// more. `now_ns`: any clock that does not go back.
    void watch(std::int64_t now_ns, const StackOfId& stack_of);
    /// Looks at the cohorts again whose age has doubled.
    void look(const PidOfSlot& pid_of, std::int64_t now_ns);
    /// What was seen, in all, of the stacks that were looked at since the last call.
    std::vector<StackRevisits> take();
    /// Of those that were looked at again at all, and cannot be taken for others.
    [[nodiscard]] std::vector<RevisitedBlock> still_there() const;
    /// Of a process that is gone.
    void forget(std::uint32_t process_slot);

 private:
    struct Block {
        RecentBlock recent;
        std::string contents;
    };
    struct Watched {
        std::uint64_t address = 0;
        std::size_t bytes = 0;
        Fingerprint fingerprint;
        Recognition seen = Recognition::same;  ///< When it was last read.
    };
    struct Cohort {
        StackId stack;
        std::uint32_t process_slot = 0;
        std::int64_t since_ns = 0;
        std::size_t last_bucket = 0;  ///< Of its age when it was last looked at.
        std::vector<Watched> watched;
        std::size_t unread = 0;  ///< Of these, while they are read.
        std::uint64_t gone_surely = 0;
        std::uint64_t gone_vaguely = 0;  ///< Of those that another may have been taken for.
    };
    struct Stack {
        std::uint32_t process_slot = 0;
        std::size_t watched = 0;
        std::deque<std::string> samples;  ///< Contents of some of its blocks.
        StackRevisits seen;
        bool told = true;
    };

    void count(Cohort& cohort);

    Revisits(const KernelObject& kernel, RecentBlocks recent)
        : kernel_(&kernel), recent_(std::move(recent)) {}

    const KernelObject* kernel_;
    RecentBlocks recent_;
    std::vector<Block> chosen_;
    std::deque<Cohort> cohorts_;  ///< Ascending by age.
    std::size_t watched_ = 0;
    std::unordered_map<StackId, Stack> stacks_;
};

}  // namespace seep
