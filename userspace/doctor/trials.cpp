// SPDX-License-Identifier: GPL-2.0-only
#include "doctor/trials.h"

#include <bpf/bpf.h>

#include <array>

#include "base/handles.h"
#include "kernel/fault_probes.h"
#include "kernel/kernel_object.h"
#include "kernel/mapping_probes.h"
#include "target/events.h"

namespace seep {
namespace {

Error bpf_error(const char* what) {
    const int number = errno;
    std::string hint;
    if (number == EPERM || number == EACCES) {
        hint = "run as root, or with CAP_BPF and CAP_PERFMON";
    } else if (number == ENOSYS) {
        hint = "run a kernel built with CONFIG_BPF_SYSCALL; in a container, see seccomp";
    }
    return errno_error(what, number, ErrorKind::untraceable, std::move(hint));
}

/// A uprobe program that does nothing.
UniqueFd load_trivial_program(std::uint32_t flags) {
    const std::array<bpf_insn, 2> code{
        {{.code = BPF_ALU64 | BPF_MOV | BPF_K, .dst_reg = 0, .src_reg = 0, .off = 0, .imm = 0},
         {.code = BPF_JMP | BPF_EXIT, .dst_reg = 0, .src_reg = 0, .off = 0, .imm = 0}}};
    LIBBPF_OPTS(bpf_prog_load_opts, options, .prog_flags = flags);
    return UniqueFd(bpf_prog_load(BPF_PROG_TYPE_KPROBE, "seep_doctor", "GPL", code.data(),
                                  code.size(), &options));
}

std::optional<Error> try_bpf() {
    const UniqueFd map(
        bpf_map_create(BPF_MAP_TYPE_HASH, "seep_doctor", sizeof(int), sizeof(int), 1, nullptr));
    if (!map) return bpf_error("a map cannot be made");
    if (!load_trivial_program(0)) return bpf_error("a program cannot be loaded");
    return std::nullopt;
}

std::optional<Error> try_sleepable() {
    if (load_trivial_program(BPF_F_SLEEPABLE)) return std::nullopt;
    return bpf_error("refused");
}

std::vector<AttachMode> working_attach_modes() {
    std::vector<AttachMode> modes;
    for (const AttachMode mode : {AttachMode::session, AttachMode::multi, AttachMode::single}) {
        if (attach_mode_supported(mode)) modes.push_back(mode);
    }
    return modes;
}

void try_programs(Trials& trials) {
    // As small as maps may be: what is tried is the verifier, not the memory.
    const KernelOptions options{
        .mode = best_attach_mode(), .max_live = 1024, .max_stacks = 1024, .sample_bytes = 0};
    const auto start = std::chrono::steady_clock::now();
    auto kernel = KernelObject::load(options);
    trials.verifying = std::chrono::duration_cast<std::chrono::milliseconds>(
        std::chrono::steady_clock::now() - start);
    if (kernel) {
        if (const auto costs = measure_probe_costs(*kernel)) {
            trials.costs = *costs;
        } else {
            trials.no_costs = costs.error().message;
        }
        if (const auto probes = MappingProbes::attach(*kernel); !probes)
            trials.mappings = probes.error();
        if (const auto probes = FaultProbes::load(*kernel); !probes) trials.faults = probes.error();
        return;
    }
    trials.programs = kernel.error();
    // The error's own hint is to run doctor.
    trials.programs->hint = "see what the kernel says of them: seep doctor --verbose";
}

}  // namespace

Trials make_trials() {
    Trials trials;
    if (const auto events = TargetEvents::open(); !events) trials.events = events.error();
    trials.bpf = try_bpf();
    if (trials.bpf) return trials;
    trials.sleepable = try_sleepable();
    trials.attach_modes = working_attach_modes();
    try_programs(trials);
    return trials;
}

}  // namespace seep
