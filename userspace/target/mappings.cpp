// SPDX-License-Identifier: GPL-2.0-only
#include "target/mappings.h"

#include <fcntl.h>
#include <fmt/format.h>
#include <sys/sysmacros.h>
#include <unistd.h>

#include <cerrno>

#include "base/text.h"
#include "target/proc_file.h"

namespace seep {
namespace {

constexpr std::string_view deleted_suffix = " (deleted)";

/// A hexadecimal number and the separator behind it.
bool take_hex(std::string_view& text, std::uint64_t& number, char separator) {
    const auto taken = take_number<std::uint64_t>(text, 16);
    if (!taken || text.empty() || text.front() != separator) return false;
    number = *taken;
    text.remove_prefix(1);
    return true;
}

bool take_permissions(std::string_view& text, Mapping& mapping) {
    if (text.size() < 5 || text[4] != ' ') return false;
    mapping.readable = text[0] == 'r';
    mapping.writable = text[1] == 'w';
    mapping.executable = text[2] == 'x';
    mapping.shared = text[3] == 's';
    text.remove_prefix(5);
    return true;
}

bool take_file(std::string_view& text, FileIdentity& file) {
    std::uint64_t major_number = 0;
    std::uint64_t minor_number = 0;
    if (!take_hex(text, major_number, ':') || !take_hex(text, minor_number, ' ')) return false;
    const auto inode = take_number<std::uint64_t>(text);
    if (!inode) return false;
    file = {makedev(static_cast<unsigned>(major_number), static_cast<unsigned>(minor_number)),
            *inode};
    return true;
}

/// errno, or 0. The text comes in pieces of a page, and ends early if the memory that it describes
/// goes in between, by an exit or an exec. Then nothing can be read from its beginning any more.
int read_maps(pid_t pid, std::string& text) {
    const UniqueFd fd(open(proc_path(pid, "maps").c_str(), O_RDONLY | O_CLOEXEC));
    if (!fd) return errno;
    text.clear();
    if (const int number = read_whole(fd.get(), text)) return number;
    char first = 0;
    return pread(fd.get(), &first, 1, 0) == 1 ? 0 : ESRCH;
}

}  // namespace

Result<Mapping> parse_mapping(std::string_view line) {
    Mapping mapping;
    std::string_view rest = line;
    const bool parsed = take_hex(rest, mapping.start, '-') && take_hex(rest, mapping.end, ' ') &&
                        take_permissions(rest, mapping) &&
                        take_hex(rest, mapping.file_offset, ' ') && take_file(rest, mapping.file);
    if (!parsed || mapping.start >= mapping.end || (!rest.empty() && rest.front() != ' ')) {
        return Error{ErrorKind::failed,
                     fmt::format("not a line of /proc/PID/maps: {}", printable(line, 200)), ""};
    }
    rest.remove_prefix(std::min(rest.find_first_not_of(' '), rest.size()));
    if (rest.ends_with(deleted_suffix)) {
        mapping.deleted = true;
        rest.remove_suffix(deleted_suffix.size());
    }
    mapping.path = rest;
    return mapping;
}

Result<std::vector<Mapping>> read_mappings(pid_t pid) {
    std::string text;
    int number = read_maps(pid, text);
    if (number == ESRCH) number = read_maps(pid, text);  // it may have turned into another program
    if (number != 0) return proc_error(pid, "maps", number);
    std::vector<Mapping> mappings;
    for (std::string_view rest = text; !rest.empty();) {
        auto mapping = parse_mapping(take_until(rest, '\n'));
        if (!mapping) return mapping.error();
        mappings.push_back(std::move(*mapping));
    }
    return mappings;
}

}  // namespace seep
