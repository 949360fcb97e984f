// SPDX-License-Identifier: GPL-2.0-only
#include "kernel/event_ring.h"

#include <bpf/bpf.h>
#include <bpf/libbpf.h>

#include "base/handles.h"

namespace seep {
namespace {

using OnRecord = std::function<void(std::span<const std::byte>)>;

int hand_over(void* context, void* data, std::size_t size) {
    const auto& on_record = *static_cast<OnRecord*>(context);
    if (on_record) on_record({static_cast<const std::byte*>(data), size});
    return 0;
}

}  // namespace

int share_maps(const bpf_object& object, const KernelObject& kernel) {
    bpf_map* map = nullptr;
    bpf_object__for_each_map(map, &object) {
        const int shared = kernel.map_named(bpf_map__name(map));
        if (shared < 0 || bpf_map__is_internal(map)) continue;
        if (const int error = bpf_map__reuse_fd(map, shared)) return error;
    }
    return 0;
}

struct EventRing::State {
    OnRecord on_record;
    CHandle<ring_buffer, ring_buffer__free> ring;
};

EventRing::EventRing(int map_fd) : state_(std::make_unique<State>()) {
    state_->ring.reset(ring_buffer__new(map_fd, hand_over, &state_->on_record, nullptr));
}
EventRing::EventRing(EventRing&&) noexcept = default;
EventRing& EventRing::operator=(EventRing&&) noexcept = default;
EventRing::~EventRing() = default;

EventRing::operator bool() const {
    return state_->ring != nullptr;
}

int EventRing::poll_fd() const {
    return ring_buffer__epoll_fd(state_->ring.get());
}

Result<void> EventRing::read(const OnRecord& on_record) {
    state_->on_record = on_record;
    const int count = ring_buffer__consume(state_->ring.get());
    state_->on_record = nullptr;
    if (count < 0) return errno_error("cannot read what the kernel tells of the target", -count);
    return {};
}

}  // namespace seep
