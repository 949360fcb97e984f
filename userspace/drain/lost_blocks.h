// SPDX-License-Identifier: GPL-2.0-only
#pragma once

// Looks for blocks that are lost: outstanding, and reached by no pointer any more
// (pointer_search.h). All that the ledger has is looked for in all of the process's memory, at
// twice the time since attach each time, and only when reading it takes a hundredth of that time at
// most; when all is over, a twentieth and 3 s. Nobody is stopped: a pointer may be moved from where
// has not been read yet to where was read before, so that a block is lost only if it is at two
// readings in a row, and has not been freed meanwhile. Some of those that were are looked for again
// at later searches: a program may keep pointers where nobody sees them (in a file, in the kernel,
// encoded), and frees such blocks later.
//
//     block       o------ lost ------ lost ------------------>   leaked
//     block       o------ lost ------ lost ------ freed          refuted
//
// Where not all blocks are followed, what holds a block may be lost and not be known. So it is
// asked what can be reached through all that the heaps have (heap_reading.h), where there is time
// for it.
//
// Where the probes come and go, it is the blocks of a window that are looked for, right before its
// end, while all their frees are seen; what was found in each is added up. Of a stack of which too
// few are found lost so, it is those that were still there when they were looked at again later
// (revisits.h).
//
// Nothing is said of processes part of whose memory is in swap. Nothing is written. Not
// thread-safe.

#include <sys/types.h>

#include <cstdint>
#include <map>
#include <set>
#include <unordered_map>
#include <utility>
#include <vector>

#include "base/ids.h"
#include "drain/glibc_heap.h"
#include "drain/lost_objects.h"
#include "drain/pointer_search.h"
#include "drain/reading_time.h"
#include "drain/revisits.h"
#include "drain/slots.h"
#include "drain/snapshot.h"
#include "kernel/kernel_object.h"
#include "kernel/outstanding_blocks.h"

namespace seep {

/// All blocks of processes' heaps that nothing leads to, followed or not: by slot and size_class().
using LostOfHeaps = std::map<std::uint32_t, std::map<std::uint64_t, BlocksInUse>>;

class LostBlocks {
 public:
    /// `kernel` must outlive it.
    explicit LostBlocks(const KernelObject& kernel);

    /// When a search is made.
    enum class Occasion {
        snapshot,
        end,         ///< Of all recording, the first time that it is over.
        window_end,  ///< Of a window, for its blocks alone.
    };
    /// Whether it is time. `now_ns`: CLOCK_MONOTONIC. `bytes`: of the memory that is to be read, as
    /// below.
    [[nodiscard]] bool is_due(Occasion occasion, std::int64_t now_ns, std::uint64_t bytes) const;

    void search(Occasion occasion, std::uint64_t bytes, const PidOfSlot& pid_of,
                const StackOfId& stack_of);
    /// Likewise, of blocks that outlived their windows, between two of them.
    [[nodiscard]] bool is_due_again(Occasion occasion, std::int64_t now_ns,
                                    std::uint64_t bytes) const;
    void search_again(Occasion occasion, const std::vector<RevisitedBlock>& blocks,
                      std::uint64_t bytes, const PidOfSlot& pid_of);
    /// Of the stacks that were looked for since the last call.
    std::vector<StackReachability> take();
    /// Of the heaps that were searched through since the last call.
    LostOfHeaps take_lost_of_heaps() { return std::exchange(lost_of_heaps_, {}); }
    /// Of a process that is gone, which had those stacks.
    void forget(std::uint32_t process_slot, const std::vector<StackId>& stacks);

 private:
    struct Followed {
        OutstandingBlock block;
        StackId stack;
        bool told = false;  ///< It is among those that were followed.
    };

    /// Of lost blocks, by address, the numbers of the objects that they are parts of.
    using ObjectOf = std::unordered_map<std::uint64_t, std::size_t>;

    /// Some time after attach, and then at so many times the age at `last_ns`, 0 if there is none.
    [[nodiscard]] bool is_due_after(std::int64_t last_ns, Occasion occasion, std::int64_t now_ns,
                                    std::uint64_t bytes) const;
    /// What a search may take.
    [[nodiscard]] double most_s(Occasion occasion, std::int64_t now_ns) const;
    /// Through what it can be made in that time.
    [[nodiscard]] Through affordable(Occasion occasion, std::int64_t now_ns,
                                     std::uint64_t bytes) const;
    /// From how long a search took.
    void learn_speed(Through through, std::int64_t since_ns, std::uint64_t bytes,
                     std::size_t blocks);
    /// Whether its memory could be searched.
    bool search(pid_t pid, std::vector<OutstandingBlock> blocks, Through through,
                const StackOfId& stack_of);
    void follow_up(const std::vector<OutstandingBlock>& blocks,
                   const std::vector<OutstandingBlock>& lost);
    void count(const std::vector<OutstandingBlock>& blocks,
               const std::vector<OutstandingBlock>& lost, const ObjectOf& object_of,
               const StackOfId& stack_of);

    /// Tells of it, if what was lost before still is.
    void count_heap(std::uint32_t process_slot, const Reached& reached);
    bool search_again(pid_t pid, std::vector<RevisitedBlock> blocks, Through through);

    const KernelObject* kernel_;
    std::int64_t searched_ns_ = 0;      ///< CLOCK_MONOTONIC, the last time.
    bool in_window_ = false;            ///< That was one of a window.
    std::uint64_t born_within_us_ = 0;  ///< Of StackReachability.
    bool all_known_ = false;            ///< It looked for all outstanding blocks.
    PointerSearch pointers_;
    ReadingTime reading_;
    ReadingTime reading_with_heap_{60e6};
    LostOfHeaps lost_of_heaps_;
    std::map<std::uint32_t, std::vector<BlockRange>> lost_of_heap_;  ///< By slot, the last time.
    std::vector<Followed> followed_;
    std::unordered_map<StackId, StackReachability> stacks_;
    LostObjects objects_;  ///< Of `stacks_`.
    std::set<StackId> untold_;
    std::int64_t searched_again_ns_ = 0;
    std::unordered_map<StackId, StackReachability> again_;  ///< By search_again().
    LostObjects objects_again_;                             ///< Of these.
    /// Blocks that were lost at the last one, and their stacks, by process slot and address.
    std::map<std::pair<std::uint32_t, std::uint64_t>, StackId> lost_again_;
};

}  // namespace seep
