// SPDX-License-Identifier: GPL-2.0-only
#pragma once

// The unwind tables in the kernel: one map an object, however many processes map it, in a slot of
// an array of maps. A table lives as long as somebody holds it, and the kernel's copy until the
// publish() after that. Tables become visible to the kernel in publish(), all in one call.
//
//     auto table = store.acquire(object, {object.identity(), object.build_id()});
//     ...more...
//     auto published = store.publish();
//     // (*table)->slot is what a mapping refers to.
//
// A slot is not given out again before all others were: a walk that is under way may still look
// for the table that was there.
//
// Not thread-safe.

#include <cstdint>
#include <map>
#include <memory>
#include <span>
#include <string>
#include <utility>
#include <vector>

#include "base/handles.h"
#include "base/result.h"
#include "target/object_file.h"
#include "unwind/map_of_maps.h"
#include "unwind/unwind_table.h"

namespace seep {

/// The flags that the inner maps of unwind_tables are declared with: of any size, and filled
/// through memory (16 MB in 8 ms, and in 600 ms through a batch of updates).
extern const std::uint32_t unwind_table_flags;

/// What makes two objects the same.
struct TableKey {
    FileIdentity file;
    std::string contents;  ///< The build id, or whatever else tells contents apart.
    auto operator<=>(const TableKey&) const = default;  // NOLINT(modernize-use-nullptr)
};

/// Words of a table, which are the kernel's own. Move-only.
class TableView {
 public:
    /// `map`: an array of 64-bit words that can be mapped.
    static Result<TableView> of(int map, std::size_t words);
    TableView(TableView&& other) noexcept : words_(std::exchange(other.words_, {})) {}
    TableView(const TableView&) = delete;
    TableView& operator=(const TableView&) = delete;
    TableView& operator=(TableView&&) = delete;
    ~TableView();

    [[nodiscard]] std::span<const std::uint64_t> words() const { return words_; }

 private:
    explicit TableView(std::span<const std::uint64_t> words) : words_(words) {}
    std::span<const std::uint64_t> words_;
};

/// A table in the kernel.
struct StoredTable {
    std::uint32_t slot = 0;
    std::uint64_t base = 0;
    std::uint32_t blocks = 0;
    std::uint32_t rows = 0;
    std::uint32_t rules = 0;
    UnwindCounts counts;
    TableView view;

    [[nodiscard]] std::uint64_t bytes() const { return view.words().size_bytes(); }
};

class TableStore {
 public:
    using Table = std::shared_ptr<const StoredTable>;

    /// `tables_map`: an ARRAY_OF_MAPS, whose slot 0 stays empty; it must outlive the store.
    static Result<TableStore> create(int tables_map);

    /// The object's table; compiled, and a map made of it, if nobody holds it yet. An error for an
    /// object without usable CFI, or if there is no room.
    Result<Table> acquire(const ObjectFile& object, TableKey key);
    /// Puts new tables into their slots, and takes those away that nobody holds any more.
    Result<void> publish();

    /// Memory of the tables that are held, in the kernel.
    [[nodiscard]] std::uint64_t bytes() const;
    [[nodiscard]] std::size_t count() const;

 private:
    struct Entry {
        std::weak_ptr<const StoredTable> table;
        std::uint32_t slot = 0;
        UniqueFd map;  ///< Until it is published.
    };

    TableStore(int tables_map, std::uint32_t slots, UniqueFd empty_map);

    Result<std::uint32_t> free_slot();

    MapOfMaps tables_map_;
    std::vector<bool> slot_used_;
    std::uint32_t last_slot_ = 0;  ///< That was given out.
    UniqueFd empty_map_;           ///< Takes the place of a table that is no longer held.
    std::map<TableKey, Entry> entries_;
};

}  // namespace seep
