// SPDX-License-Identifier: GPL-2.0-only
#include "kernel/outstanding_blocks.h"

#include <bpf/bpf.h>

#include <algorithm>
#include <array>
#include <unordered_map>

#include "kernel/map_batches.h"
#include "kernel/recent_blocks.h"

namespace seep {
namespace {

constexpr std::uint32_t batch_entries = 4096;

bool is_same(const seep_live& left, const seep_live& right) {
    return left.born == right.born && left.stack == right.stack && left.bytes == right.bytes;
}

}  // namespace

Result<OutstandingBlocks> read_outstanding(const KernelObject& kernel, std::size_t most) {
    const auto recent = RecentBlocks::map(kernel);
    if (!recent) return recent.error();
    OutstandingBlocks result;
    const auto add = [&](std::uint64_t address, std::uint32_t slot, const seep_live& block) {
        if (result.blocks.size() < most)
            result.blocks.push_back({address, slot, block});
        else
            result.all = false;
    };
    recent->for_each(
        [&](const RecentBlock& block) { add(block.address(), block.process_slot(), block.block); });
    std::vector<seep_live_key> keys(batch_entries);
    std::vector<seep_live> values(batch_entries);
    const Result<void> read = for_each_entry(kernel.map_named("live"), keys, values,
                                             "cannot read the outstanding blocks from the kernel",
                                             [&](const seep_live_key& key, const seep_live& block) {
                                                 add(key.address, key.process, block);
                                                 return result.all;
                                             });
    if (!read) return read.error();
    return result;
}

Result<void> keep_outstanding(const KernelObject& kernel, std::vector<OutstandingBlock>& blocks) {
    const auto recent = RecentBlocks::map(kernel);
    if (!recent) return recent.error();
    std::unordered_map<std::uint64_t, seep_live> newest;  // by the word that tells it
    recent->for_each([&](const RecentBlock& block) { newest[block.word] = block.block; });
    const int live = kernel.map_named("live");
    std::erase_if(blocks, [&](const OutstandingBlock& block) {
        // What moves on meanwhile is in `live` before it leaves the other.
        const std::uint64_t word = block.address | std::uint64_t{block.process_slot}
                                                       << SEEP_RECENT_ADDRESS_BITS;
        if (const auto found = newest.find(word); found != newest.end())
            return !is_same(found->second, block.block);
        const seep_live_key key{.address = block.address, .process = block.process_slot, .pad = 0};
        seep_live now{};
        return bpf_map_lookup_elem(live, &key, &now) != 0 || !is_same(now, block.block);
    });
    return {};
}

}  // namespace seep
