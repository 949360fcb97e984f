// SPDX-License-Identifier: GPL-2.0-only
#pragma once

// What an object of the kernel's beside a KernelObject needs: that object's maps in place of its
// own, and its ring buffer read. Not thread-safe.

#include <cstddef>
#include <functional>
#include <memory>
#include <span>

#include "base/result.h"
#include "kernel/kernel_object.h"

struct bpf_object;

namespace seep {

/// Makes every map of the opened object that `kernel` has, too, the one that `kernel` has: one
/// process image has one slot, whichever object looks. 0 or a negative errno.
int share_maps(const bpf_object& object, const KernelObject& kernel);

class EventRing {
 public:
    explicit EventRing(int map_fd);
    EventRing(EventRing&&) noexcept;
    EventRing& operator=(EventRing&&) noexcept;
    ~EventRing();

    /// False if it could not be opened; errno says why.
    [[nodiscard]] explicit operator bool() const;
    /// Polls readable when the buffer is filling up; otherwise records wait to be read.
    [[nodiscard]] int poll_fd() const;
    /// Calls `on_record` with each waiting record, in order. The bytes are valid during the call.
    Result<void> read(const std::function<void(std::span<const std::byte>)>& on_record);

 private:
    struct State;
    std::unique_ptr<State> state_;
};

}  // namespace seep
