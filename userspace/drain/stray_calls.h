// SPDX-License-Identifier: GPL-2.0-only
#pragma once

// The kernel's calls for processes whose stacks led to code that it has no mapping of
// (bpf/unwind_strays.bpf.h): something was mapped, or moved, that no event has told of. Not
// thread-safe.

#include <bpf/libbpf.h>

#include <cstdint>
#include <memory>
#include <vector>

#include "base/handles.h"
#include "base/result.h"

namespace seep {

class StrayCalls {
 public:
    /// `strays_map`: a ring buffer that must outlive this.
    static Result<StrayCalls> open(int strays_map);

    /// Readable while calls are waiting.
    [[nodiscard]] int poll_fd() const;
    /// The slots of the processes that calls have come for.
    std::vector<std::uint32_t> read();

 private:
    StrayCalls() = default;

    std::unique_ptr<std::vector<std::uint32_t>> slots_;  ///< Where the ring's reader puts them.
    CHandle<ring_buffer, ring_buffer__free> ring_;
};

}  // namespace seep
