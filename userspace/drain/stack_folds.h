// SPDX-License-Identifier: GPL-2.0-only
#pragma once

// Stacks that have parts of their totals under other ids: those of deferred walks, each of which is
// one block's (bpf/unwind_deferred.bpf.h). The kernel goes on using such an id until the block is
// freed, so every reading of the totals adds them up anew. Pure. Not thread-safe.
//
//     StackFolds::Sums sums = folds.begin();
//     for each (id, raw) in the kernel: if (!folds.add(id, raw, sums)) ...a stack of its own
//     for each (id, raw) in sums: ...a stack with all of its parts

#include <cstdint>
#include <functional>
#include <unordered_map>
#include <vector>

#include "bpf/wire.h"

namespace seep {

class StackFolds {
 public:
    using Sums = std::unordered_map<std::uint64_t, seep_totals>;

    /// The id `deferred` is a part of `stack` from now on.
    void fold(std::uint64_t deferred, std::uint64_t stack);

    /// What an id is a part of, or itself; 0 if it belongs to no stack yet.
    [[nodiscard]] std::uint64_t stack_of(std::uint64_t id) const;

    /// What is known of the stacks with parts, without what the kernel has.
    [[nodiscard]] Sums begin() const { return ended_; }
    /// Adds what the kernel has under an id to the stack it belongs to. False if that has no parts.
    /// What belongs to no stack yet is left out.
    bool add(std::uint64_t id, const seep_totals& raw, Sums& sums);

    /// Ids since the last call whose block is gone: they are known by their sums from now on, and
    /// the kernel's totals of them are to be dropped.
    std::vector<std::uint64_t> take_ended();
    /// Forgets stacks; the ids that were parts of them.
    std::vector<std::uint64_t> forget(const std::function<bool(std::uint64_t stack)>& is_forgotten);

 private:
    std::unordered_map<std::uint64_t, std::uint64_t> stack_of_;  ///< By deferred id.
    Sums ended_;  ///< By stack: of parts whose block is gone; zeros at first.
    std::vector<std::uint64_t> just_ended_;
};

}  // namespace seep
