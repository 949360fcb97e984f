// SPDX-License-Identifier: GPL-2.0-only
#include "drain/stack_book.h"

#include <cstring>
#include <utility>

namespace seep {

StackBook::StackBook(ProcessId process, StackKind kind, std::size_t max_stacks, Hides hides)
    : process_(process), kind_(kind), max_stacks_(max_stacks), hides_(std::move(hides)) {}

/// A round of a multiply-xorshift hash a word, as the kernel's ids are made (bpf/unwind.bpf.h).
/// The kernel's are of slots and never zero words: the kind goes in, so that a stack of two ledgers
/// has two ids.
StackId StackBook::hashed(std::span<const std::uint64_t> words) const {
    std::uint64_t hash = (std::uint64_t{process_.value} << 8) | static_cast<std::uint64_t>(kind_);
    for (const std::uint64_t word : words) {
        hash = (hash ^ word) * 0x9e3779b97f4a7c15U;
        hash ^= hash >> 29;
    }
    hash = (hash ^ (hash >> 32)) * 0xd6e8feb86659fd93U;
    return StackId(hash ^ (hash >> 32));
}

StackBook::Known StackBook::find(std::uint32_t end, std::span<const std::byte> frames,
                                 std::size_t depth) {
    words_.resize(1 + depth);
    words_[0] = end;
    std::memcpy(words_.data() + 1, frames.data(), depth * sizeof(std::uint64_t));
    const auto known = stacks_.find(words_);
    if (known != stacks_.end()) return known->second;
    if (stacks_.size() >= max_stacks_) {
        ++lost_;
        return {};
    }
    const std::span<const std::uint64_t> addresses = std::span(words_).subspan(1);
    Known stack{hashed(words_), hides_ && hides_(addresses)};
    while (!stack.id || !ids_.insert(stack.id).second) ++stack.id.value;
    if (!stack.hidden)
        new_.push_back({stack.id,
                        process_,
                        static_cast<StackEnd>(end),
                        {addresses.begin(), addresses.end()},
                        kind_});
    stacks_.emplace(words_, stack);
    return stack;
}

std::vector<NewStack> StackBook::take_new() {
    return std::exchange(new_, {});
}

}  // namespace seep
