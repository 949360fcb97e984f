// SPDX-License-Identifier: GPL-2.0-only
#pragma once

// What a process has mapped. A snapshot of /proc/PID/maps; no state, thread-safe.

#include <sys/types.h>

#include <compare>
#include <cstdint>
#include <string>
#include <vector>

#include "base/handles.h"
#include "base/result.h"

namespace seep {

/// A file as the kernel tells it apart: by device and inode, never by path (containers, chroots,
/// deleted and upgraded files). As /proc/PID/maps shows them.
struct FileIdentity {
    std::uint64_t device = 0;  ///< makedev(major, minor) of the maps line.
    std::uint64_t inode = 0;   ///< 0: not a file.
    // clang-tidy 14 takes the 0 that a comparison is rewritten with for a pointer.
    auto operator<=>(const FileIdentity&) const = default;  // NOLINT(modernize-use-nullptr)
};

struct Mapping {
    std::uint64_t start = 0;
    std::uint64_t end = 0;          ///< One past the last byte.
    std::uint64_t file_offset = 0;  ///< Of `start`, in bytes.
    FileIdentity file;
    bool readable = false;
    bool writable = false;
    bool executable = false;
    bool shared = false;
    std::string path;  ///< As shown, without " (deleted)"; "[heap]", "[vdso]", ...; may be empty.
    bool deleted = false;
    bool operator==(const Mapping&) const = default;
};

/// All mappings of the process, ascending by address. A process that has ended has none, which is
/// untraceable; so is one that ends, or turns into another program, while they are read.
Result<std::vector<Mapping>> read_mappings(pid_t pid);

/// One line of /proc/PID/maps; an error for what is not one. (The file's text is target-controlled:
/// a path may hold anything but a newline, which the kernel writes as "\012".)
Result<Mapping> parse_mapping(std::string_view line);

/// Opens the mapped file read-only: through /proc/PID/map_files where that is allowed (needs
/// CAP_CHECKPOINT_RESTORE or CAP_SYS_ADMIN), else through /proc/PID/root without leaving that root,
/// and only if it is still the same inode. Of a process that has ended the path is taken as seep
/// sees it.
Result<UniqueFd> open_mapped_file(pid_t pid, const Mapping& mapping);

}  // namespace seep
