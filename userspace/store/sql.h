// SPDX-License-Identifier: GPL-2.0-only
#pragma once

// The little of SQLite's C interface that the store needs, with errors as values. A failure on a
// connection that may write is ErrorKind::failed, one on a read-only connection is bad_input.
// Not thread-safe.

#include <sqlite3.h>

#include <concepts>
#include <cstdint>
#include <limits>
#include <optional>
#include <span>
#include <string>
#include <string_view>

#include "base/handles.h"
#include "base/result.h"

namespace seep {

using Database = CHandle<sqlite3, sqlite3_close_v2>;

/// The connection's last error as "cannot write recording FILE: reason", with what to do about it.
Error sql_error(sqlite3* db);

/// Runs statements that give no rows.
Result<void> execute(sqlite3* db, const std::string& sql);

/// A counter as SQLite has integers; what does not fit stays at the greatest.
inline std::int64_t counter(std::uint64_t value) {
    constexpr std::uint64_t greatest = std::numeric_limits<std::int64_t>::max();
    return static_cast<std::int64_t>(value < greatest ? value : greatest);
}
/// An id, an address or a sum modulo 2^64: the same 64 bits as a signed integer.
inline std::int64_t bits(std::uint64_t value) {
    return static_cast<std::int64_t>(value);
}

/// One row of an untrusted file. A value that is not of the asked type and range makes the row bad
/// and reads as zero; the caller looks at problem() once it has read the row.
class Row {
 public:
    explicit Row(sqlite3_stmt* statement) : statement_(statement) {}

    std::int64_t integer(int column, std::int64_t least, std::int64_t greatest);
    /// A count, size or time: not negative.
    std::uint64_t counter(int column);
    std::optional<std::uint64_t> optional_counter(int column);
    /// Any 64 bits.
    std::uint64_t bits(int column);
    bool boolean(int column) { return integer(column, 0, 1) != 0; }
    /// 1 and up, or 0 (none) where `none` allows it.
    std::uint32_t id(int column, bool none = false);
    std::string text(int column);

    /// Empty if every value read so far was as it must be.
    [[nodiscard]] const std::string& problem() const { return problem_; }
    void reject(int column, std::string_view why);

 private:
    sqlite3_stmt* statement_;
    std::string problem_;
};

class Statement {
 public:
    Statement() = default;  ///< Not to be run: a place for a prepared one.
    static Result<Statement> prepare(sqlite3* db, const std::string& sql);

    /// Binds the values in order and runs to the end.
    template <typename... Values>
    Result<void> run(const Values&... values) {
        [[maybe_unused]] int index = 0;
        (bind(index, values), ...);
        return finish();
    }
    /// Calls `row` (Result<void>(Row&)) for each row of the result until it returns an error.
    template <typename Function>
    Result<void> for_each(Function&& row) {
        const Reset reset{handle_.get()};
        int code = SQLITE_OK;
        while ((code = sqlite3_step(handle_.get())) == SQLITE_ROW) {
            Row values(handle_.get());
            if (Result<void> result = row(values); !result) return result;
        }
        if (code != SQLITE_DONE) return sql_error(sqlite3_db_handle(handle_.get()));
        return {};
    }

 private:
    struct Reset {
        sqlite3_stmt* statement;
        ~Reset() { sqlite3_reset(statement); }
    };
    explicit Statement(sqlite3_stmt* handle) : handle_(handle) {}

    // What cannot be bound (no memory) is NULL, which NOT NULL columns refuse in finish().
    template <std::integral T>
    void bind(int& index, T value) {
        static_assert(!std::same_as<T, std::uint64_t>, "say counter() or bits()");
        sqlite3_bind_int64(handle_.get(), ++index, value);
    }
    void bind(int& index, std::string_view text);
    void bind(int& index, std::optional<std::uint64_t> value);
    void bind(int& index, std::span<const std::uint64_t> counters);
    Result<void> finish();

    CHandle<sqlite3_stmt, sqlite3_finalize> handle_;
};

/// Prepares several statements; the first error, if any, is looked at once, after the last.
class Preparer {
 public:
    explicit Preparer(sqlite3* db) : db_(db) {}
    Statement operator()(const std::string& sql);
    [[nodiscard]] const std::optional<Error>& error() const { return error_; }

 private:
    sqlite3* db_;
    std::optional<Error> error_;
};

/// A PRAGMA's or SELECT's single integer.
Result<std::int64_t> query_integer(sqlite3* db, const std::string& sql);

}  // namespace seep
