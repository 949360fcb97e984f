// SPDX-License-Identifier: GPL-2.0-only
#include "symbols/perf_map.h"

#include <fcntl.h>
#include <fmt/format.h>
#include <linux/openat2.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <unistd.h>

#include <algorithm>

#include "base/handles.h"
#include "symbols/demangle.h"
#include "target/proc_file.h"
#include "target/process.h"

namespace seep {
namespace {

constexpr std::uint64_t max_file_bytes = 1ULL << 30;

// O_NONBLOCK: a FIFO opens at once, and is refused. No link as the last part of the path: /tmp is
// anyone's, and the link of another could lead to a file of the process's user.
UniqueFd open_in_root(pid_t pid, const std::string& path) {
    const UniqueFd root(open(proc_path(pid, "root").c_str(), O_PATH | O_DIRECTORY | O_CLOEXEC));
    if (!root) return {};
    open_how how = {};
    how.flags = O_RDONLY | O_CLOEXEC | O_NONBLOCK | O_NOCTTY | O_NOFOLLOW;
    how.resolve = RESOLVE_IN_ROOT | RESOLVE_NO_MAGICLINKS;
    return UniqueFd(
        static_cast<int>(syscall(SYS_openat2, root.get(), path.c_str(), &how, sizeof how)));
}

// At most `size` bytes: the file may be growing.
std::string read_text(int fd, std::size_t size) {
    std::string text(size, '\0');
    std::size_t length = 0;
    while (length < size) {
        const ssize_t got = ::read(fd, text.data() + length, size - length);
        if (got < 0 && errno == EINTR) continue;
        if (got <= 0) break;
        length += static_cast<std::size_t>(got);
    }
    text.resize(length);
    return text;
}

/// A hexadecimal number and the blank behind it; "0x" is allowed before it.
std::optional<std::uint64_t> take_hex_field(std::string_view& line) {
    if (line.starts_with("0x")) line.remove_prefix(2);
    const auto number = take_number<std::uint64_t>(line, 16);
    if (!number || !line.starts_with(' ')) return std::nullopt;
    line.remove_prefix(1);
    return number;
}

}  // namespace

Result<PerfMap> PerfMap::read(pid_t pid) {
    const auto process = Process::open(pid);
    if (!process) return process.error();
    const std::string path = fmt::format("tmp/perf-{}.map", process->info().namespace_pid);
    const std::string what = fmt::format("cannot read /{} of process {}", path, pid);
    const auto refuse = [&](std::string_view why) {
        return Error{ErrorKind::failed, fmt::format("{}: {}", what, why), ""};
    };

    const UniqueFd fd = open_in_root(pid, path);
    if (!fd) return errno_error(what);
    struct stat found = {};
    if (fstat(fd.get(), &found) != 0) return errno_error(what);
    if (!S_ISREG(found.st_mode)) return refuse("not a regular file");
    if (found.st_uid != process->info().user) return refuse("it belongs to another user");
    const auto size = static_cast<std::uint64_t>(found.st_size);
    if (size > max_file_bytes) return refuse("it is over 1 GiB");
    return parse(read_text(fd.get(), size));
}

PerfMap PerfMap::parse(std::string text) {
    PerfMap map;
    map.text_ = std::move(text);
    std::string_view rest = map.text_;
    while (!rest.empty()) {
        std::string_view line = take_until(rest, '\n');
        const auto start = take_hex_field(line);
        const auto size = start ? take_hex_field(line) : std::nullopt;
        if (!size || line.empty() || *size > UINT64_MAX - *start) continue;
        map.names_.assign(*start, *start + *size,
                          {static_cast<std::size_t>(line.data() - map.text_.data()),
                           std::min(line.size(), max_name_bytes)});
    }
    return map;
}

std::optional<std::string_view> PerfMap::lookup(std::uint64_t address) const {
    const Name* name = names_.find(address);
    if (name == nullptr) return std::nullopt;
    return std::string_view(text_).substr(name->offset, name->length);
}

}  // namespace seep
