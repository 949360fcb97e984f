// SPDX-License-Identifier: GPL-2.0-only
#include "kernel/attach_mode.h"

#include <bpf/bpf.h>
#include <sys/utsname.h>

#include <array>
#include <cerrno>
#include <cstdio>

#include "kernel/link_types.h"

namespace seep {
namespace {

struct ModeName {
    AttachMode mode;
    const char* name;
};
constexpr std::array<ModeName, 3> mode_names{{{AttachMode::session, "session"},
                                              {AttachMode::multi, "multi"},
                                              {AttachMode::single, "single"}}};

/// A program that does nothing, loaded for links of the given type.
UniqueFd load_empty_program(int attach_type) {
    const std::array<bpf_insn, 2> code{
        {{.code = BPF_ALU64 | BPF_MOV | BPF_K, .dst_reg = 0, .src_reg = 0, .off = 0, .imm = 0},
         {.code = BPF_JMP | BPF_EXIT, .dst_reg = 0, .src_reg = 0, .off = 0, .imm = 0}}};
    LIBBPF_OPTS(bpf_prog_load_opts, options,
                .expected_attach_type = static_cast<bpf_attach_type>(attach_type));
    return UniqueFd(bpf_prog_load(BPF_PROG_TYPE_KPROBE, "seep_empty", "GPL", code.data(),
                                  code.size(), &options));
}

/// Kernels that know the link type refuse a directory with EBADF; others refuse the type (EINVAL).
bool link_type_known(int attach_type) {
    const UniqueFd program = load_empty_program(attach_type);
    if (!program) return false;
    const std::array<std::uint64_t, 1> offset{0};
    const UniqueFd link =
        make_uprobe_link(program.get(), attach_type, "/", offset, {}, 0, /*at_return=*/false);
    return !link && errno == EBADF;
}

bool kernel_at_least(unsigned wanted_major, unsigned wanted_minor) {
    utsname name{};
    unsigned major = 0;
    unsigned minor = 0;
    if (uname(&name) != 0 || sscanf(name.release, "%u.%u", &major, &minor) != 2) return false;
    return major > wanted_major || (major == wanted_major && minor >= wanted_minor);
}

}  // namespace

const char* attach_mode_name(AttachMode mode) {
    for (const ModeName& entry : mode_names)
        if (entry.mode == mode) return entry.name;
    return "?";
}

std::optional<AttachMode> parse_attach_mode(std::string_view name) {
    for (const ModeName& entry : mode_names)
        if (entry.name == name) return entry.mode;
    return std::nullopt;
}

bool attach_mode_supported(AttachMode mode) {
    switch (mode) {
        case AttachMode::session:
            return link_type_known(attach_type_session);
        case AttachMode::multi:
            return kernel_at_least(6, 10) && link_type_known(attach_type_multi);
        case AttachMode::single:
            return true;
    }
    return false;
}

AttachMode best_attach_mode() {
    for (const AttachMode mode : {AttachMode::session, AttachMode::multi})
        if (attach_mode_supported(mode)) return mode;
    return AttachMode::single;
}

}  // namespace seep
