// SPDX-License-Identifier: GPL-2.0-only
#pragma once

// Walks that the kernel's programs left to the collector, because they came to code that it had not
// told them of yet (bpf/unwind_deferred.bpf.h).
//
// The collector may be at something longer just then (the tables of the very object, a snapshot),
// while the kernel's buffer fills within milliseconds. So a thread of this object's empties it. All
// functions are to be called from one thread.

#include <cstddef>
#include <memory>
#include <vector>

#include "base/result.h"
#include "unwind/space_sync.h"

namespace seep {

class DeferredWalks {
 public:
    /// `map`: a ring buffer that must outlive this.
    static Result<DeferredWalks> open(int map);
    DeferredWalks(DeferredWalks&&) noexcept;
    DeferredWalks& operator=(DeferredWalks&&) noexcept;
    ~DeferredWalks();

    /// Readable while walks are waiting.
    [[nodiscard]] int poll_fd() const;
    /// All that the kernel had made at the time of the call, in order.
    std::vector<DeferredWalk> read();

 private:
    struct State;
    explicit DeferredWalks(std::unique_ptr<State> state);
    std::unique_ptr<State> state_;
};

}  // namespace seep
