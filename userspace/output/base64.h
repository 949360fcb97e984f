// SPDX-License-Identifier: GPL-2.0-only
#pragma once

// RFC 4648, section 4. Pure, thread-safe.

#include <string>
#include <string_view>

namespace seep {

std::string base64(std::string_view bytes);

}  // namespace seep
