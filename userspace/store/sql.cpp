// SPDX-License-Identifier: GPL-2.0-only
#include "store/sql.h"

#include <fmt/format.h>

#include "store/schema.h"

namespace seep {

namespace {

const char* hint_of(int code, bool reading) {
    switch (code & 0xff) {
        case SQLITE_FULL:
            return "free space on its file system, or use another one (record: -o FILE; top and "
                   "serve: "
                   "TMPDIR=DIR); what was "
                   "recorded before stays readable";
        case SQLITE_IOERR:
            return reading ? "check the file system it is on"
                           : "check the file system, its space and the file size limit (ulimit -f);"
                             " what was recorded before stays readable";
        case SQLITE_CORRUPT:
        case SQLITE_NOTADB:
            return "the file is damaged, cut short, or not a recording of seep; copy it again from "
                   "where it was recorded, together with its -wal file if there is one";
        case SQLITE_BUSY:
        case SQLITE_LOCKED:
            return "another program holds it locked; end that program or read a copy";
        case SQLITE_CANTOPEN:
        case SQLITE_READONLY:
        case SQLITE_PERM:
            return reading ? "its recorder was killed and left a -wal file: copy both files into a "
                             "directory that you can write, and read them there"
                           : "record to a directory that you can write, with -o";
        default:
            return "";
    }
}

}  // namespace

Error sql_error(sqlite3* db) {
    const bool reading = sqlite3_db_readonly(db, "main") == 1;
    const char* file = sqlite3_db_filename(db, "main");
    const int code = sqlite3_extended_errcode(db);
    std::string message = fmt::format("cannot {} recording {}: {}", reading ? "read" : "write",
                                      file != nullptr ? file : "", sqlite3_errmsg(db));
    if (const int number = sqlite3_system_errno(db); (code & 0xff) == SQLITE_IOERR && number != 0)
        message += fmt::format(" ({})", std::strerror(number));
    return {reading ? ErrorKind::bad_input : ErrorKind::failed, std::move(message),
            hint_of(code, reading)};
}

Result<void> execute(sqlite3* db, const std::string& sql) {
    if (sqlite3_exec(db, sql.c_str(), nullptr, nullptr, nullptr) != SQLITE_OK) return sql_error(db);
    return {};
}

void Row::reject(int column, std::string_view why) {
    if (problem_.empty())
        problem_ = fmt::format("column {} {}", sqlite3_column_name(statement_, column), why);
}

std::int64_t Row::integer(int column, std::int64_t least, std::int64_t greatest) {
    if (sqlite3_column_type(statement_, column) != SQLITE_INTEGER) {
        reject(column, "is not an integer");
        return 0;
    }
    const std::int64_t value = sqlite3_column_int64(statement_, column);
    if (value < least || value > greatest) {
        reject(column, "is out of range");
        return 0;
    }
    return value;
}

std::uint64_t Row::counter(int column) {
    return static_cast<std::uint64_t>(integer(column, 0, std::numeric_limits<std::int64_t>::max()));
}

std::optional<std::uint64_t> Row::optional_counter(int column) {
    if (sqlite3_column_type(statement_, column) == SQLITE_NULL) return std::nullopt;
    return counter(column);
}

std::uint64_t Row::bits(int column) {
    return static_cast<std::uint64_t>(integer(column, std::numeric_limits<std::int64_t>::min(),
                                              std::numeric_limits<std::int64_t>::max()));
}

std::uint32_t Row::id(int column, bool none) {
    return static_cast<std::uint32_t>(
        integer(column, none ? 0 : 1, std::numeric_limits<std::uint32_t>::max()));
}

std::string Row::text(int column) {
    if (sqlite3_column_type(statement_, column) != SQLITE_TEXT) {
        reject(column, "is not a text");
        return {};
    }
    const void* data = sqlite3_column_text(statement_, column);
    const auto size = static_cast<std::size_t>(sqlite3_column_bytes(statement_, column));
    if (data == nullptr || size > max_recorded_text) {
        reject(column, "is too long");
        return {};
    }
    return {static_cast<const char*>(data), size};
}

Result<Statement> Statement::prepare(sqlite3* db, const std::string& sql) {
    sqlite3_stmt* statement = nullptr;
    if (sqlite3_prepare_v3(db, sql.c_str(), -1, SQLITE_PREPARE_PERSISTENT, &statement, nullptr) !=
        SQLITE_OK)
        return sql_error(db);
    return Statement(statement);
}

Statement Preparer::operator()(const std::string& sql) {
    if (error_) return {};
    Result<Statement> statement = Statement::prepare(db_, sql);
    if (statement) return std::move(*statement);
    error_ = statement.error();
    return {};
}

void Statement::bind(int& index, std::string_view text) {
    const std::string_view cut = text.substr(0, max_recorded_text);
    sqlite3_bind_text(handle_.get(), ++index, cut.data() != nullptr ? cut.data() : "",
                      static_cast<int>(cut.size()), SQLITE_STATIC);
}

void Statement::bind(int& index, std::optional<std::uint64_t> value) {
    if (value)
        sqlite3_bind_int64(handle_.get(), ++index, counter(*value));
    else
        sqlite3_bind_null(handle_.get(), ++index);
}

void Statement::bind(int& index, std::span<const std::uint64_t> counters) {
    for (const std::uint64_t value : counters)
        sqlite3_bind_int64(handle_.get(), ++index, counter(value));
}

Result<void> Statement::finish() {
    return for_each([](Row&) -> Result<void> { return {}; });
}

Result<std::int64_t> query_integer(sqlite3* db, const std::string& sql) {
    Result<Statement> statement = Statement::prepare(db, sql);
    if (!statement) return statement.error();
    std::int64_t value = 0;
    Result<void> read = statement->for_each([&](Row& row) -> Result<void> {
        value = bits(row.bits(0));
        return {};
    });
    if (!read) return read.error();
    return value;
}

}  // namespace seep
