// SPDX-License-Identifier: GPL-2.0-only
#include "unwind/space_sync.h"

#include <bpf/bpf.h>

#include <algorithm>
#include <atomic>
#include <cstring>
#include <numeric>
#include <optional>

#include "unwind/native_walk.h"
#include "unwind/vdso.h"

namespace seep {
namespace {

/// What is to be taken off an address in the mapping to get the object's: by the segment that most
/// of the mapping shows. (Both ends of a mapping are rounded to pages, and may show a little of
/// other segments.)
std::optional<std::uint64_t> bias_of(const CodeRange& range) {
    const std::uint64_t range_end = range.file_offset + (range.end - range.start);
    std::uint64_t most = 0;
    std::optional<std::uint64_t> bias;
    for (const LoadSegment& segment : range.object->segments()) {
        const std::uint64_t start = std::max(range.file_offset, segment.file_offset);
        const std::uint64_t end = std::min(range_end, segment.file_offset + segment.file_size);
        if (end <= start || end - start <= most) continue;
        most = end - start;
        bias = range.start - range.file_offset + segment.file_offset - segment.address;
    }
    return bias;
}

seep_mapping mapping_of(const CodeRange& range, const StoredTable* table) {
    seep_mapping mapping{};
    mapping.start = range.start;
    mapping.end = range.end;
    mapping.occupant = range.occupant;
    mapping.file_start = range.start - range.file_offset;
    mapping.inode = range.file.inode;
    const auto bias = range.vdso ? range.start : table == nullptr ? std::nullopt : bias_of(range);
    if (table == nullptr || !bias) return mapping;
    mapping.bias = *bias;
    mapping.base = table->base;
    mapping.table = static_cast<std::uint16_t>(table->slot);
    mapping.blocks = table->blocks;
    mapping.rows = table->rows;
    mapping.rules = table->rules;
    return mapping;
}

static_assert(AddressSpace::most_occupants == SEEP_MOST_OCCUPANTS &&
              AddressSpace::unknown_occupant == SEEP_UNKNOWN_OCCUPANT);
static_assert(SEEP_UNWIND_TABLES <= 1U << 16);

bool same(const std::vector<seep_mapping>& left, const std::vector<seep_mapping>& right) {
    return left.size() == right.size() &&
           std::memcmp(left.data(), right.data(), left.size() * sizeof(seep_mapping)) == 0;
}

/// Never 0, and never the same twice: the kernel keeps rules as long as it does not change.
std::uint64_t new_generation() {
    static std::atomic<std::uint32_t> last = 0;
    return ++last;
}

}  // namespace

SpaceSync::SpaceSync(pid_t pid, std::uint32_t slot, TableStore& tables, MapOfMaps& spaces,
                     int generations)
    : pid_(pid), slot_(slot), store_(tables), spaces_(spaces), generations_(generations) {}

SpaceSync::~SpaceSync() {
    // The mappings go before the tables that they refer to. Neither error leaves anything to do.
    (void)tell_generation(0, 0);
    (void)spaces_.erase(slot_);
    tables_.clear();
    past_ = {};
    (void)store_.publish();
}

Result<TableStore::Table> SpaceSync::vdso_table(const CodeRange& range) {
    auto vdso = read_vdso(pid_, {range.start, range.end});
    if (!vdso) return vdso.error();
    return store_.acquire(vdso->object, {{}, std::move(vdso->bytes)});
}

TableStore::Table SpaceSync::table_of(const CodeRange& range, const Tables& old, Tables& fresh,
                                      std::vector<Error>& errors) {
    if (!range.object && !range.vdso) return nullptr;
    const auto [entry, is_new] = fresh.try_emplace(range.object);
    if (!is_new) return entry->second;
    if (const auto known = old.find(range.object); known != old.end()) {
        return entry->second = known->second;
    }
    auto table = range.vdso ? vdso_table(range)
                            : store_.acquire(*range.object,
                                             {range.object->identity(), range.object->build_id()});
    if (!table) {
        errors.push_back(table.error());
        return nullptr;
    }
    return entry->second = std::move(*table);
}

Result<void> SpaceSync::replace_space(std::vector<seep_mapping> mappings) {
    LIBBPF_OPTS(bpf_map_create_opts, options, .map_flags = BPF_F_INNER_MAP);
    auto count = static_cast<std::uint32_t>(mappings.size());
    const UniqueFd map(bpf_map_create(BPF_MAP_TYPE_ARRAY, "unwind_space", sizeof(std::uint32_t),
                                      sizeof(seep_mapping), count, &options));
    if (!map) return errno_error("cannot make the map of a process's code");
    std::vector<std::uint32_t> keys(count);
    std::iota(keys.begin(), keys.end(), 0);
    const int fd = map.get();
    if (bpf_map_update_batch(fd, keys.data(), mappings.data(), &count, nullptr) != 0) {
        return errno_error("cannot tell the kernel where a process's code is");
    }
    if (auto put = spaces_.put({slot_}, {fd}); !put) return put.error();
    mappings_ = std::move(mappings);
    return {};
}

Result<void> SpaceSync::tell_generation(std::uint64_t generation, std::uint64_t unloads) {
    unloads_ = static_cast<std::uint32_t>(unloads);
    const std::uint64_t told = generation << 32 | unloads_;
    if (bpf_map_update_elem(generations_, &slot_, &told, BPF_ANY) != 0)
        return errno_error("cannot tell the kernel that a process's code has changed");
    return {};
}

Result<std::vector<Error>> SpaceSync::update(const AddressSpace& space, std::uint64_t unloads) {
    std::vector<Error> errors;
    Tables tables;
    std::vector<seep_mapping> mappings(1);
    for (const CodeRange& range : space.code()) {
        mappings.push_back(mapping_of(range, table_of(range, tables_, tables, errors).get()));
    }
    mappings[0].start = mappings.size() - 1;
    if (!mappings_.empty()) mappings[0].end = mappings_[0].end;
    if (same(mappings, mappings_)) {
        if (unloads_ == static_cast<std::uint32_t>(unloads)) return errors;
        if (auto told = tell_generation(mappings[0].end, unloads); !told) return told.error();
        return errors;
    }
    mappings[0].end = new_generation();

    // Mappings never refer to what is not there: new tables come before them, and old ones, which
    // tables_ holds until here, go after.
    if (auto published = store_.publish(); !published) return published.error();
    if (auto replaced = replace_space(std::move(mappings)); !replaced) return replaced.error();
    // Last: what was found out before in the new mappings is forgotten too soon, not too late.
    if (auto told = tell_generation(mappings_[0].end, unloads); !told) return told.error();
    tables_ = std::move(tables);
    past_ = {};
    return errors;
}

/// Many walks are of one time, and most objects are those that are mapped now.
void SpaceSync::look_back(const AddressSpace& space, std::uint64_t time_ns) {
    const std::uint64_t version = space.version();
    const std::size_t epoch = space.epoch(time_ns);
    if (!past_.mappings.empty() && past_.version == version && past_.epoch == epoch) return;
    Tables known = std::move(past_.tables);
    known.insert(tables_.begin(), tables_.end());
    std::vector<Error> errors;  // told already, or of an object that is gone
    Past past{version, epoch, {}, std::vector<seep_mapping>(1)};
    for (const CodeRange& range : space.code_at(time_ns))
        past.mappings.push_back(
            mapping_of(range, table_of(range, known, past.tables, errors).get()));
    past.mappings[0].start = past.mappings.size() - 1;
    past.mappings[0].end = new_generation();
    past_ = std::move(past);
}

WalkedStack SpaceSync::walk_on(const AddressSpace& space, const DeferredWalk& from) {
    look_back(space, from.walk.time_ns);
    std::vector<native_table> tables;
    for (const auto& [object, table] : past_.tables) {
        if (!table) continue;
        const auto words = table->view.words();
        tables.push_back({table->slot, static_cast<std::uint32_t>(words.size()), words.data()});
    }
    const auto& mappings = past_.mappings;
    const native_world world{mappings.data(),       static_cast<std::uint32_t>(mappings.size()),
                             tables.data(),         tables.size(),
                             from.walk.stack_start, from.stack.data(),
                             from.stack.size()};
    WalkedStack walked;
    walked.first_id = native_walk_on(&world, &from.walk, &walked.stack);
    return walked;
}

TableSizes SpaceSync::table_sizes() const {
    TableSizes sizes;
    for (const auto& [object, table] : tables_) {
        if (!table) continue;
        sizes.rows += table->counts.rows;
        sizes.bytes += table->bytes();
    }
    return sizes;
}

}  // namespace seep
