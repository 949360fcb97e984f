// SPDX-License-Identifier: GPL-2.0-only
#pragma once

// What a system call did to a process's mappings, out of its arguments and its result. Pure;
// thread-safe.
//
// "Memory" here is what a process can fill by writing to it and nobody else pays for: writable, and
// private or without a file. For private mappings that is what the kernel counts as VmData
// (mm/mmap.c, vm_stat_account). A reservation (PROT_NONE) is not memory until mprotect makes it so.

#include <cstdint>
#include <optional>

#include "bpf/wire.h"

namespace seep {

struct MappingCall {
    enum class Kind {
        map,      ///< [start, end) is a new mapping.
        unmap,    ///< [start, end) is not mapped any more.
        protect,  ///< [start, end) has become writable, or not writable.
        remap,    ///< [old_start, old_end) has become [start, end).
        brk,      ///< The heap ends at `end`.
    };
    Kind kind = Kind::unmap;
    std::uint64_t start = 0;
    std::uint64_t end = 0;
    std::uint64_t old_start = 0;
    std::uint64_t old_end = 0;
    bool writable = false;      ///< map, protect.
    bool fillable = false;      ///< map: it is memory while it is writable.
    bool thread_stack = false;  ///< map: MAP_STACK, as threads' stacks are mapped.
    bool fixed = false;         ///< map, remap: replaces what was there.
    bool keeps_old = false;     ///< remap: what was there stays mapped (MREMAP_DONTUNMAP).
};

/// `page` is the page size in bytes. nullopt for what changes nothing (an empty range, say).
std::optional<MappingCall> decode_mapping_call(const seep_mapping_call& call, std::uint64_t page);

}  // namespace seep
