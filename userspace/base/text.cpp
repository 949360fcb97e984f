// SPDX-License-Identifier: GPL-2.0-only
#include "base/text.h"

#include <fmt/format.h>

#include <algorithm>
#include <array>
#include <charconv>
#include <cmath>
#include <limits>
#include <optional>
#include <span>

namespace seep {
namespace {

struct Unit {
    std::string_view name;
    std::uint64_t factor;
};

constexpr std::array<Unit, 7> duration_units{{{"ns", 1},
                                              {"us", 1'000},
                                              {"ms", 1'000'000},
                                              {"s", 1'000'000'000},
                                              {"m", 60'000'000'000},
                                              {"h", 3'600'000'000'000},
                                              {"d", 86'400'000'000'000}}};

constexpr std::array<Unit, 7> size_units{{{"", 1},
                                          {"K", 1ULL << 10},
                                          {"k", 1ULL << 10},
                                          {"M", 1ULL << 20},
                                          {"m", 1ULL << 20},
                                          {"G", 1ULL << 30},
                                          {"g", 1ULL << 30}}};

/// Takes the leading decimal digits off `text`; nothing if there are none or they overflow.
std::optional<std::uint64_t> take_digits(std::string_view& text) {
    std::uint64_t value = 0;
    const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), value);
    if (error != std::errc{}) return std::nullopt;
    text.remove_prefix(static_cast<std::size_t>(end - text.data()));
    return value;
}

/// ".25" -> 250 thousandths, taken off `text`; 0 if there is no point.
std::optional<std::uint64_t> take_thousandths(std::string_view& text) {
    if (!text.starts_with('.')) return 0;
    text.remove_prefix(1);
    const std::size_t before = text.size();
    std::optional<std::uint64_t> value = take_digits(text);
    const std::size_t digits = before - text.size();
    if (!value || digits > 3) return std::nullopt;
    for (std::size_t digit = digits; digit < 3; ++digit) *value *= 10;
    return value;
}

/// "1.5K" in the smallest of `units`; nothing if it is malformed or does not fit 64 bits.
std::optional<std::uint64_t> parse_scaled(std::string_view text, std::span<const Unit> units) {
    const std::optional<std::uint64_t> whole = take_digits(text);
    if (!whole) return std::nullopt;
    const std::optional<std::uint64_t> thousandths = take_thousandths(text);
    if (!thousandths) return std::nullopt;
    for (const Unit& unit : units) {
        if (unit.name != text) continue;
        std::uint64_t value = 0;
        if (__builtin_mul_overflow(*whole, unit.factor, &value)) return std::nullopt;
        // 999 of the largest factor fits: 999 * 8.64e13 < 2^64.
        if (__builtin_add_overflow(value, *thousandths * unit.factor / 1000, &value)) {
            return std::nullopt;
        }
        return value;
    }
    return std::nullopt;
}

}  // namespace

Result<std::chrono::nanoseconds> parse_duration(std::string_view text) {
    const std::optional<std::uint64_t> value = parse_scaled(text, duration_units);
    if (!value || *value > std::uint64_t{std::numeric_limits<std::int64_t>::max()}) {
        return Error{ErrorKind::bad_input, fmt::format("not a duration: '{}'", printable(text, 80)),
                     "write a number and a unit, such as 250ms, 10s, 5m or 2h"};
    }
    return std::chrono::nanoseconds(*value);
}

Result<std::uint64_t> parse_count(std::string_view text) {
    std::string_view rest = text;
    const std::optional<std::uint64_t> value = take_digits(rest);
    if (!value || *value == 0 || !rest.empty())
        return Error{ErrorKind::bad_input,
                     fmt::format("not a whole number above 0: '{}'", printable(text, 80)), ""};
    return *value;
}

Result<std::uint64_t> parse_size(std::string_view text) {
    const std::optional<std::uint64_t> value = parse_scaled(text, size_units);
    if (!value) {
        return Error{ErrorKind::bad_input, fmt::format("not a size: '{}'", printable(text, 80)),
                     "write bytes, or a number and K, M or G, such as 512K"};
    }
    return *value;
}

std::string shell_word(std::string_view text) {
    constexpr std::string_view harmless = "_./@%+=:,-";
    const bool plain = !text.empty() && std::ranges::all_of(text, [&](char c) {
        return (c >= '0' && c <= '9') || (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') ||
               harmless.find(c) != std::string_view::npos;
    });
    if (plain) return std::string(text);
    std::string word = "'";
    for (const char c : text) c == '\'' ? word += "'\\''" : word += c;
    return word + "'";
}

std::string format_bytes(double bytes) {
    static constexpr std::array units{"B", "KiB", "MiB", "GiB", "TiB", "PiB", "EiB"};
    double value = std::abs(bytes);
    std::size_t unit = 0;
    // 1023.5 would round to 1024 of its unit.
    while (value >= 1023.5 && unit + 1 < units.size()) {
        value /= 1024;
        ++unit;
    }
    if (value < 0.005) return "0 B";
    const char* sign = bytes < 0 ? "-" : "";
    if (value >= 999.5) return fmt::format("{}{:.0f} {}", sign, value, units[unit]);
    return fmt::format("{}{:.3g} {}", sign, value, units[unit]);
}

std::string format_count(std::uint64_t count) {
    std::string text = std::to_string(count);
    for (std::size_t at = text.size(); at > 3;) text.insert(at -= 3, 1, ',');
    return text;
}

std::string format_duration(std::chrono::nanoseconds duration) {
    const bool negative = duration.count() < 0;
    std::uint64_t ns = static_cast<std::uint64_t>(duration.count());
    if (negative) ns = 0 - ns;
    const char* sign = negative ? "-" : "";
    if (ns == 0) return "0s";
    if (ns < 1'000) return fmt::format("{}{}ns", sign, ns);
    if (ns < 1'000'000) return fmt::format("{}{}us", sign, ns / 1'000);
    if (ns < 1'000'000'000) return fmt::format("{}{}ms", sign, ns / 1'000'000);
    const std::uint64_t seconds = ns / 1'000'000'000;
    if (seconds < 60) {
        const std::uint64_t tenths = ns / 100'000'000 % 10;
        return tenths == 0 ? fmt::format("{}{}s", sign, seconds)
                           : fmt::format("{}{}.{}s", sign, seconds, tenths);
    }
    const auto two = [&](std::uint64_t big, char big_unit, std::uint64_t small, char small_unit) {
        return small == 0 ? fmt::format("{}{}{}", sign, big, big_unit)
                          : fmt::format("{}{}{}{}{}", sign, big, big_unit, small, small_unit);
    };
    if (seconds < 3600) return two(seconds / 60, 'm', seconds % 60, 's');
    if (seconds < 86400) return two(seconds / 3600, 'h', seconds / 60 % 60, 'm');
    return two(seconds / 86400, 'd', seconds / 3600 % 24, 'h');
}

std::string format_rfc3339(std::int64_t unix_nanoseconds) {
    using namespace std::chrono;
    // In milliseconds from here on: days of nanoseconds overflow at the ends of the range.
    const auto time = floor<milliseconds>(sys_time<nanoseconds>(nanoseconds(unix_nanoseconds)));
    const auto day = floor<days>(time);
    const year_month_day date(day);
    const hh_mm_ss clock(time - day);
    return fmt::format("{:04}-{:02}-{:02}T{:02}:{:02}:{:02}.{:03}Z", static_cast<int>(date.year()),
                       static_cast<unsigned>(date.month()), static_cast<unsigned>(date.day()),
                       clock.hours().count(), clock.minutes().count(), clock.seconds().count(),
                       clock.subseconds().count());
}

std::string wrap_words(std::string_view label, std::size_t indent, std::string_view words,
                       std::size_t width) {
    std::string lines(label);
    std::size_t used = indent;
    while (!words.empty()) {
        const std::string_view word = words.substr(0, words.find(' '));
        words.remove_prefix(std::min(words.size(), word.size() + 1));
        const std::string shown = fit_columns(word, width - indent);
        const std::size_t columns = display_columns(shown);
        if (used > indent && used + 1 + columns > width) {
            lines += '\n';
            lines.append(indent, ' ');
            used = indent;
        }
        const bool first = used == indent;
        lines += first ? shown : " " + shown;
        used += columns + (first ? 0 : 1);
    }
    return lines;
}

}  // namespace seep
