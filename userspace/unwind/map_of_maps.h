// SPDX-License-Identifier: GPL-2.0-only
#pragma once

// A map of maps in the kernel that can be changed at once. The system calls that change one return
// when no program uses what was there before (kernel/bpf/syscall.c, maybe_wait_bpf_programs): some
// 10 to 40 ms, in which a library that has just been loaded already allocates. The change itself is
// made at their start, so they are called on threads of their own, and a change is over for its
// caller when it can be seen.
//
//     MapOfMaps tables(fd);
//     auto put = tables.put({slot}, {map});     // programs find the new map from here on
//
// What a program has found before, it may go on using after that. Destruction waits for the system
// calls that still run. To be used from one thread.

#include <cstdint>
#include <deque>
#include <memory>
#include <vector>

#include "base/result.h"

namespace seep {

class MapOfMaps {
 public:
    /// `fd`: an ARRAY_OF_MAPS, which must outlive this.
    explicit MapOfMaps(int fd);
    ~MapOfMaps();
    MapOfMaps(MapOfMaps&&) noexcept;
    MapOfMaps& operator=(MapOfMaps&&) noexcept;

    [[nodiscard]] int fd() const { return fd_; }
    /// `maps` (descriptors, which may be closed after it) into `slots`.
    Result<void> put(const std::vector<std::uint32_t>& slots, const std::vector<int>& maps);
    Result<void> erase(std::uint32_t slot);

 private:
    struct Change;

    Result<void> make(std::unique_ptr<Change> change);

    int fd_;
    std::deque<std::unique_ptr<Change>> changes_;  ///< Whose system calls may still run.
};

}  // namespace seep
