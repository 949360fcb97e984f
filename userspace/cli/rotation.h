// SPDX-License-Identifier: GPL-2.0-only
#pragma once

// Puts a copy of a recording aside again and again while it is written: X.seep becomes
// X-20261121T010000Z.seep, a recording of its own. With what the recording keeps set to the time
// between copies, each has what came since the one before. Of the copies of a name, also of earlier
// runs, the newest so many stay. Copying is done on a thread of its own. Not thread-safe.

#include <chrono>
#include <cstddef>
#include <string>

#include "base/background.h"
#include "base/result.h"

namespace seep {

class Rotation {
 public:
    Rotation(std::chrono::nanoseconds every, std::size_t files)
        : every_(every), files_(files), next_(std::chrono::steady_clock::now() + every) {}

    /// Poll this for input, then call handle().
    [[nodiscard]] int poll_fd() const { return copy_.fd(); }
    void handle();
    /// Begins a copy, if it is time to. `recording`: it has a new snapshot.
    void look(const std::string& recording);

 private:
    std::chrono::nanoseconds every_;
    std::size_t files_;
    std::chrono::steady_clock::time_point next_;
    Background<Result<void>> copy_;
};

/// "X-20261121T010000Z.seep" of "X.seep" (or "X") and a Unix time. Pure.
std::string rotated_name(const std::string& recording, std::int64_t time);

/// Removes all but the newest `files` copies of a recording. Files of other names stay.
void remove_older_copies(const std::string& recording, std::size_t files);

}  // namespace seep
