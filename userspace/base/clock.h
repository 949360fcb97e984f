// SPDX-License-Identifier: GPL-2.0-only
#pragma once

// The kernel's clocks, in nanoseconds.

#include <time.h>

#include <cstdint>

namespace seep {

inline std::int64_t clock_ns(clockid_t clock) {
    timespec now{};
    clock_gettime(clock, &now);
    return (std::int64_t{now.tv_sec} * 1'000'000'000) + now.tv_nsec;
}

/// Since 1970, as set by people: for what is written down.
inline std::int64_t realtime_ns() {
    return clock_ns(CLOCK_REALTIME);
}

/// Since the machine's start, never set back: for differences.
inline std::int64_t monotonic_ns() {
    return clock_ns(CLOCK_MONOTONIC);
}

}  // namespace seep
