// SPDX-License-Identifier: GPL-2.0-only
#include "drain/stack_folds.h"

#include <algorithm>
#include <array>
#include <bit>
#include <numeric>
#include <utility>

namespace seep {
namespace {

/// All of them are sums, whatever of.
void add_to(seep_totals& sum, const seep_totals& raw) {
    using Counters = std::array<std::uint64_t, sizeof(seep_totals) / sizeof(std::uint64_t)>;
    auto counters = std::bit_cast<Counters>(sum);
    const auto more = std::bit_cast<Counters>(raw);
    std::ranges::transform(counters, more, counters.begin(), std::plus());
    sum = std::bit_cast<seep_totals>(counters);
}

/// Whether the one block of these totals was freed, and all of that was added: what
/// account_death() in bpf/ledger.bpf.h adds last is there.
bool has_ended(const seep_totals& raw) {
    if (raw.allocated_count == 0) return false;
    const bool seen = std::accumulate(std::begin(raw.lifetimes), std::end(raw.lifetimes),
                                      std::uint64_t{0}) == raw.allocated_count;
    const bool late =
        raw.late_count == raw.allocated_count && raw.late_bytes == raw.allocated_bytes;
    return seen || late;
}

}  // namespace

void StackFolds::fold(std::uint64_t deferred, std::uint64_t stack) {
    stack_of_[deferred] = stack;
    ended_.try_emplace(stack);
}

std::uint64_t StackFolds::stack_of(std::uint64_t id) const {
    if ((id & SEEP_STACK_DEFERRED) == 0) return id;
    const auto stack = stack_of_.find(id);
    return stack == stack_of_.end() ? 0 : stack->second;
}

bool StackFolds::add(std::uint64_t id, const seep_totals& raw, Sums& sums) {
    if ((id & SEEP_STACK_DEFERRED) == 0) {
        const auto sum = sums.find(id);
        if (sum == sums.end()) return false;
        add_to(sum->second, raw);
        return true;
    }
    const auto stack = stack_of_.find(id);
    if (stack == stack_of_.end()) return true;
    add_to(sums[stack->second], raw);
    if (has_ended(raw)) {
        add_to(ended_[stack->second], raw);
        just_ended_.push_back(id);
        stack_of_.erase(stack);
    }
    return true;
}

std::vector<std::uint64_t> StackFolds::take_ended() {
    return std::exchange(just_ended_, {});
}

std::vector<std::uint64_t> StackFolds::forget(
    const std::function<bool(std::uint64_t stack)>& is_forgotten) {
    std::vector<std::uint64_t> parts;
    for (const auto& [deferred, stack] : stack_of_)
        if (is_forgotten(stack)) parts.push_back(deferred);
    for (const std::uint64_t part : parts) stack_of_.erase(part);
    std::erase_if(ended_, [&](const auto& sum) { return is_forgotten(sum.first); });
    return parts;
}

}  // namespace seep
