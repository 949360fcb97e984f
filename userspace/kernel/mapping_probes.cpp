// SPDX-License-Identifier: GPL-2.0-only
#include "kernel/mapping_probes.h"

#include <bpf/bpf.h>
#include <bpf/libbpf.h>

#include <cerrno>

#include "base/handles.h"
#include "seep_mappings.skel.h"

namespace seep {

struct MappingProbes::State {
    CHandle<seep_mappings_bpf, seep_mappings_bpf__destroy> skeleton;
    CHandle<ring_buffer, ring_buffer__free> ring;
    std::function<void(std::span<const std::byte>)> on_call;
};

namespace {

Error attach_error(const char* operation, int error) {
    return errno_error(std::string("cannot ") + operation + " the program that watches mappings",
                       error, ErrorKind::untraceable,
                       "record without --source mapping; `seep doctor` shows what is missing");
}

/// One process image has one slot, one thread one state, and so on, whichever object looks.
int share_maps(const bpf_object& object, const KernelObject& kernel) {
    bpf_map* map = nullptr;
    bpf_object__for_each_map(map, &object) {
        const int shared = kernel.map_named(bpf_map__name(map));
        if (shared < 0 || bpf_map__is_internal(map)) continue;
        if (const int error = bpf_map__reuse_fd(map, shared)) return error;
    }
    return 0;
}

int hand_over(void* context, void* data, std::size_t size) {
    const auto& on_call = *static_cast<std::function<void(std::span<const std::byte>)>*>(context);
    if (on_call) on_call({static_cast<const std::byte*>(data), size});
    return 0;
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
    state->ring.reset(ring_buffer__new(bpf_map__fd(object.maps.mapping_calls), hand_over,
                                       &state->on_call, nullptr));
    if (!state->ring) return attach_error("read from", errno);
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

int MappingProbes::poll_fd() const {
    return ring_buffer__epoll_fd(state_->ring.get());
}

Result<void> MappingProbes::read(const std::function<void(std::span<const std::byte>)>& on_call) {
    state_->on_call = on_call;
    const int count = ring_buffer__consume(state_->ring.get());
    state_->on_call = nullptr;
    if (count < 0) return errno_error("cannot read the calls that mapped memory", -count);
    return {};
}

void MappingProbes::detach() {
    seep_mappings_bpf__detach(state_->skeleton.get());
}

}  // namespace seep
