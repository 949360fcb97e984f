// SPDX-License-Identifier: GPL-2.0-only
#include "drain/kernel_reader.h"

#include <bpf/bpf.h>
#include <bpf/libbpf.h>

#include <algorithm>
#include <cmath>
#include <functional>
#include <unordered_set>
#include <utility>

#include "kernel/map_batches.h"

namespace seep {
namespace {

constexpr std::uint32_t batch_entries = 4096;

std::uint64_t rounded(std::uint64_t fixed_point) {
    return (fixed_point + (1U << (SEEP_COUNT_SHIFT - 1))) >> SEEP_COUNT_SHIFT;
}

/// Birth times are summed modulo 2^64; of what is live, the sum itself fits.
std::uint64_t mean_birth(const seep_totals& raw) {
    if (raw.allocated_count <= raw.freed_count) return 0;
    const std::uint64_t sum = raw.allocated_born - raw.freed_born;
    const double count = static_cast<double>(raw.allocated_count - raw.freed_count) /
                         static_cast<double>(1U << SEEP_COUNT_SHIFT);
    return static_cast<std::uint64_t>(static_cast<double>(sum) / count);
}

/// A block that is made and freed between the reading of the two is seen freed alone.
std::uint64_t held_variance(const seep_totals& raw) {
    return raw.allocated_variance > raw.freed_variance ? raw.allocated_variance - raw.freed_variance
                                                       : 0;
}

bool same_stack(const seep_stack& left, const seep_stack& right) {
    return left.process == right.process && left.depth == right.depth && left.end == right.end &&
           std::equal(left.frames, left.frames + std::min<int>(left.depth, SEEP_MAX_FRAMES),
                      right.frames);
}

}  // namespace

StackTotals stack_totals(StackId id, const seep_totals& raw) {
    StackTotals result;
    result.stack = id;
    Totals& totals = result.totals;
    totals.allocated_count = rounded(raw.allocated_count);
    totals.allocated_bytes = raw.allocated_bytes;
    totals.freed_count = std::min(rounded(raw.freed_count), totals.allocated_count);
    totals.freed_bytes = std::min<std::uint64_t>(raw.freed_bytes, raw.allocated_bytes);
    totals.allocated_squares = raw.allocated_squares;
    totals.freed_squares = raw.freed_squares;
    totals.held_variance = held_variance(raw);
    totals.mean_birth_us = mean_birth(raw);
    for (std::size_t i = 0; i < result.lifetimes.size(); ++i)
        result.lifetimes[i] = rounded(raw.lifetimes[i]);
    return result;
}

KernelReader::KernelReader(KernelObject& kernel)
    : kernel_(&kernel), keys_(batch_entries), values_(batch_entries) {}

std::optional<KernelStack> KernelReader::stack_at(std::uint64_t id) const {
    seep_stack stack;
    if (bpf_map_lookup_elem(kernel_->stacks_map(), &id, &stack) != 0) return std::nullopt;
    const std::size_t depth = std::min<std::size_t>(stack.depth, SEEP_MAX_FRAMES);
    return KernelStack{StackId(id),
                       stack.process,
                       static_cast<StackEnd>(stack.end),
                       {stack.frames, stack.frames + depth}};
}

void KernelReader::take(std::uint64_t id, const seep_totals& raw, KernelReading& reading) {
    const auto known = seen_.find(id);
    const auto lapsed = lapsed_.find(id);
    if (known == seen_.end()) {
        // Totals are inserted before their stack: one without the other is there the next time.
        auto stack = stack_at(id);
        if (!stack) return;
        reading.new_stacks.push_back(std::move(*stack));
        seen_.emplace(id, Seen{raw.allocated_count, raw.freed_count, raw.allocated_bytes});
    } else if (known->second.allocated != raw.allocated_count ||
               known->second.freed != raw.freed_count) {
        known->second = {raw.allocated_count, raw.freed_count, raw.allocated_bytes};
    } else if (lapsed == lapsed_.end() || lapsed->second.told) {
        return;
    }
    StackTotals totals = stack_totals(StackId(id), raw);
    if (lapsed != lapsed_.end()) {
        lapsed->second.told = true;
        const auto still = [](std::uint64_t then, std::uint64_t late) {
            return then > late ? then - late : 0;
        };
        totals.totals.lapsed_count = std::min(rounded(still(lapsed->second.count, raw.late_count)),
                                              totals.totals.held_count());
        totals.totals.lapsed_bytes = std::min<std::uint64_t>(
            still(lapsed->second.bytes, raw.late_bytes), totals.totals.held_bytes());
    }
    reading.changed.push_back(totals);
}

template <typename Function>
Result<void> KernelReader::for_each_totals(Function&& function) {
    StackFolds::Sums sums = folds_.begin();
    Result<void> read = for_each_entry(kernel_->totals_map(), keys_, values_,
                                       "cannot read the totals from the kernel",
                                       [&](std::uint64_t id, const seep_totals& totals) {
                                           if (!folds_.add(id, totals, sums)) function(id, totals);
                                           return true;
                                       });
    if (!read) return read;
    for (const auto& [id, sum] : sums) function(id, sum);
    drop_deferred(folds_.take_ended());
    return {};
}

void KernelReader::drop_deferred(const std::vector<std::uint64_t>& ids) {
    for (const std::uint64_t id : ids) bpf_map_delete_elem(kernel_->totals_map(), &id);
    kernel_->return_deferred(ids.size());
}

void KernelReader::forget_deferred(StackId deferred) {
    drop_deferred({deferred.value});
}

bool KernelReader::fold(StackId deferred, const WalkedStack& walked) {
    for (std::uint64_t place = 0; place < SEEP_STACK_PLACES; ++place) {
        const std::uint64_t id = (walked.first_id + place) & ~SEEP_STACK_DEFERRED;
        if (id == 0) continue;
        seep_stack known;
        if (bpf_map_lookup_elem(kernel_->stacks_map(), &id, &known) != 0) {
            // As insert_stack() in bpf/ledger.bpf.h does it; it may be doing so at this moment.
            const seep_totals zero{};
            bpf_map_update_elem(kernel_->totals_map(), &id, &zero, BPF_NOEXIST);
            bpf_map_update_elem(kernel_->stacks_map(), &id, &walked.stack, BPF_NOEXIST);
            if (bpf_map_lookup_elem(kernel_->stacks_map(), &id, &known) != 0) return false;
        }
        if (!same_stack(known, walked.stack)) continue;
        folds_.fold(deferred.value, id);
        return true;
    }
    return false;
}

Result<KernelReading> KernelReader::read_stacks() {
    KernelReading reading;
    reading.changed.reserve(last_changed_);
    const Result<void> read =
        for_each_totals([&](std::uint64_t id, const seep_totals& raw) { take(id, raw, reading); });
    if (!read) return read.error();
    last_changed_ = reading.changed.size();
    return reading;
}

Result<void> KernelReader::lapse() {
    return for_each_totals([&](std::uint64_t id, const seep_totals& raw) {
        const std::uint64_t count = raw.allocated_count - raw.freed_count + raw.late_count;
        const std::uint64_t bytes = raw.allocated_bytes - raw.freed_bytes + raw.late_bytes;
        const auto known = lapsed_.find(id);
        if (known == lapsed_.end() ? bytes == 0 && count == 0 : known->second.bytes == bytes)
            return;
        lapsed_[id] = {count, bytes, raw.freed_count > 0, false};
    });
}

/// At their mean size, by the chance to be followed (bpf/sampling.bpf.h).
double KernelReader::weight_of(const Held& held) const {
    const auto gap = static_cast<double>(kernel_->sample_bytes());
    const double size = static_cast<double>(held.bytes) /
                        static_cast<double>(std::max<std::uint64_t>(rounded(held.count), 1));
    return gap > 0 && size > 0 ? -1 / std::expm1(-size / gap) : 1;
}

std::vector<HeldStack> KernelReader::most_of(std::vector<Held> held, std::size_t count) const {
    const auto end = held.begin() + static_cast<std::ptrdiff_t>(std::min(count, held.size()));
    std::ranges::partial_sort(held, end, std::greater(), &Held::bytes);
    std::vector<HeldStack> stacks;
    for (auto each = held.begin(); each != end; ++each)
        if (auto stack = stack_at(each->id))
            stacks.push_back({std::move(*stack), rounded(each->count), weight_of(*each)});
    return stacks;
}

std::vector<HeldStack> KernelReader::most_lapsed(bool any_freed, std::size_t count) const {
    std::vector<Held> held;
    for (const auto& [id, lapsed] : lapsed_)
        if (lapsed.any_freed == any_freed) held.push_back({lapsed.bytes, lapsed.count, id});
    return most_of(std::move(held), count);
}

std::vector<HeldStack> KernelReader::most_held(std::size_t count) const {
    std::vector<Held> held;
    for (const auto& [id, seen] : seen_)
        if (seen.freed == 0) held.push_back({seen.allocated_bytes, seen.allocated, id});
    return most_of(std::move(held), count);
}

Result<seep_process> KernelReader::read_process(std::uint32_t process_slot) const {
    std::vector<seep_process> by_cpu(static_cast<std::size_t>(libbpf_num_possible_cpus()));
    if (bpf_map_lookup_elem(kernel_->processes_map(), &process_slot, by_cpu.data()) != 0)
        return errno_error("cannot read a process's counters from the kernel");
    seep_process sum{};
    for (const seep_process& cpu : by_cpu) {
        sum.totals.passed_over_count += cpu.totals.passed_over_count;
        sum.totals.allocated_bytes += cpu.totals.allocated_bytes;
        sum.totals.freed_count += cpu.totals.freed_count;
        sum.totals.failed_count += cpu.totals.failed_count;
        sum.totals.followed_count += cpu.totals.followed_count;
        sum.totals.walked_frames += cpu.totals.walked_frames;
        for (std::size_t i = 0; i < SEEP_LOSS_COUNT; ++i) sum.losses[i] += cpu.losses[i];
    }
    return sum;
}

void KernelReader::forget(const std::vector<StackId>& stacks) {
    for (const StackId stack : stacks) {
        bpf_map_delete_elem(kernel_->totals_map(), &stack.value);
        bpf_map_delete_elem(kernel_->stacks_map(), &stack.value);
        seen_.erase(stack.value);
        lapsed_.erase(stack.value);
    }
    const std::unordered_set<std::uint64_t> forgotten = [&] {
        std::unordered_set<std::uint64_t> ids;
        for (const StackId stack : stacks) ids.insert(stack.value);
        return ids;
    }();
    drop_deferred(folds_.forget([&](std::uint64_t stack) { return forgotten.contains(stack); }));
}

}  // namespace seep
