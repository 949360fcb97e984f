// SPDX-License-Identifier: GPL-2.0-only
#include "drain/mapping_call.h"

#include <linux/mman.h>
#include <sys/mman.h>

namespace seep {
namespace {

constexpr std::uint64_t huge_size_mask = 0x3f;
constexpr std::uint64_t usual_huge_page = std::uint64_t{2} << 20;

/// To the multiple above; what would not fit any address space becomes 0.
std::uint64_t rounded_up(std::uint64_t size, std::uint64_t unit) {
    const std::uint64_t up = size + unit - 1;
    return up < size ? 0 : up - up % unit;
}

/// The kernel maps whole huge pages.
std::uint64_t page_of(std::uint64_t flags, std::uint64_t page) {
    if ((flags & MAP_HUGETLB) == 0) return page;
    const std::uint64_t log2 = (flags >> MAP_HUGE_SHIFT) & huge_size_mask;
    return log2 == 0 ? usual_huge_page : std::uint64_t{1} << log2;
}

MappingCall decode_mmap(const seep_mapping_call& call, std::uint64_t page) {
    const std::uint64_t flags = call.arguments[3];
    MappingCall result;
    result.kind = MappingCall::Kind::map;
    result.start = call.result;
    result.end = call.result + rounded_up(call.arguments[1], page_of(flags, page));
    result.writable = (call.arguments[2] & PROT_WRITE) != 0;
    const bool is_private = (flags & MAP_TYPE) == MAP_PRIVATE;
    // The kernel grows such a mapping by itself, and counts it as stack.
    const bool grows = (flags & MAP_GROWSDOWN) != 0;
    result.fillable = (is_private || (flags & MAP_ANONYMOUS) != 0) && !grows;
    result.thread_stack = (flags & MAP_STACK) != 0;
    result.fixed = (flags & MAP_FIXED) != 0;
    return result;
}

MappingCall decode_mremap(const seep_mapping_call& call, std::uint64_t page) {
    const std::uint64_t flags = call.arguments[3];
    MappingCall result;
    result.kind = MappingCall::Kind::remap;
    result.old_start = call.arguments[0];
    result.old_end = result.old_start + rounded_up(call.arguments[1], page);
    result.start = call.result;
    result.end = result.start + rounded_up(call.arguments[2], page);
    result.fixed = (flags & MREMAP_FIXED) != 0;
    result.keeps_old = (flags & MREMAP_DONTUNMAP) != 0;
    return result;
}

MappingCall decode_range(const seep_mapping_call& call, std::uint64_t page) {
    MappingCall result;
    result.start = call.arguments[0];
    result.end = result.start + rounded_up(call.arguments[1], page);
    return result;
}

}  // namespace

std::optional<MappingCall> decode_mapping_call(const seep_mapping_call& call, std::uint64_t page) {
    MappingCall result;
    switch (call.kind) {
        case SEEP_MMAP:
            result = decode_mmap(call, page);
            break;
        case SEEP_MUNMAP:
            result = decode_range(call, page);
            break;
        case SEEP_MPROTECT:
            result = decode_range(call, page);
            result.kind = MappingCall::Kind::protect;
            result.writable = (call.arguments[2] & PROT_WRITE) != 0;
            break;
        case SEEP_MREMAP:
            result = decode_mremap(call, page);
            break;
        case SEEP_BRK:
            result.kind = MappingCall::Kind::brk;
            result.end = rounded_up(call.result, page);
            return result;
        default:
            return std::nullopt;
    }
    if (result.start >= result.end || result.old_start > result.old_end) return std::nullopt;
    return result;
}

}  // namespace seep
