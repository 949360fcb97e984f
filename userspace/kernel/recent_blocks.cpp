// SPDX-License-Identifier: GPL-2.0-only
#include "kernel/recent_blocks.h"

#include <sys/mman.h>

#include <random>
#include <utility>

namespace seep {
namespace {

constexpr std::size_t set_count = std::size_t{1} << SEEP_RECENT_SET_BITS;

/// Which programs change at any time.
template <typename Value>
Value load(const Value& value) {
    return *static_cast<const volatile Value*>(&value);
}

}  // namespace

Result<RecentBlocks> RecentBlocks::map(const KernelObject& kernel) {
    void* const memory = mmap(nullptr, set_count * sizeof(seep_recent_set), PROT_READ, MAP_SHARED,
                              kernel.map_named("recent"), 0);
    if (memory == MAP_FAILED) return errno_error("cannot look into the kernel's recent blocks");
    return RecentBlocks({static_cast<const seep_recent_set*>(memory), set_count});
}

RecentBlocks::RecentBlocks(RecentBlocks&& other) noexcept : sets_(std::exchange(other.sets_, {})) {}

RecentBlocks& RecentBlocks::operator=(RecentBlocks&& other) noexcept {
    std::swap(sets_, other.sets_);
    return *this;
}

RecentBlocks::~RecentBlocks() {
    if (!sets_.empty())
        munmap(const_cast<seep_recent_set*>(sets_.data()), sets_.size_bytes());  // NOLINT
}

void RecentBlocks::for_each(const std::function<void(const RecentBlock&)>& on_block) const {
    static std::minstd_rand random(std::random_device{}());
    const std::size_t first = random() % set_count;
    for (std::size_t i = 0; i < set_count; ++i) {
        const std::size_t index = (first + i) % set_count;
        const seep_recent_set& set = sets_[index];
        for (std::uint32_t way = 0; way < SEEP_RECENT_WAYS; ++way) {
            RecentBlock block{static_cast<std::uint32_t>(index), way, load(set.words[way]), {}};
            if (block.word == 0 || block.word >= SEEP_RECENT_FREED) continue;
            block.block = set.blocks[way];
            if (load(set.words[way]) == block.word) on_block(block);
        }
    }
}

bool RecentBlocks::holds(const RecentBlock& block) const {
    const seep_recent_set& set = sets_[block.set];
    return load(set.words[block.way]) == block.word &&
           set.blocks[block.way].born == block.block.born &&
           set.blocks[block.way].stack == block.block.stack;
}

}  // namespace seep
