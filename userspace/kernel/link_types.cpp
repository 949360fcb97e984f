// SPDX-License-Identifier: GPL-2.0-only
#include "kernel/link_types.h"

#include <sys/syscall.h>
#include <unistd.h>

#include <cstring>

namespace seep {
namespace {

constexpr std::uint32_t flag_return = 1;  // BPF_F_UPROBE_MULTI_RETURN

/// The part of union bpf_attr that BPF_LINK_CREATE reads for uprobe_multi links, as of Linux 6.6.
struct LinkCreate {
    std::uint32_t program_fd;
    std::uint32_t target_fd;
    std::uint32_t attach_type;
    std::uint32_t flags;
    std::uint64_t path;
    std::uint64_t offsets;
    std::uint64_t reference_counter_offsets;
    std::uint64_t cookies;
    std::uint32_t count;
    std::uint32_t multi_flags;
    std::uint32_t pid;
    std::uint32_t padding;
};
static_assert(sizeof(LinkCreate) == 64);

std::uint64_t as_u64(const void* pointer) {
    return reinterpret_cast<std::uintptr_t>(pointer);
}

}  // namespace

UniqueFd make_uprobe_link(int program_fd, int attach_type, const char* path,
                          std::span<const std::uint64_t> offsets,
                          std::span<const std::uint64_t> cookies, int pid, bool at_return) {
    LinkCreate create{};
    create.program_fd = static_cast<std::uint32_t>(program_fd);
    create.attach_type = static_cast<std::uint32_t>(attach_type);
    create.path = as_u64(path);
    create.offsets = as_u64(offsets.data());
    create.cookies = cookies.empty() ? 0 : as_u64(cookies.data());
    create.count = static_cast<std::uint32_t>(offsets.size());
    create.multi_flags = at_return ? flag_return : 0;
    create.pid = static_cast<std::uint32_t>(pid);
    return UniqueFd(static_cast<int>(syscall(SYS_bpf, BPF_LINK_CREATE, &create, sizeof(create))));
}

}  // namespace seep
