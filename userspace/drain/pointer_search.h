// SPDX-License-Identifier: GPL-2.0-only
#pragma once

// Searches all that a process keeps pointers in for blocks of its heap (reachability.h): its memory
// (target/memory_reading.h), its threads' registers (kernel/thread_registers.h), and what epoll
// keeps for it (target/kept_pointers.h). Nobody is stopped: a pointer may be moved from where has
// not been read yet to where was read before. So what is not reached is looked for twice. Not
// thread-safe.

#include <sys/types.h>

#include <cstddef>
#include <optional>
#include <span>
#include <vector>

#include "drain/reachability.h"
#include "kernel/thread_registers.h"

namespace seep {

/// The blocks that hold what they point to only if they are reached themselves; all other memory
/// does.
enum class Through {
    asked,  ///< Those that are looked for.
    heap,   ///< And all that glibc's heaps have in use, a million at most: else as above.
};

/// Of blocks that were looked for.
struct Reached {
    std::vector<bool> is_reached;
    std::vector<bool> in_heap;  ///< It is in one whose blocks are all known.
    /// Of what is not reached, a number for the object that it is a part of
    /// (Reachability::objects()).
    std::vector<std::optional<std::size_t>> objects;
    /// All blocks of the heap, if it was searched through them, and those of them that are not
    /// reached; both ascending.
    std::vector<BlockRange> heap;
    std::optional<std::vector<BlockRange>> lost_of_heap;
};

class PointerSearch {
 public:
    /// Of blocks that are ascending and apart. None of a process part of whose memory is in swap,
    /// or cannot be read.
    std::optional<Reached> search(pid_t pid, const std::vector<BlockRange>& blocks,
                                  Through through);

 private:
    Result<std::vector<std::uint64_t>> read_registers(pid_t pid);

    std::optional<Result<ThreadRegisters>> registers_;  ///< Once they are wanted.
};

}  // namespace seep
