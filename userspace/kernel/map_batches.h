// SPDX-License-Identifier: GPL-2.0-only
#pragma once

// All entries of one of the kernel's hashes, some thousands a system call. Not thread-safe.

#include <bpf/bpf.h>

#include <cerrno>
#include <cstdint>
#include <vector>

#include "base/result.h"

namespace seep {

/// `keys`, `values`: room for as many as are read at once. `on_entry(key, value)` returns whether
/// to go on. `failure`: what to say if they cannot be read.
template <typename Key, typename Value, typename OnEntry>
Result<void> for_each_entry(int map, std::vector<Key>& keys, std::vector<Value>& values,
                            const char* failure, OnEntry&& on_entry) {
    std::uint32_t position = 0;
    bool first = true;
    while (true) {
        std::uint32_t next = 0;
        auto count = static_cast<std::uint32_t>(keys.size());
        const int error = bpf_map_lookup_batch(map, first ? nullptr : &position, &next, keys.data(),
                                               values.data(), &count, nullptr);
        if (error != 0 && error != -ENOENT) return errno_error(failure, -error);
        for (std::uint32_t i = 0; i < count; ++i)
            if (!on_entry(keys[i], values[i])) return {};
        if (error == -ENOENT) return {};
        position = next;
        first = false;
    }
}

}  // namespace seep
