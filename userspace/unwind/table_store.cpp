// SPDX-License-Identifier: GPL-2.0-only
#include "unwind/table_store.h"

#include <bpf/bpf.h>
#include <fmt/format.h>
#include <sys/mman.h>

#include <algorithm>
#include <cstring>

#include "base/text.h"
#include "unwind/cfi_compiler.h"

namespace seep {

const std::uint32_t unwind_table_flags = BPF_F_INNER_MAP | BPF_F_MMAPABLE;

namespace {

constexpr std::uint32_t word_bytes = sizeof(std::uint64_t);

Result<UniqueFd> create_map(std::size_t words) {
    LIBBPF_OPTS(bpf_map_create_opts, options, .map_flags = unwind_table_flags);
    UniqueFd map(bpf_map_create(BPF_MAP_TYPE_ARRAY, "unwind_table", sizeof(std::uint32_t),
                                word_bytes, static_cast<std::uint32_t>(words), &options));
    if (!map) return errno_error("cannot make the map of an unwind table");
    return map;
}

Result<UniqueFd> create_filled_map(const std::vector<std::uint64_t>& words) {
    auto map = create_map(words.size());
    if (!map) return map;
    const std::size_t bytes = words.size() * word_bytes;
    void* const memory = mmap(nullptr, bytes, PROT_READ | PROT_WRITE, MAP_SHARED, map->get(), 0);
    if (memory == MAP_FAILED) return errno_error("cannot fill the map of an unwind table");
    std::memcpy(memory, words.data(), bytes);
    munmap(memory, bytes);
    // Only a guard against mistakes; nothing depends on it.
    bpf_map_freeze(map->get());
    return map;
}

}  // namespace

Result<TableView> TableView::of(int map, std::size_t words) {
    void* const memory = mmap(nullptr, words * word_bytes, PROT_READ, MAP_SHARED, map, 0);
    if (memory == MAP_FAILED) return errno_error("cannot look at the map of an unwind table");
    return TableView({static_cast<const std::uint64_t*>(memory), words});
}

TableView::~TableView() {
    if (!words_.empty()) munmap(const_cast<std::uint64_t*>(words_.data()), words_.size_bytes());
}

TableStore::TableStore(int tables_map, std::uint32_t slots, UniqueFd empty_map)
    : tables_map_(tables_map), slot_used_(slots), empty_map_(std::move(empty_map)) {
    slot_used_[0] = true;
}

Result<TableStore> TableStore::create(int tables_map) {
    bpf_map_info info = {};
    std::uint32_t size = sizeof info;
    if (bpf_map_get_info_by_fd(tables_map, &info, &size) != 0 || info.max_entries == 0) {
        return errno_error("cannot use the map of unwind tables");
    }
    auto empty_map = create_map(1);
    if (!empty_map) return empty_map.error();
    return TableStore(tables_map, info.max_entries, std::move(*empty_map));
}

Result<std::uint32_t> TableStore::free_slot() {
    const auto slots = static_cast<std::uint32_t>(slot_used_.size());
    for (std::uint32_t i = 1; i <= slots; ++i) {
        const std::uint32_t slot = (last_slot_ + i) % slots;
        if (!slot_used_[slot]) return last_slot_ = slot;
    }
    return Error{ErrorKind::failed,
                 fmt::format("there is no room for more than {} unwind tables", slots - 1), ""};
}

Result<TableStore::Table> TableStore::acquire(const ObjectFile& object, TableKey key) {
    const auto known = entries_.find(key);
    if (known != entries_.end()) {
        if (Table table = known->second.table.lock()) return table;
    }
    const auto compiled = compile_unwind_table(object);
    if (!compiled) return compiled.error();
    auto map = create_filled_map(compiled->words);
    if (!map) return map.error();
    const auto slot =
        known != entries_.end() ? Result<std::uint32_t>(known->second.slot) : free_slot();
    if (!slot) return slot.error();
    auto view = TableView::of(map->get(), compiled->words.size());
    if (!view) return view.error();
    auto table = std::make_shared<const StoredTable>(
        StoredTable{*slot, compiled->base, compiled->blocks, compiled->rows, compiled->rules,
                    compiled->counts, std::move(*view)});
    slot_used_[*slot] = true;
    entries_[std::move(key)] = {table, *slot, std::move(*map)};
    return table;
}

Result<void> TableStore::publish() {
    std::vector<std::uint32_t> slots;
    std::vector<int> maps;
    for (const auto& [key, entry] : entries_) {
        const bool held = !entry.table.expired();
        if (held && !entry.map) continue;
        slots.push_back(entry.slot);
        maps.push_back(held ? entry.map.get() : empty_map_.get());
    }
    if (!slots.empty()) {
        if (auto put = tables_map_.put(slots, maps); !put) return put.error();
    }
    for (auto item = entries_.begin(); item != entries_.end();) {
        Entry& entry = item->second;
        entry.map.reset();
        const bool held = !entry.table.expired();
        slot_used_[entry.slot] = held;
        item = held ? std::next(item) : entries_.erase(item);
    }
    return {};
}

std::uint64_t TableStore::bytes() const {
    std::uint64_t bytes = 0;
    for (const auto& [key, entry] : entries_) {
        if (const Table table = entry.table.lock()) bytes += table->bytes();
    }
    return bytes;
}

std::size_t TableStore::count() const {
    return static_cast<std::size_t>(std::ranges::count_if(
        entries_, [](const auto& item) { return !item.second.table.expired(); }));
}

}  // namespace seep
