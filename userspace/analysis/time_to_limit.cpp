// SPDX-License-Identifier: GPL-2.0-only
#include "analysis/time_to_limit.h"

#include <algorithm>
#include <optional>

namespace seep {
namespace {

void take_if_less(const Room& room, Room& least) {
    if (least.kind == MemoryLimit::unknown || room.left() < least.left()) least = room;
}

}  // namespace

Room least_room(const SnapshotRecord& snapshot) {
    Room least;
    for (const ProcessSample& sample : snapshot.processes) {
        if (!sample.alive || !sample.cgroup_limit || !sample.cgroup_current) continue;
        const std::uint64_t current = *sample.cgroup_current;
        const std::uint64_t inactive = std::min(current, sample.cgroup_inactive_file.value_or(0));
        take_if_less({MemoryLimit::cgroup, *sample.cgroup_limit, current - inactive}, least);
    }
    if (snapshot.host) {
        const HostMemory& host = *snapshot.host;
        take_if_less({MemoryLimit::host, host.memory + host.swap,
                      host.memory - host.available + host.swap - host.free_swap},
                     least);
    }
    return least;
}

Growth lasting(const Growth& whole, const Growth& lately) {
    return std::ranges::min(whole, lately, {}, &Growth::bytes_per_second);
}

Growth lasting_growth(const ProcessMemory& memory) {
    return lasting(memory.anonymous, memory.anonymous_lately);
}

TimeToLimit time_to_limit(const Room& room, const Growth& growth) {
    const auto reached = [&](double rate) {
        return rate > 0 && room.kind != MemoryLimit::unknown
                   ? std::optional(static_cast<double>(room.left()) / rate)
                   : std::nullopt;
    };
    return {.earliest = reached(growth.high),
            .expected = reached(growth.bytes_per_second),
            .latest = reached(growth.low)};
}

}  // namespace seep
