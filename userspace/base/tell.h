// SPDX-License-Identifier: GPL-2.0-only
#pragma once

// What is said to a person on standard error, besides the log. Thread-safe.

#include <fmt/format.h>

#include <cstdio>
#include <string>
#include <utility>

namespace seep {

/// Where it cannot be written (a terminal that has gone, a full disk) nothing happens: fmt::print
/// would throw, and end a recording for the sake of a line that nobody reads.
template <typename... Values>
void tell(fmt::format_string<Values...> format, Values&&... values) {
    const std::string text = fmt::format(format, std::forward<Values>(values)...);
    (void)std::fwrite(text.data(), 1, text.size(), stderr);
}

}  // namespace seep
