// SPDX-License-Identifier: GPL-2.0-only
#pragma once

// Counts now and then what the allocators of processes have in use in all, by their own account
// (glibc_heap.h): all of the time, whatever goes by while probes are not in place, and allocated
// before attaching or not. The processes go on. It is counted when recording begins, at a quarter
// more than the age each time, and at the end; and takes a fiftieth of the time at most, but for a
// second at the beginning, and three at the end. Not thread-safe.

#include <sys/types.h>

#include <cstdint>
#include <map>
#include <optional>
#include <vector>

#include "drain/glibc_heap.h"
#include "drain/reading_time.h"

namespace seep {

class HeapCounts {
 public:
    struct Now {
        double age_s = 0;                   ///< Since attach.
        std::uint64_t anonymous_bytes = 0;  ///< Of the processes, in memory.
        bool is_last = false;
    };
    [[nodiscard]] bool is_due(const Now& now) const;
    /// Without those of which it cannot be told: they are gone, or not what they seem to be.
    std::map<pid_t, HeapCensus> count(const std::vector<pid_t>& processes, const Now& now);

 private:
    std::optional<double> last_age_s_;
    ReadingTime reading_;
};

}  // namespace seep
