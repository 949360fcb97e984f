// SPDX-License-Identifier: GPL-2.0-only
#pragma once

// How the file of a recording comes to be.

#include <sys/stat.h>

#include <string>

#include "base/result.h"

namespace seep {

/// A new, empty file that only its owner reads; an error if there is one of that name. SQLite gives
/// -wal and -shm the mode of this one.
Result<struct stat> create_private_file(const std::string& path);

/// By its header: something that is not to be overwritten.
bool is_recording(const std::string& path);

/// The path as SQLite takes it for a file: names like ":memory:" and "" have a meaning of their
/// own.
std::string as_file_name(const std::string& path);

}  // namespace seep
