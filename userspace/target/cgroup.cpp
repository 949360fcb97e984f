// SPDX-License-Identifier: GPL-2.0-only
#include "target/cgroup.h"

#include <fmt/format.h>
#include <linux/magic.h>
#include <sys/vfs.h>
#include <unistd.h>

#include <algorithm>
#include <filesystem>

#include "base/text.h"
#include "target/cgroup_mounts.h"
#include "target/proc_file.h"

namespace seep {
namespace {

namespace fs = std::filesystem;

bool is_cgroup_directory(const std::string& path) {
    struct statfs info = {};
    std::error_code ignored;
    return statfs(path.c_str(), &info) == 0 &&
           (info.f_type == CGROUP2_SUPER_MAGIC || info.f_type == CGROUP_SUPER_MAGIC) &&
           fs::is_directory(path, ignored);
}

void append_processes(const std::string& directory, std::vector<pid_t>& pids) {
    // Not readable in a threaded cgroup: its processes are listed in the group above it.
    const auto text = read_text_file(directory + "/cgroup.procs");
    if (!text) return;
    for (std::string_view rest = *text; !rest.empty();) {
        std::string_view line = take_until(rest, '\n');
        // 0 stands for a process outside of seep's pid namespace.
        if (const auto pid = take_number<pid_t>(line); pid && *pid > 0) pids.push_back(*pid);
    }
}

std::vector<pid_t> processes_below(const std::string& directory) {
    std::vector<pid_t> pids;
    append_processes(directory, pids);
    // Groups may vanish during the walk.
    std::error_code error;
    for (fs::recursive_directory_iterator entry(directory, error), end; !error && entry != end;
         entry.increment(error)) {
        std::error_code vanished;
        if (entry->is_directory(vanished)) append_processes(entry->path(), pids);
    }
    std::ranges::sort(pids);
    pids.erase(std::unique(pids.begin(), pids.end()), pids.end());
    return pids;
}

/// The directories that `path` may mean: itself, or the group of that name in each hierarchy.
std::vector<std::string> cgroup_directories(const std::string& path) {
    // Not the root group: an unset variable of a script must not mean every process.
    if (path.empty()) return {};
    if (is_cgroup_directory(path)) return {path};
    std::vector<std::string> directories;
    const std::string relative = path.starts_with('/') ? path : "/" + path;
    for (const CgroupMount& mount : cgroup_mounts()) {
        std::string directory = mount.directory + relative;
        if (is_cgroup_directory(directory)) directories.push_back(std::move(directory));
    }
    return directories;
}

/// A group without the memory controller is charged to the nearest group above that has it.
std::optional<std::string> nearest_with_file(std::string directory, const std::string& top,
                                             const char* file) {
    while (directory.size() >= top.size()) {
        if (access((directory + file).c_str(), F_OK) == 0) return directory;
        directory.resize(std::min(directory.rfind('/'), directory.size()));
        if (directory.empty()) break;
    }
    return std::nullopt;
}

/// The process's group in the hierarchy of the mount, from the text of /proc/PID/cgroup.
std::string directory_in(const CgroupMount& mount, std::string_view groups) {
    while (!groups.empty()) {
        std::string_view line = take_until(groups, '\n');
        take_until(line, ':');
        std::string_view controllers = take_until(line, ':');
        bool matches = mount.unified && controllers.empty();
        while (!mount.unified && !matches && !controllers.empty()) {
            matches = take_until(controllers, ',') == "memory";
        }
        if (matches) return mount.directory_of(line);
    }
    return {};
}

std::optional<std::uint64_t> read_number(const std::string& path) {
    const auto text = read_text_file(path);
    if (!text) return std::nullopt;
    std::string_view rest = *text;
    return take_number<std::uint64_t>(rest);
}

std::optional<std::uint64_t> read_stat(const std::string& path, std::string_view name) {
    const auto text = read_text_file(path);
    if (!text) return std::nullopt;
    for (std::string_view rest = *text; !rest.empty();) {
        std::string_view line = take_until(rest, '\n');
        if (take_until(line, ' ') == name) return take_number<std::uint64_t>(line);
    }
    return std::nullopt;
}

}  // namespace

Result<std::vector<pid_t>> cgroup_processes(const std::string& path) {
    const std::vector<std::string> directories = cgroup_directories(path);
    if (directories.empty()) {
        return Error{ErrorKind::bad_input, fmt::format("there is no cgroup {}", printable(path)),
                     "give a directory below /sys/fs/cgroup, or a path in the hierarchy such as "
                     "/system.slice/nginx.service"};
    }
    // With several hierarchies a group may exist in one and be populated in another.
    for (const std::string& directory : directories) {
        if (auto pids = processes_below(directory); !pids.empty()) return pids;
    }
    return std::vector<pid_t>();
}

std::optional<std::string> memory_cgroup_of(pid_t pid) {
    const auto groups = read_proc_file(pid, "cgroup");
    if (!groups) return std::nullopt;
    // The controller is in one hierarchy only: where the counters are is where it is.
    for (const CgroupMount& mount : cgroup_mounts()) {
        if (!mount.unified && !mount.has_memory_v1()) continue;
        const std::string directory = directory_in(mount, *groups);
        if (directory.empty()) continue;
        const char* const counter = mount.unified ? "/memory.current" : "/memory.usage_in_bytes";
        if (auto found = nearest_with_file(directory, mount.directory, counter)) return found;
    }
    return std::nullopt;
}

std::optional<std::string> memory_cgroup_at(const std::string& path) {
    for (const std::string& directory : cgroup_directories(path))
        for (const char* const counter : {"/memory.current", "/memory.usage_in_bytes"})
            if (access((directory + counter).c_str(), F_OK) == 0) return directory;
    return std::nullopt;
}

CgroupMemory read_cgroup_memory(const std::string& directory) {
    CgroupMemory memory;
    memory.current = read_number(directory + "/memory.current");
    if (memory.current) {
        memory.limit = read_number(directory + "/memory.max");  // "max" is no number
        memory.inactive_file = read_stat(directory + "/memory.stat", "inactive_file");
        return memory;
    }
    memory.current = read_number(directory + "/memory.usage_in_bytes");
    memory.limit = read_number(directory + "/memory.limit_in_bytes");
    // Version 1 writes "no limit" as the largest multiple of a page.
    constexpr std::uint64_t no_limit = std::uint64_t{1} << 62;
    if (memory.limit >= no_limit) memory.limit.reset();
    memory.inactive_file = read_stat(directory + "/memory.stat", "total_inactive_file");
    return memory;
}

}  // namespace seep
