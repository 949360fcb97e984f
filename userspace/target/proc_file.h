// SPDX-License-Identifier: GPL-2.0-only
#pragma once

// Reading /proc: whole files, and the two formats that more than one part of this stage needs.
// Stateless, thread-safe. The text is partly chosen by the target (names) and parsed accordingly.

#include <sys/types.h>

#include <charconv>
#include <cstdint>
#include <limits>
#include <optional>
#include <string>
#include <string_view>

#include "base/result.h"

namespace seep {

/// Appends what there is to read, `limit` bytes at most; errno, or 0.
int read_whole(int fd, std::string& text,
               std::size_t limit = std::numeric_limits<std::size_t>::max());

/// The contents of a file, at most `limit` bytes of it.
Result<std::string> read_text_file(const std::string& path,
                                   std::size_t limit = std::numeric_limits<std::size_t>::max());

/// "/proc/PID/NAME".
std::string proc_path(pid_t pid, std::string_view name);
/// The contents of /proc/PID/NAME; errors as proc_error words them.
Result<std::string> read_proc_file(pid_t pid, std::string_view name,
                                   std::size_t limit = std::numeric_limits<std::size_t>::max());
/// A failed access to /proc/PID as an error: no such process and no privilege are untraceable and
/// say what to do.
Error proc_error(pid_t pid, std::string_view name, int number);

/// The value of a "Name:\tvalue" line of /proc/PID/status, without the blanks around it.
std::optional<std::string_view> status_field(std::string_view status, std::string_view name);

/// A value there that is written as "1234 kB", in bytes. Lines of /proc/meminfo are alike.
std::optional<std::uint64_t> status_bytes(std::string_view status, std::string_view name);

/// What is used of /proc/PID/stat.
struct ProcStat {
    char state = '?';
    std::uint64_t flags = 0;        ///< PF_*.
    std::uint64_t page_faults = 0;  ///< Of all threads, past ones, too; without reading a disk.
    std::uint64_t threads = 0;
    std::uint64_t start_time = 0;  ///< Clock ticks after boot.

    [[nodiscard]] bool kernel_thread() const { return (flags & 0x00200000) != 0; }  // PF_KTHREAD
    [[nodiscard]] bool exiting() const { return (flags & 0x00000004) != 0; }        // PF_EXITING
    [[nodiscard]] bool dead() const { return state == 'Z' || state == 'X'; }
};
/// nullopt for text that is not a stat line. The command's name may hold blanks and parentheses.
std::optional<ProcStat> parse_proc_stat(std::string_view text);

/// The number that `text` starts with, which is taken off it; nullopt, and `text` left alone, if it
/// starts with none.
template <typename Number>
std::optional<Number> take_number(std::string_view& text, int base = 10) {
    Number number{};
    const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), number, base);
    if (error != std::errc{}) return std::nullopt;
    text.remove_prefix(static_cast<std::size_t>(end - text.data()));
    return number;
}

/// Cuts `text` at the first `separator`: returns what is before it, leaves what is behind it.
std::string_view take_until(std::string_view& text, char separator);

}  // namespace seep
