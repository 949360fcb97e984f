// SPDX-License-Identifier: GPL-2.0-only
#include "analysis/claims.h"

#include <fmt/format.h>

#include <algorithm>
#include <cmath>

#include "analysis/culprit.h"

namespace seep {

namespace {

/// Of the blocks that were looked at again, nearly.
constexpr double all_there = 0.95;

/// The kernel's count of pages: each processor adds to it in batches of 32 or more
/// (lib/percpu_counter.c).
constexpr double miscounted_pages = 256 << 10;
constexpr double free_in_heap = 1 << 20;
constexpr double fragmented_pages = 0.05;
/// Of the heap, by blocks that are put aside.
constexpr double kept_apart = 0.01;

std::string cause_of(const ReportStack& stack) {
    if (stack.evidence.cluster != 0) return fmt::format("{}", stack.evidence.cluster);
    return stack.frames.empty() ? stack.id : function_key(stack.frames[stack.culprit]);
}

}  // namespace

double requested(const ReportStack& stack) {
    const Growth& growth = stack.growth;
    return stack.kind == StackKind::heap && growth.low > 0 ? growth.bytes_per_second : 0;
}

double block_size(const ReportStack& stack) {
    const auto blocks = static_cast<double>(stack.totals.held_count());
    return blocks > 0 ? static_cast<double>(stack.totals.held_bytes()) / blocks : 0;
}

bool may_be_untouched(const ReportStack& stack) {
    const auto& staying = stack.evidence.staying;
    return stack.totals.freed_count == 0 && block_size(stack) >= large_block && staying &&
           !staying->dying && staying->survival.share >= all_there &&
           staying->survival.low >= least_true;
}

StackClaims claims_of(const Report& report) {
    StackClaims claims;
    claims.growths.reserve(report.stacks.size());
    claims.causes.reserve(report.stacks.size());
    for (const ReportStack& stack : report.stacks) {
        claims.growths.push_back(stack.growth);
        claims.causes.push_back(cause_of(stack));
    }
    return claims;
}

Witness anonymous_memory(const ProcessMemory& memory) {
    return {.name = "the anonymous memory",
            .growth = memory.anonymous,
            .lately = memory.anonymous_lately,
            .steps = memory.anonymous_steps,
            .miscounted = miscounted_pages,
            .free_room = free_in_heap,
            .fragmented = fragmented_pages};
}

Witness witness_of(const Report& report) {
    const ProcessMemory& memory = report.memory;
    const bool any_outside = std::ranges::any_of(report.stacks, [](const ReportStack& stack) {
        return stack.kind == StackKind::heap && stack.growth.high > 0 &&
               block_size(stack) > most_in_heap;
    });
    if (!memory.in_use) return anonymous_memory(memory);
    // Unless it grows by more than the memory: glibc raises that bound where such blocks are freed.
    const double more = memory.in_use->growth.low;
    if (any_outside && more <= memory.anonymous.high) return anonymous_memory(memory);
    return {.name = "what glibc has in use",
            .is_heap = true,
            .growth = memory.in_use->growth,
            .lately = memory.in_use->lately,
            // Into pages that were there.
            .steps = std::max(memory.anonymous_steps, ProcessMemory::least_steps),
            .fragmented = kept_apart};
}

bool grows(const ReportStack& stack) {
    return stack.verdict == Verdict::leak || stack.verdict == Verdict::growing;
}

double returned_share(double returned, double lapsed) {
    return returned > 0 ? returned / (returned + lapsed) : 0;
}

bool surely_stay(double blocks, double share) {
    constexpr double most_chance = 0.01;
    return std::pow(1 - share, blocks) < most_chance;
}

double seconds_of(const Report& report) {
    return std::max(1.0, static_cast<double>(report.window_end_ns - report.window_start_ns) / 1e9);
}

std::int64_t bytes_at(double rate, const Growth& growth) {
    return std::llround(static_cast<double>(growth.bytes) * rate / growth.bytes_per_second);
}

}  // namespace seep
