// SPDX-License-Identifier: GPL-2.0-only
#include "kernel/outstanding_blocks.h"

#include <bpf/bpf.h>

#include <algorithm>
#include <array>
#include <cerrno>
#include <unordered_map>

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
    std::uint32_t position = 0;
    bool first = true;
    for (bool over = false; !over && result.all;) {
        std::uint32_t next = 0;
        std::uint32_t count = batch_entries;
        const int error =
            bpf_map_lookup_batch(kernel.map_named("live"), first ? nullptr : &position, &next,
                                 keys.data(), values.data(), &count, nullptr);
        if (error != 0 && error != -ENOENT)
            return errno_error("cannot read the outstanding blocks from the kernel", -error);
        for (std::uint32_t i = 0; i < count; ++i) add(keys[i].address, keys[i].process, values[i]);
        over = error == -ENOENT;
        position = next;
        first = false;
    }
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
