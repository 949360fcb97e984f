// SPDX-License-Identifier: GPL-2.0-only
#pragma once

// While it lives, the kernel can walk the stacks of calibration_stack() in seep itself: a space of
// one mapping in the slot of no process, and a table of one rule in the last slot of the tables,
// with as many rows as a search takes in ordinary code. Not thread-safe.

#include <cstdint>

#include "base/result.h"
#include "kernel/kernel_object.h"

namespace seep {

class OwnUnwinding {
 public:
    static constexpr std::uint32_t process_slot = 0;

    /// `kernel` must outlive it. An error if the last slot of the tables is taken.
    static Result<OwnUnwinding> begin(const KernelObject& kernel);
    OwnUnwinding(OwnUnwinding&& other) noexcept;
    OwnUnwinding& operator=(OwnUnwinding&&) = delete;
    ~OwnUnwinding();

 private:
    explicit OwnUnwinding(const KernelObject& kernel) : kernel_(&kernel) {}
    const KernelObject* kernel_;
};

}  // namespace seep
