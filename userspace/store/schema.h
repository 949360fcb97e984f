// SPDX-License-Identifier: GPL-2.0-only
#pragma once

// The tables of a recording (docs/recording.md), said once: the writer's CREATE and INSERT and the
// reader's SELECT come from here. Any change to a table or a column is a new recording_format,
// because the reader accepts these tables exactly as they are and nothing else.
// Immutable; thread-safe.

#include <cstddef>
#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

namespace seep {

/// "seep" in ASCII: PRAGMA application_id, so that file(1) and the reader know a recording.
inline constexpr std::int64_t recording_application_id = 0x73656570;
/// PRAGMA user_version.
inline constexpr std::int64_t recording_format = 5;

/// Longest text of a column, in bytes: the writer cuts there, the reader refuses more.
inline constexpr std::size_t max_recorded_text = 65536;
/// Most functions inlined at one location; DWARF has no limit, a recording has.
inline constexpr std::size_t max_recorded_symbols = 256;

struct Column {
    std::string_view name;
    std::string_view type;
};

struct Table {
    std::string_view name;
    std::vector<Column> columns;
    /// Empty: the first column is the rowid. Otherwise the table is WITHOUT ROWID.
    std::string_view primary_key;

    [[nodiscard]] std::string create_sql() const;
    /// verb: "INSERT" or "REPLACE"; one parameter a column.
    [[nodiscard]] std::string insert_sql(std::string_view verb) const;
    /// All columns in order, rows in the order of the primary key.
    [[nodiscard]] std::string select_sql() const;
};

struct Schema {
    Table recording, process, object, location, symbol, stack, stack_frame, probe, event, period,
        snapshot, process_sample, totals, lifetime, revisit, reachability, call_count, heap_in_use,
        heap_lost;
    /// Views that spare ad-hoc questions the longer joins; the reader does not use them.
    std::vector<std::string_view> views;

    [[nodiscard]] std::vector<const Table*> tables() const;
};

const Schema& recording_schema();

}  // namespace seep
