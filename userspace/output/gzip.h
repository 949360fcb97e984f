// SPDX-License-Identifier: GPL-2.0-only
#pragma once

// Bytes as a gzip file (RFC 1952). Pure and thread-safe.

#include <string>
#include <string_view>

namespace seep {

/// The same bytes always give the same file: its header holds neither a name nor a time.
std::string gzip(std::string_view bytes);

}  // namespace seep
