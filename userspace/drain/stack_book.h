// SPDX-License-Identifier: GPL-2.0-only
#pragma once

// Gives the stacks of events that user space counts (mappings, page faults) their ids, and tells
// each once. Not thread-safe.

#include <cstddef>
#include <cstdint>
#include <functional>
#include <map>
#include <span>
#include <unordered_set>
#include <vector>

#include "base/ids.h"
#include "drain/snapshot.h"

namespace seep {

/// What has happened at the stacks of a process since the last reading.
struct StackReading {
    std::vector<NewStack> new_stacks;
    std::vector<StackTotals> changed;
    std::uint64_t lost_stacks = 0;  ///< Events beyond the greatest number of stacks, since attach.
};

class StackBook {
 public:
    /// Whether a stack is to be kept back, and only its id used.
    using Hides = std::function<bool(std::span<const std::uint64_t> addresses)>;

    struct Known {
        StackId id;  ///< 0: no room for another stack.
        bool hidden = false;
    };

    StackBook(ProcessId process, StackKind kind, std::size_t max_stacks, Hides hides = {});

    /// `end`: enum seep_stack_end. `frames`: the bytes of `depth` addresses, innermost first.
    Known find(std::uint32_t end, std::span<const std::byte> frames, std::size_t depth);
    /// Those that were first met since the last time, but the hidden ones.
    std::vector<NewStack> take_new();
    /// Events whose stack there was no room for.
    [[nodiscard]] std::uint64_t lost() const { return lost_; }

 private:
    [[nodiscard]] StackId hashed(std::span<const std::uint64_t> words) const;

    ProcessId process_;
    StackKind kind_;
    std::size_t max_stacks_;
    Hides hides_;
    std::map<std::vector<std::uint64_t>, Known> stacks_;  ///< By end and addresses.
    std::unordered_set<StackId> ids_;
    std::vector<NewStack> new_;
    std::vector<std::uint64_t> words_;
    std::uint64_t lost_ = 0;
};

}  // namespace seep
