// SPDX-License-Identifier: GPL-2.0-only
#pragma once

// The part of a recording that a report is about: `--window FROM:TO`, offsets from the first
// snapshot. Pure functions, thread-safe.
//
//     "30s:5m"  from 30 s to 5 min;  "1h:" from 1 h to the end;  ":10m" the first ten minutes

#include <cstddef>
#include <cstdint>
#include <optional>
#include <string_view>
#include <vector>

#include "base/result.h"
#include "store/model.h"

namespace seep {

/// As asked for. Nanoseconds after the first snapshot; without a value: to that end of the
/// recording.
struct WindowRequest {
    std::optional<std::int64_t> from_ns;
    std::optional<std::int64_t> to_ns;
};

/// As it is: indices of its first and last snapshot.
struct Window {
    std::size_t first = 0;
    std::size_t last = 0;
    [[nodiscard]] std::size_t snapshots() const { return last - first + 1; }
};

/// bad_input for what is not FROM:TO, or ends before it begins.
Result<WindowRequest> parse_window(std::string_view text);

/// The snapshots nearest to the asked ends. bad_input if that is one and the same snapshot; only a
/// recording that is asked for as a whole may have a single one. `snapshots`: ascending, not empty.
Result<Window> resolve_window(const WindowRequest& request,
                              const std::vector<SnapshotRecord>& snapshots);

/// How much a counter of the kernel has grown; nothing, if it began anew.
inline double grown(std::uint64_t now, std::uint64_t before) {
    return now > before ? static_cast<double>(now - before) : 0;
}

/// Of the time between two snapshots, the share with probes in place.
double observed_share(const SnapshotRecord& before, const SnapshotRecord& now);

}  // namespace seep
