// SPDX-License-Identifier: GPL-2.0-only
#include "target/cgroup_mounts.h"

#include <algorithm>
#include <optional>

#include "target/proc_file.h"

namespace seep {
namespace {

bool has_word(std::string_view list, std::string_view word) {
    while (!list.empty()) {
        if (take_until(list, ',') == word) return true;
    }
    return false;
}

/// mountinfo writes blanks and backslashes in paths as three octal digits, "\040".
std::string unescape(std::string_view text) {
    std::string plain;
    while (!text.empty()) {
        if (text.front() == '\\' && text.size() >= 4) {
            std::string_view digits = text.substr(1, 3);
            const auto code = take_number<unsigned char>(digits, 8);
            if (code && digits.empty()) {
                plain += static_cast<char>(*code);
                text.remove_prefix(4);
                continue;
            }
        }
        plain += text.front();
        text.remove_prefix(1);
    }
    return plain;
}

/// "31 23 0:28 ROOT DIRECTORY rw,relatime shared:9 - TYPE SOURCE OPTIONS"
std::optional<CgroupMount> parse_mount(std::string_view line) {
    const std::size_t separator = line.find(" - ");
    if (separator == std::string_view::npos) return std::nullopt;
    std::string_view file_system = line.substr(separator + 3);
    const std::string_view type = take_until(file_system, ' ');
    if (type != "cgroup" && type != "cgroup2") return std::nullopt;
    take_until(file_system, ' ');

    for (int skipped = 0; skipped < 3; ++skipped) take_until(line, ' ');
    CgroupMount mount;
    mount.root = unescape(take_until(line, ' '));
    mount.directory = unescape(take_until(line, ' '));
    if (mount.directory.empty()) return std::nullopt;
    mount.unified = type == "cgroup2";
    if (!mount.unified) mount.controllers = file_system;
    return mount;
}

int preference(const CgroupMount& mount) {
    if (mount.unified) return 0;
    return mount.has_memory_v1() ? 1 : 2;
}

}  // namespace

bool CgroupMount::has_memory_v1() const {
    return has_word(controllers, "memory");
}

std::string CgroupMount::directory_of(std::string_view cgroup) const {
    // The kernel shows what is outside of seep's cgroup namespace as "/../...".
    if (!cgroup.starts_with('/') || cgroup.starts_with("/..")) return {};
    if (root != "/") {
        if (!cgroup.starts_with(root)) return {};
        cgroup.remove_prefix(root.size());
        if (!cgroup.empty() && cgroup.front() != '/') return {};
    }
    return cgroup == "/" ? directory : directory + std::string(cgroup);
}

std::vector<CgroupMount> parse_cgroup_mounts(std::string_view mountinfo) {
    std::vector<CgroupMount> mounts;
    while (!mountinfo.empty()) {
        if (auto mount = parse_mount(take_until(mountinfo, '\n'))) mounts.push_back(*mount);
    }
    std::ranges::stable_sort(mounts, {}, preference);
    return mounts;
}

std::vector<CgroupMount> cgroup_mounts() {
    const auto mountinfo = read_text_file("/proc/self/mountinfo");
    return mountinfo ? parse_cgroup_mounts(*mountinfo) : std::vector<CgroupMount>();
}

}  // namespace seep
