// SPDX-License-Identifier: GPL-2.0-only
//
// Opening what a mapping maps. Every candidate is first opened with O_PATH, which neither blocks on
// a FIFO nor wakes a device driver, then checked, and only then opened for reading.
#include <fcntl.h>
#include <fmt/format.h>
#include <linux/openat2.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/sysmacros.h>

#include <algorithm>
#include <climits>

#include "base/text.h"
#include "target/mappings.h"
#include "target/proc_file.h"

namespace seep {
namespace {

/// Whether a file found by name is the mapped one. Inode numbers must agree: while the mapping
/// lives, its inode is not given to another file. Devices are compared only if both are block
/// devices: on btrfs, overlayfs and the like stat() shows an anonymous device (major 0) that is not
/// the one in maps.
bool is_mapped_file(const struct stat& found, const FileIdentity& mapped) {
    if (found.st_ino != mapped.inode) return false;
    return found.st_dev == mapped.device || major(found.st_dev) == 0 || major(mapped.device) == 0;
}

/// Opens the file behind an O_PATH descriptor for reading; empty if it is not a regular file.
UniqueFd open_regular(const UniqueFd& path_fd) {
    struct stat found = {};
    if (!path_fd || fstat(path_fd.get(), &found) != 0 || !S_ISREG(found.st_mode)) return {};
    return UniqueFd(open(fmt::format("/proc/self/fd/{}", path_fd.get()).c_str(),
                         O_RDONLY | O_CLOEXEC | O_NONBLOCK | O_NOCTTY));
}

UniqueFd open_if_mapped(const UniqueFd& path_fd, const FileIdentity& mapped) {
    struct stat found = {};
    if (!path_fd || fstat(path_fd.get(), &found) != 0) return {};
    return is_mapped_file(found, mapped) ? open_regular(path_fd) : UniqueFd();
}

/// Where a link leads; empty if that cannot be told.
std::string link_target(const std::string& link) {
    char buffer[PATH_MAX];
    const ssize_t length = readlink(link.c_str(), buffer, sizeof buffer);
    return {buffer, static_cast<std::size_t>(std::max<ssize_t>(length, 0))};
}

/// What the descriptor leads to, as maps shows paths; empty if that cannot be told.
std::string shown_path(const UniqueFd& fd) {
    std::string path = link_target(fmt::format("/proc/self/fd/{}", fd.get()));
    constexpr std::string_view deleted = " (deleted)";
    if (path.ends_with(deleted)) path.resize(path.size() - deleted.size());
    return path;
}

/// Another file may have taken the mapping's place since it was read.
bool is_still_mapped(const UniqueFd& path_fd, const Mapping& mapping) {
    struct stat found = {};
    if (fstat(path_fd.get(), &found) != 0) return false;
    return found.st_ino == mapping.file.inode || shown_path(path_fd) == mapping.path;
}

/// maps shows paths from the reader's root; those of a process that is chrooted below it begin with
/// the process's root, which is taken off.
std::string path_in_root(pid_t pid, const std::string& path) {
    const std::string root = link_target(proc_path(pid, "root"));
    if (root.size() <= 1) return path;
    return path.starts_with(root + "/") ? path.substr(root.size()) : path;
}

UniqueFd open_in_root(pid_t pid, const std::string& path) {
    UniqueFd root(open(proc_path(pid, "root").c_str(), O_PATH | O_DIRECTORY | O_CLOEXEC));
    const bool has_ended = !root && errno == ENOENT;
    if (has_ended) root = UniqueFd(open("/", O_PATH | O_DIRECTORY | O_CLOEXEC));
    if (!root) return {};
    open_how how = {};
    how.flags = O_PATH | O_CLOEXEC;
    how.resolve = RESOLVE_IN_ROOT | RESOLVE_NO_MAGICLINKS;
    return UniqueFd(static_cast<int>(
        syscall(SYS_openat2, root.get(), path_in_root(pid, path).c_str(), &how, sizeof how)));
}

UniqueFd open_link(const std::string& path) {
    return UniqueFd(open(path.c_str(), O_PATH | O_CLOEXEC));
}

}  // namespace

Result<UniqueFd> open_mapped_file(pid_t pid, const Mapping& mapping) {
    const auto refuse = [&](std::string_view why) {
        return Error{ErrorKind::failed,
                     fmt::format("cannot open {}, mapped by process {}: {}",
                                 printable(mapping.path), pid, why),
                     ""};
    };
    if (mapping.file.inode == 0) return refuse("not a file");

    // These links lead to the mapped inode itself, whatever its name means by now.
    const UniqueFd mapped =
        open_link(proc_path(pid, fmt::format("map_files/{:x}-{:x}", mapping.start, mapping.end)));
    if (mapped && is_still_mapped(mapped, mapping)) {
        UniqueFd fd = open_regular(mapped);
        if (!fd) return refuse("not a regular file that can be read");
        return fd;
    }

    UniqueFd fd = open_if_mapped(open_in_root(pid, mapping.path), mapping.file);
    if (!fd) fd = open_if_mapped(open_link(proc_path(pid, "exe")), mapping.file);
    if (!fd) {
        Error error = refuse("its path leads to another file or to none");
        error.hint =
            "with CAP_CHECKPOINT_RESTORE or CAP_SYS_ADMIN deleted and replaced files are "
            "reached, too";
        return error;
    }
    return fd;
}

}  // namespace seep
