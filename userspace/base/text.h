// SPDX-License-Identifier: GPL-2.0-only
#pragma once

// Numbers and times as people write and read them, and untrusted text made safe to show.
// All functions are pure and thread-safe.

#include <algorithm>
#include <chrono>
#include <cstddef>
#include <cstdint>
#include <string>
#include <string_view>

#include "base/result.h"

namespace seep {

/// "250ms", "10s", "1.5m", "2h", "1d"; a plain number is refused (the unit would be a guess). Up to
/// three decimals; no sign, no spaces, no other base.
Result<std::chrono::nanoseconds> parse_duration(std::string_view text);

/// A whole number above 0, in decimal digits alone.
Result<std::uint64_t> parse_count(std::string_view text);

/// "4096", "512K", "1.5M", "2G" (binary units, either case); otherwise as parse_duration. A
/// fraction of a byte is dropped.
Result<std::uint64_t> parse_size(std::string_view text);

/// Whether it begins with any of some prefixes.
template <typename Prefixes>
bool begins_with_any(std::string_view text, const Prefixes& prefixes) {
    return std::ranges::any_of(prefixes,
                               [&](std::string_view prefix) { return text.starts_with(prefix); });
}

/// As it is typed into a shell: quoted if it has to be.
std::string shell_word(std::string_view text);

/// Rates are shown by the hour.
inline constexpr double seconds_an_hour = 3600;

/// 1536 -> "1.5 KiB"; three significant digits; negative values keep their sign.
std::string format_bytes(double bytes);

/// 12345678 -> "12,345,678".
std::string format_count(std::uint64_t count);

/// 93.5 s -> "1m33s"; 1.5 s -> "1.5s"; 0.25 s -> "250ms"; two units at most, the rest dropped.
std::string format_duration(std::chrono::nanoseconds duration);

/// Nanoseconds since the epoch (UTC) -> RFC 3339, "2026-11-20T18:00:00.250Z".
std::string format_rfc3339(std::int64_t unix_nanoseconds);

/// Text from the target (names, paths, argv) for a terminal or a line-oriented format: control
/// characters, invalid UTF-8, bidirectional overrides and characters without a glyph become "?",
/// and text longer than `max_bytes` is cut at a character boundary and ends in "...".
std::string printable(std::string_view text, std::size_t max_bytes = 4096);

/// The columns of a monospaced font that printable text takes, at most: every character beyond
/// ASCII counts as a wide one.
std::size_t display_columns(std::string_view text);

/// Printable text cut to `columns`, ending in ".." if anything was cut.
std::string fit_columns(std::string_view text, std::size_t columns);

/// Printable words wrapped at `width` columns beside `label`, which takes `indent` columns (padded
/// by the caller, who may have styled it). Without a newline at the end.
std::string wrap_words(std::string_view label, std::size_t indent, std::string_view words,
                       std::size_t width);

}  // namespace seep
