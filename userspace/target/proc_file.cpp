// SPDX-License-Identifier: GPL-2.0-only
#include "target/proc_file.h"

#include <fcntl.h>
#include <fmt/format.h>

#include <algorithm>
#include <array>

#include "base/handles.h"

namespace seep {
namespace {

/// errno, or 0.
int read_file(const std::string& path, std::size_t limit, std::string& text) {
    const UniqueFd fd(open(path.c_str(), O_RDONLY | O_CLOEXEC));
    return fd ? read_whole(fd.get(), text, limit) : errno;
}

std::string_view trim(std::string_view text) {
    const std::size_t first = text.find_first_not_of(" \t");
    if (first == std::string_view::npos) return {};
    return text.substr(first, text.find_last_not_of(" \t") - first + 1);
}

}  // namespace

int read_whole(int fd, std::string& text, std::size_t limit) {
    std::array<char, 16384> chunk{};
    while (text.size() < limit) {
        const ssize_t got = read(fd, chunk.data(), std::min(chunk.size(), limit - text.size()));
        if (got < 0 && errno == EINTR) continue;
        if (got < 0) return errno;
        if (got == 0) break;
        text.append(chunk.data(), static_cast<std::size_t>(got));
    }
    return 0;
}

Result<std::string> read_text_file(const std::string& path, std::size_t limit) {
    std::string text;
    if (const int number = read_file(path, limit, text)) {
        return errno_error(fmt::format("cannot read {}", path), number);
    }
    return text;
}

std::string proc_path(pid_t pid, std::string_view name) {
    return fmt::format("/proc/{}/{}", pid, name);
}

Result<std::string> read_proc_file(pid_t pid, std::string_view name, std::size_t limit) {
    std::string text;
    if (const int number = read_file(proc_path(pid, name), limit, text)) {
        return proc_error(pid, name, number);
    }
    return text;
}

Error proc_error(pid_t pid, std::string_view name, int number) {
    if (number == ENOENT || number == ESRCH) {
        return {ErrorKind::untraceable, fmt::format("there is no process {}", pid),
                "it may have ended; look it up with: ps -e"};
    }
    const std::string what = fmt::format("cannot read {}", proc_path(pid, name));
    if (number == EACCES || number == EPERM) {
        return errno_error(what, number, ErrorKind::untraceable,
                           "the process belongs to another user or is protected: run seep as root "
                           "or with CAP_SYS_PTRACE");
    }
    return errno_error(what, number);
}

std::optional<std::string_view> status_field(std::string_view status, std::string_view name) {
    while (!status.empty()) {
        std::string_view line = take_until(status, '\n');
        if (take_until(line, ':') == name) return trim(line);
    }
    return std::nullopt;
}

std::optional<std::uint64_t> status_bytes(std::string_view status, std::string_view name) {
    std::string_view value = status_field(status, name).value_or("");
    const auto kibibytes = take_number<std::uint64_t>(value);
    constexpr std::uint64_t kibibyte = 1024;
    if (!kibibytes || value != " kB" ||
        *kibibytes > std::numeric_limits<std::uint64_t>::max() / kibibyte)
        return std::nullopt;
    return *kibibytes * kibibyte;
}

std::optional<ProcStat> parse_proc_stat(std::string_view text) {
    // The name is unescaped, but nothing behind it has a parenthesis.
    const std::size_t name_end = text.rfind(')');
    if (name_end == std::string_view::npos) return std::nullopt;
    text.remove_prefix(name_end + 1);

    ProcStat stat;
    constexpr int last_field = 22;
    for (int field = 3; field <= last_field; ++field) {
        if (text.empty() || text.front() != ' ') return std::nullopt;
        text.remove_prefix(1);
        std::string_view value = text.substr(0, text.find_first_of(" \n"));
        text.remove_prefix(value.size());
        if (value.empty()) return std::nullopt;
        if (field == 3) stat.state = value.front();
        if (field == 9) stat.flags = take_number<std::uint64_t>(value).value_or(0);
        if (field == 10) stat.page_faults = take_number<std::uint64_t>(value).value_or(0);
        if (field == 20) stat.threads = take_number<std::uint64_t>(value).value_or(0);
        if (field == 22) stat.start_time = take_number<std::uint64_t>(value).value_or(0);
    }
    return stat;
}

std::string_view take_until(std::string_view& text, char separator) {
    const std::size_t end = text.find(separator);
    const std::string_view before = text.substr(0, end);
    text.remove_prefix(end == std::string_view::npos ? text.size() : end + 1);
    return before;
}

}  // namespace seep
