// SPDX-License-Identifier: GPL-2.0-only
#pragma once

// Keeps what a recording holds so far while it goes on being written.

#include <string>

#include "base/result.h"

namespace seep {

/// A recording of its own in the new file `to`, mode 0600: what is committed in `from` now, which
/// may be written meanwhile, by another thread, too. No file is left where that fails.
Result<void> copy_recording(const std::string& from, const std::string& to);

}  // namespace seep
