// SPDX-License-Identifier: GPL-2.0-only
#include "drain/heap_counts.h"

#include <algorithm>
#include <utility>

#include "base/clock.h"
#include "drain/heap_reading.h"

namespace seep {
namespace {

constexpr double most_time = 0.02;
constexpr double most_first_s = 1;
/// By which the age has grown since.
constexpr double between = 0.25;
constexpr double least_between_s = 1;

}  // namespace

bool HeapCounts::is_due(const Now& now) const {
    const double takes = reading_.seconds_for(now.anonymous_bytes);
    if (now.is_last && takes <= most_last_reading_s(now.age_s)) return true;
    if (!last_age_s_) return takes <= std::max(most_time * now.age_s, most_first_s);
    const double since = now.age_s - *last_age_s_;
    return since >= std::max({takes / most_time, between * now.age_s, least_between_s});
}

std::map<pid_t, HeapCensus> HeapCounts::count(const std::vector<pid_t>& processes, const Now& now) {
    last_age_s_ = now.age_s;
    const std::int64_t began_ns = monotonic_ns();
    std::map<pid_t, HeapCensus> counted;
    for (const pid_t pid : processes)
        if (auto census = read_glibc_heaps(pid)) counted.emplace(pid, std::move(*census));
    reading_.learn(now.anonymous_bytes, static_cast<double>(monotonic_ns() - began_ns) / 1e9);
    return counted;
}

}  // namespace seep
