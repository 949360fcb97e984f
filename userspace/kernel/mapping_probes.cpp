// SPDX-License-Identifier: GPL-2.0-only
#include "kernel/mapping_probes.h"

#include <bpf/bpf.h>
#include <bpf/libbpf.h>

#include <cerrno>
#include <optional>

#include "base/handles.h"
#include "seep_mappings.skel.h"

namespace seep {

struct MappingProbes::State {
    CHandle<seep_mappings_bpf, seep_mappings_bpf__destroy> skeleton;
    std::optional<EventRing> ring;
};

namespace {

Error attach_error(const char* operation, int error) {
    return errno_error(std::string("cannot ") + operation + " the program that watches mappings",
                       error, ErrorKind::untraceable,
                       "record without --source mapping; `seep doctor` shows what is missing");
}

}  // namespace

MappingProbes::MappingProbes(std::unique_ptr<State> state) : state_(std::move(state)) {}
MappingProbes::MappingProbes(MappingProbes&&) noexcept = default;
MappingProbes& MappingProbes::operator=(MappingProbes&&) noexcept = default;
MappingProbes::~MappingProbes() = default;

Result<MappingProbes> MappingProbes::attach(const KernelObject& kernel) {
    auto state = std::make_unique<State>();
    state->skeleton.reset(seep_mappings_bpf__open());
    if (!state->skeleton) return attach_error("open", errno);
    seep_mappings_bpf& object = *state->skeleton;
    if (const int error = share_maps(*object.obj, kernel)) return attach_error("set up", -error);
    if (const int error = seep_mappings_bpf__load(&object)) return attach_error("load", -error);
    state->ring.emplace(bpf_map__fd(object.maps.mapping_calls));
    if (!*state->ring) return attach_error("read from", errno);
    if (const int error = seep_mappings_bpf__attach(&object)) return attach_error("attach", -error);
    return MappingProbes(std::move(state));
}

Result<void> MappingProbes::follow(int pidfd, std::uint32_t process_slot) {
    const int targets = bpf_map__fd(state_->skeleton->maps.mapping_targets);
    if (bpf_map_update_elem(targets, &pidfd, &process_slot, BPF_ANY) == 0) return {};
    return errno_error("cannot follow the process's mappings");
}

void MappingProbes::let_go(int pidfd) {
    bpf_map_delete_elem(bpf_map__fd(state_->skeleton->maps.mapping_targets), &pidfd);
}

EventRing& MappingProbes::ring() {
    return *state_->ring;
}
const EventRing& MappingProbes::ring() const {
    return *state_->ring;
}

void MappingProbes::detach() {
    seep_mappings_bpf__detach(state_->skeleton.get());
}

}  // namespace seep
