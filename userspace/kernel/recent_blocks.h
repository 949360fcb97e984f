// SPDX-License-Identifier: GPL-2.0-only
#pragma once

// A look into the kernel's newest blocks (bpf/blocks.bpf.h), which programs go on changing while it
// is taken: what is read of a block counts only if holds() is true of it later, when the programs
// do nothing any more. Not thread-safe.

#include <cstdint>
#include <functional>
#include <span>

#include "base/result.h"
#include "bpf/wire.h"
#include "kernel/kernel_object.h"

namespace seep {

/// As it was when it was read.
struct RecentBlock {
    std::uint32_t set = 0;
    std::uint32_t way = 0;
    std::uint64_t word = 0;
    seep_live block{};

    [[nodiscard]] std::uint64_t address() const {
        return word & ((std::uint64_t{1} << SEEP_RECENT_ADDRESS_BITS) - 1);
    }
    [[nodiscard]] std::uint32_t process_slot() const {
        return static_cast<std::uint32_t>(word >> SEEP_RECENT_ADDRESS_BITS);
    }
};

class RecentBlocks {
 public:
    /// `kernel` must outlive it.
    static Result<RecentBlocks> map(const KernelObject& kernel);
    RecentBlocks(RecentBlocks&& other) noexcept;
    RecentBlocks& operator=(RecentBlocks&& other) noexcept;
    ~RecentBlocks();

    /// Each block once, beginning anywhere.
    void for_each(const std::function<void(const RecentBlock&)>& on_block) const;
    /// Whether it is where it was, and has not been freed.
    [[nodiscard]] bool holds(const RecentBlock& block) const;

 private:
    explicit RecentBlocks(std::span<const seep_recent_set> sets) : sets_(sets) {}

    std::span<const seep_recent_set> sets_;
};

}  // namespace seep
