// SPDX-License-Identifier: GPL-2.0-only
#include "drain/allocator_code.h"

#include <algorithm>

namespace seep {
namespace {

/// Its library is named for it. A C library, and a program that has an allocator linked in, have
/// other things to do than to allocate.
bool only_allocates(const TracedAllocator& allocator) {
    return allocator.object->name().find(allocator.name) != std::string::npos;
}

bool is_probed(const TracedAllocator& allocator, std::uint64_t address) {
    return std::ranges::any_of(allocator.attachment.probes(), [&](const AttachedProbe& probe) {
        const FoundFunction& function = probe.plan.function;
        return address >= function.address && address - function.address < function.size;
    });
}

}  // namespace

bool leads_through_allocator(const TracedProcess& process,
                             std::span<const std::uint64_t> addresses) {
    return std::ranges::any_of(addresses, [&](std::uint64_t frame) {
        // A return address may lie behind its function's last byte.
        const ResolvedAddress where =
            process.space.resolve(frame_address(frame) - 1, frame_occupant(frame));
        return std::ranges::any_of(process.allocators, [&](const TracedAllocator& allocator) {
            return allocator.object == where.object &&
                   (only_allocates(allocator) || is_probed(allocator, where.address));
        });
    });
}

}  // namespace seep
