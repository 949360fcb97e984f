// SPDX-License-Identifier: GPL-2.0-only
#include "analysis/block_size.h"

#include <fmt/format.h>

#include <algorithm>
#include <array>
#include <cmath>
#include <string>
#include <string_view>

#include "analysis/culprit.h"
#include "base/text.h"
#include "drain/glibc_heap.h"

namespace seep {

namespace {

/// The ledger has the squares in units of this, rounded up, block by block.
constexpr double squares_unit = 256;

/// Of jemalloc, Rust's copy of it, mimalloc and tcmalloc, where they are linked into the program.
constexpr std::array<std::string_view, 4> prefixes{"je_", "_rjem_", "mi_", "tc_"};

double rounded_up(double bytes, double step) {
    return step * std::ceil(bytes / step);
}

/// The least of musl's classes that has so many units.
double musl_class(double units) {
    constexpr std::array<double, 16> small{9,  10, 12, 15, 18, 20, 25,  31,
                                           36, 42, 50, 63, 72, 84, 102, 127};
    if (units < small.front()) return units;
    if (const auto found = std::ranges::lower_bound(small, units); found != small.end())
        return *found;
    // Next to parts of a power of two.
    for (int power = 10;; ++power)
        for (const double part : {7, 6, 5, 4})
            if (const double size = std::floor((std::exp2(power) - 1) / part); size >= units)
                return size;
}

}  // namespace

double size_deviation(const Totals& totals) {
    const auto count = static_cast<double>(totals.allocated_count);
    const double mean = static_cast<double>(totals.allocated_bytes) / count;
    return std::sqrt(std::max(
        0.0, squares_unit * static_cast<double>(totals.allocated_squares) / count - mean * mean));
}

bool is_uniform(const Totals& totals) {
    return totals.allocated_count > 0 && totals.allocated_bytes % totals.allocated_count == 0 &&
           size_deviation(totals) <= std::sqrt(squares_unit);
}

BlockLayout layout_of(const ReportFrame& allocator, const std::vector<ProcessRecord>& processes) {
    if (begins_with_any(allocator.function, prefixes) || is_allocator_module(allocator.module))
        return BlockLayout::size_class;
    const std::string musl = fmt::format("musl ({})", allocator.module);
    const bool is_musl = std::ranges::any_of(processes, [&](const ProcessRecord& process) {
        return process.allocators.find(musl) != std::string::npos;
    });
    return is_musl ? BlockLayout::musl : BlockLayout::header;
}

double block_takes(double bytes, BlockLayout layout) {
    constexpr double step = 16;
    if (layout == BlockLayout::musl) {
        constexpr double trailer = 4;
        return step * musl_class(std::ceil((bytes + trailer) / step));
    }
    if (layout == BlockLayout::header) {
        constexpr double header = 8;
        constexpr double least = 32;
        return std::max(least, rounded_up(bytes + header, step));
    }
    constexpr double least = 8;
    constexpr double small = 128;
    constexpr int steps_in_doubling = 4;
    if (bytes <= least) return least;
    if (bytes <= small) return rounded_up(bytes, step);
    return rounded_up(bytes, std::exp2(std::ceil(std::log2(bytes)) - 1) / steps_in_doubling);
}

std::uint64_t glibc_chunk(double bytes) {
    return size_class(static_cast<std::uint64_t>(block_takes(bytes, BlockLayout::header)));
}

SizeRange size_range(const Totals& totals) {
    const double mean =
        static_cast<double>(totals.allocated_bytes) / static_cast<double>(totals.allocated_count);
    if (is_uniform(totals)) return {mean, mean, mean};
    const double deviation = size_deviation(totals);
    return {std::max(1.0, mean - deviation), mean, mean + deviation};
}

std::vector<std::uint64_t> chunks_of(const SizeRange& blocks) {
    constexpr std::uint64_t step = 16;
    std::vector<std::uint64_t> chunks;
    for (std::uint64_t chunk = glibc_chunk(blocks.least); chunk <= glibc_chunk(blocks.most);
         chunk += step)
        if (chunks.empty() || size_class(chunk) != chunks.back())
            chunks.push_back(size_class(chunk));
    return chunks;
}

bool is_in_glibc_heap(const ReportStack& stack) {
    return stack.kind == StackKind::heap && stack.totals.allocated_count > 0 &&
           !stack.frames.empty() && stack.layout == BlockLayout::header;
}

BlockShares block_shares(const ReportStack& stack) {
    const auto bytes = static_cast<double>(stack.totals.held_bytes());
    const auto blocks = static_cast<double>(stack.totals.held_count());
    if (bytes <= 0 || blocks <= 0) return {};
    const double size = bytes / blocks;
    BlockShares shares{.usual = block_takes(size, stack.layout) / size};
    shares.most = std::max(1 + block_overhead / size, shares.usual);
    if (is_uniform(stack.totals)) shares.least = shares.most = shares.usual;
    return shares;
}

}  // namespace seep
