// SPDX-License-Identifier: GPL-2.0-only
#pragma once

// Keeps a tracer at the level that a governor decides on, and notes for the recording how much was
// followed when. Without a governor it stays at the level it has. Not thread-safe.

#include <chrono>
#include <optional>
#include <vector>

#include "base/result.h"
#include "drain/governor.h"
#include "drain/snapshot.h"
#include "drain/tracer.h"

namespace seep {

class Governing {
 public:
    /// `tracer` must outlive it, follows one allocation in `bytes` now, and has all its targets.
    Governing(Tracer& tracer, std::uint64_t bytes, const std::optional<GovernorOptions>& options);

    [[nodiscard]] bool governs() const { return governor_.has_value(); }
    /// Looks at what happened, and does what is to be done about it. When to call it again, from
    /// now; changes of level are among the tracer's events.
    Result<std::chrono::nanoseconds> look();
    /// The periods that are new or have changed since the last call, up to now.
    std::vector<PeriodRecord> take_periods();

 private:
    void begin_period(const FollowingLevel& level);
    void end_period();

    Tracer* tracer_;
    std::optional<Governor> governor_;
    double budget_ = 0;
    FollowingLevel level_;
    std::uint64_t unobserved_ns_ = 0;  ///< When the period began.
    PeriodRecord period_;
    std::vector<PeriodRecord> ended_;
};

}  // namespace seep
