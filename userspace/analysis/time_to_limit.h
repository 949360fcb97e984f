// SPDX-License-Identifier: GPL-2.0-only
#pragma once

// When growth meets a limit. What the kernel can give back without swapping (file pages that nobody
// used lately) is not counted as used. Pure, thread-safe.

#include <cstdint>
#include <optional>

#include "analysis/report.h"

namespace seep {

/// (limit - (current - inactive_file)) / growth. 0 if the limit is reached already.
TimeToLimit time_to_limit(std::uint64_t limit, std::uint64_t current, std::uint64_t inactive_file,
                          const Growth& growth);

}  // namespace seep
