// SPDX-License-Identifier: GPL-2.0-only
#pragma once

// Gives out indices of one of the kernel's per-CPU arrays, 1 up to End (exclusive), each with its
// values set to 0; one that was given back is given out again. Not thread-safe.

#include <bpf/bpf.h>
#include <bpf/libbpf.h>

#include <cstdint>
#include <vector>

#include "kernel/kernel_object.h"

namespace seep {

template <typename Value, std::uint32_t End, int (KernelObject::*Map)() const>
class MapSlots {
 public:
    /// 0 when all are taken.
    std::uint32_t take(const KernelObject& kernel) {
        std::uint32_t slot = 0;
        if (!free_.empty()) {
            slot = free_.back();
            free_.pop_back();
        } else if (next_ < End) {
            slot = next_++;
        } else {
            return 0;
        }
        const std::vector<Value> zeros(static_cast<std::size_t>(libbpf_num_possible_cpus()));
        bpf_map_update_elem((kernel.*Map)(), &slot, zeros.data(), BPF_ANY);
        return slot;
    }
    void give_back(std::uint32_t slot) { free_.push_back(slot); }

 private:
    std::uint32_t next_ = 1;
    std::vector<std::uint32_t> free_;
};

}  // namespace seep
