// SPDX-License-Identifier: GPL-2.0-only
#pragma once

// Tells the kernel where the code of a process is, and which table each part of it has: a map of
// struct seep_mapping in the process's slot of the map of spaces, replaced as a whole whenever the
// mappings change, so that a walk sees either the old ones or the new ones. Ends with the object,
// which the store and the maps must outlive. Not thread-safe.
//
//     MapOfMaps spaces(kernel.unwind_spaces_map());
//     SpaceSync sync(pid, slot, tables, spaces, kernel.generations_map());
//     space.refresh();
//     auto synced = sync.update(space);

#include <sys/types.h>

#include <cstdint>
#include <map>
#include <memory>
#include <vector>

#include "base/handles.h"
#include "base/result.h"
#include "bpf/wire.h"
#include "target/address_space.h"
#include "unwind/map_of_maps.h"
#include "unwind/table_store.h"

namespace seep {

/// Of the tables of a process's objects together.
struct TableSizes {
    std::uint64_t rows = 0;
    std::uint64_t bytes = 0;
};

/// A walk that the kernel broke off, and a copy of the thread's stack from there on.
struct DeferredWalk {
    seep_deferred_walk walk{};
    std::vector<unsigned char> stack;  ///< From walk.stack_start on.
};

struct WalkedStack {
    seep_stack stack{};
    std::uint64_t first_id = 0;  ///< Of the ids that the kernel's programs would give it.
};

class SpaceSync {
 public:
    /// `spaces`: its inner maps are of any size (BPF_F_INNER_MAP). `generations`: the map of that
    /// name.
    SpaceSync(pid_t pid, std::uint32_t slot, TableStore& tables, MapOfMaps& spaces,
              int generations);
    ~SpaceSync();
    SpaceSync(const SpaceSync&) = delete;
    SpaceSync& operator=(const SpaceSync&) = delete;

    /// Takes over the mappings as of the last refresh(). `unloads`: how many the kernel had counted
    /// before that. What comes back are objects that have no table, each told once; they unwind by
    /// frame pointers, as JIT-compiled code does.
    Result<std::vector<Error>> update(const AddressSpace& space, std::uint64_t unloads = 0);

    /// Goes on with a walk that the kernel broke off where it had no mapping, in the mappings as
    /// they were then (AddressSpace::code_at).
    [[nodiscard]] WalkedStack walk_on(const AddressSpace& space, const DeferredWalk& from);

    [[nodiscard]] TableSizes table_sizes() const;

 private:
    using Tables = std::map<AddressSpace::Object, TableStore::Table>;

    TableStore::Table table_of(const CodeRange& range, const Tables& old, Tables& fresh,
                               std::vector<Error>& errors);
    Result<TableStore::Table> vdso_table(const CodeRange& range);
    Result<void> replace_space(std::vector<seep_mapping> mappings);
    Result<void> tell_generation(std::uint64_t generation, std::uint64_t unloads);
    void look_back(const AddressSpace& space, std::uint64_t time_ns);

    pid_t pid_;
    std::uint32_t slot_;
    TableStore& store_;
    MapOfMaps& spaces_;
    int generations_;
    std::uint32_t unloads_ = 0;
    // By object, null for one that has none; the vDSO's has no object.
    Tables tables_;
    std::vector<seep_mapping> mappings_;  ///< As the kernel has them.

    /// The mappings as they were at some time, for walks of that time.
    struct Past {
        std::uint64_t version = 0;  ///< Of the address space.
        std::size_t epoch = 0;
        Tables tables;
        std::vector<seep_mapping> mappings;  ///< Empty: not looked at yet.
    };
    Past past_;
};

}  // namespace seep
