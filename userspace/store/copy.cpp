// SPDX-License-Identifier: GPL-2.0-only
#include "store/copy.h"

#include <unistd.h>

#include "store/new_file.h"
#include "store/sql.h"

namespace seep {
namespace {

/// VACUUM INTO reads in one transaction, fills an empty file as well as a new one, and leaves a
/// database that is not in WAL mode.
Result<void> vacuum_into(const std::string& from, const std::string& to) {
    sqlite3* raw = nullptr;
    const int code = sqlite3_open_v2(as_file_name(from).c_str(), &raw,
                                     SQLITE_OPEN_READONLY | SQLITE_OPEN_NOMUTEX, nullptr);
    const Database db(raw);
    if (code != SQLITE_OK) return sql_error(db.get());
    auto statement = Statement::prepare(db.get(), "VACUUM INTO ?");
    if (!statement) return statement.error();
    return statement->run(std::string_view(as_file_name(to)));
}

}  // namespace

Result<void> copy_recording(const std::string& from, const std::string& to) {
    const auto created = create_private_file(to);
    if (!created) return created.error();
    Result<void> copied = vacuum_into(from, to);
    if (!copied) (void)unlink(to.c_str());
    return copied;
}

}  // namespace seep
