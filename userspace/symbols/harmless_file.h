// SPDX-License-Identifier: GPL-2.0-only
#pragma once

// libdw and libdwfl open files by names that the object records (.gnu_debuglink, .gnu_debugaltlink,
// DW_AT_dwo_name), and open them blocking: a FIFO of that name in a directory of the target's would
// stop the reader for good. Stateless, thread-safe.

#include <string>

namespace seep {

/// Whether the library may be left to open the name: a regular file, or nothing at all. A target
/// that puts a FIFO there right after this look can still delay whoever reads its symbols; it gains
/// nothing by it.
bool is_harmless_file(const std::string& path);

/// "/dir" of "/dir/name"; "." if there is no slash.
std::string directory_of(const std::string& path);

}  // namespace seep
