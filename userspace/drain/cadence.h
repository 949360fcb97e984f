// SPDX-License-Identifier: GPL-2.0-only
#pragma once

// How often snapshots are taken where nobody has said it: often while a recording is young, so that
// a minute suffices for a trend, and seldom when it is old. Whenever there are as many as a trend
// is the better for, every other one goes, and the time between them doubles: they stay evenly
// spaced.
//
//     snapshots    |||||||||||||||||            17 to 33 of them, once there are so many
//                  | | | | | | | | | | | | |
//                  |   |   |   |   |   |   |    until they are `steady` apart
//
// Pure; not thread-safe.

#include <algorithm>
#include <chrono>

namespace seep {

class Cadence {
 public:
    using Duration = std::chrono::nanoseconds;

    /// Always the same.
    explicit Cadence(Duration steady) : between_(steady), steady_(steady) {}
    /// For a recording of that length; 0: nobody knows. Never further apart than `steady`.
    Cadence(Duration steady, Duration length)
        : between_(length > Duration(0) ? std::clamp(length / most_of_known, shortest, usual_start)
                                        : usual_start),
          steady_(steady) {
        between_ = std::min(between_, steady);
    }

    [[nodiscard]] Duration between() const { return between_; }
    /// Tells of one more snapshot; whether between() has doubled, and every other one is to go, the
    /// first and this one not among them.
    bool add() {
        if (++count_ < most || between_ >= steady_) return false;
        count_ = (most + 1) / 2;
        between_ = std::min(2 * between_, steady_);
        return true;
    }

 private:
    static constexpr Duration usual_start = std::chrono::milliseconds(1250);
    static constexpr Duration shortest = std::chrono::milliseconds(100);
    static constexpr int most = 33;           ///< Before every other one goes; odd.
    static constexpr int most_of_known = 30;  ///< Of a length that is known: none goes.

    Duration between_;
    Duration steady_;
    int count_ = 1;  ///< The first is taken at attach.
};

}  // namespace seep
