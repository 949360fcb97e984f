// SPDX-License-Identifier: GPL-2.0-only
#include "drain/stray_calls.h"

#include <algorithm>
#include <cstring>
#include <utility>

namespace seep {
namespace {

int take_call(void* slots, void* data, std::size_t size) {
    std::uint32_t slot = 0;
    if (size != sizeof slot) return 0;
    std::memcpy(&slot, data, sizeof slot);
    auto& known = *static_cast<std::vector<std::uint32_t>*>(slots);
    if (std::ranges::find(known, slot) == known.end()) known.push_back(slot);
    return 0;
}

}  // namespace

Result<StrayCalls> StrayCalls::open(int strays_map) {
    StrayCalls calls;
    calls.slots_ = std::make_unique<std::vector<std::uint32_t>>();
    calls.ring_.reset(ring_buffer__new(strays_map, take_call, calls.slots_.get(), nullptr));
    if (!calls.ring_) return errno_error("cannot listen to the kernel's programs");
    return calls;
}

int StrayCalls::poll_fd() const {
    return ring_buffer__epoll_fd(ring_.get());
}

std::vector<std::uint32_t> StrayCalls::read() {
    ring_buffer__consume(ring_.get());
    return std::exchange(*slots_, {});
}

}  // namespace seep
