// SPDX-License-Identifier: GPL-2.0-only
#include "analysis/call_pace.h"

#include <algorithm>
#include <cmath>
#include <iterator>
#include <map>
#include <unordered_map>
#include <utility>

#include "analysis/growth.h"

namespace seep {
namespace {

constexpr double z_95 = 1.96;
/// Of which there must be as many as that with allocations recorded, and without.
constexpr double least_calls = 20;
constexpr std::size_t least_parts = 2;
/// From so many on, a call tells the pace as well as any.
constexpr double most_weight = 1'000;
/// Of what was left a call, a standard error that is always reckoned with: what one is counted at
/// the moment when a window begins or ends.
constexpr double least_error = 0.005;

using Part = CountedCall::Part;

/// By which Student's distribution, for the parts there are, is wider than the normal one: its
/// 97.5 % quantile at so many degrees of freedom, from 1 on, over 1.96.
double students_factor(double parts) {
    constexpr double quantiles[] = {12.71, 4.30, 3.18, 2.78, 2.57, 2.45, 2.36, 2.31, 2.26, 2.23};
    const auto freedom = static_cast<std::size_t>(std::max(parts - 1, 1.0));
    return quantiles[std::min(freedom, std::size(quantiles)) - 1] / z_95;
}

/// Of the sum of y over the sum of x, as a share of it; so that 1.96 of it make a 95 % interval.
template <typename X, typename Y>
double ratio_error(const std::vector<Part>& parts, X x, Y y) {
    double sum_x = 0;
    double sum_y = 0;
    double count = 0;
    for (const Part& part : parts) {
        sum_x += x(part);
        sum_y += y(part);
        count += x(part) > 0 ? 1 : 0;
    }
    if (count < 2 || sum_y <= 0) return 1;
    const double ratio = sum_y / sum_x;
    double squares = 0;
    for (const Part& part : parts) squares += std::pow(y(part) - ratio * x(part), 2);
    return students_factor(count) * std::sqrt(squares * count / (count - 1)) / sum_y;
}

/// Whether there is enough of it.
bool conclude(CountedCall& call, double observed_share) {
    double observed_seconds = 0;
    double unobserved_calls = 0;
    double unobserved_seconds = 0;
    std::size_t observed_parts = 0;
    for (const Part& part : call.parts) {
        call.observed_calls += part.observed_calls;
        observed_seconds += part.observed_seconds;
        unobserved_calls += part.unobserved_calls;
        unobserved_seconds += part.unobserved_seconds;
        if (part.observed_seconds > 0) ++observed_parts;
    }
    if (call.observed_calls <= 0 || unobserved_calls < least_calls || unobserved_seconds <= 0 ||
        observed_parts < least_parts)
        return false;
    const double unobserved = unobserved_calls / unobserved_seconds;
    const double observed = call.observed_calls / observed_seconds;
    call.a_second = observed_share * observed + (1 - observed_share) * unobserved;
    call.scale = call.a_second / observed;
    call.error = ratio_error(
        call.parts, [](const Part& part) { return part.unobserved_seconds; },
        [](const Part& part) { return part.unobserved_calls; });
    return true;
}

bool contains(const StackRecord& stack, LocationId location) {
    return std::ranges::find(stack.locations, location) != stack.locations.end();
}

/// What a call left behind, times the calls a second; the interval by how much that differs from
/// time to time, and by which of the calls leave something.
std::optional<Growth> left_by_calls(const MergedStack& stack, const CountedCall& call) {
    double bytes = 0;
    double blocks = 0;
    double calls = 0;
    std::map<std::size_t, double> bytes_of;
    for (const Part& part : call.parts) {
        const LivePoint before = point_at(stack.live, part.from);
        const LivePoint after = point_at(stack.live, part.to);
        const double more = static_cast<double>(after.live) - static_cast<double>(before.live);
        bytes += more;
        blocks += static_cast<double>(after.live_count) - static_cast<double>(before.live_count);
        calls += part.observed_calls;
        bytes_of[part.to] = more;
    }
    if (bytes <= 0 || blocks <= 0) return std::nullopt;
    const double chance = std::sqrt(std::max(0.0, 1 - blocks / calls) / blocks);
    const double differing = ratio_error(
        call.parts, [](const Part& part) { return part.observed_calls; },
        [&](const Part& part) { return bytes_of[part.to]; });
    const double error = std::hypot(std::max({chance, differing, least_error}), call.error);
    const double rate = bytes / calls * call.a_second;
    return Growth{.bytes_per_second = rate,
                  .low = rate * std::exp(-z_95 * error),
                  .high = rate * std::exp(z_95 * error)};
}

}  // namespace

std::vector<CountedCall> counted_calls(const RecordingContents& contents) {
    std::map<LocationId, std::map<std::size_t, Part>> parts;
    std::map<std::pair<ProcessId, LocationId>, const CallCountRow*> last;
    for (const CallCountRow& row : contents.calls) {
        if (row.snapshot < contents.window.first || row.snapshot > contents.window.last) continue;
        const CallCount& now = row.count;
        const CallCountRow* const earlier = std::exchange(last[{now.process, now.location}], &row);
        if (earlier == nullptr) continue;
        const CallCount& before = earlier->count;
        Part& part = parts[now.location][row.snapshot];
        part.from = earlier->snapshot;
        part.to = row.snapshot;
        part.observed_calls += grown(now.observed_calls, before.observed_calls);
        part.observed_seconds += grown(now.observed_ns, before.observed_ns) / 1e9;
        part.unobserved_calls += grown(now.unobserved_calls, before.unobserved_calls);
        part.unobserved_seconds += grown(now.unobserved_ns, before.unobserved_ns) / 1e9;
    }
    const double share = observed_share(contents.snapshots[contents.window.first],
                                        contents.snapshots[contents.window.last]);
    std::vector<CountedCall> calls;
    for (const auto& [location, by_snapshot] : parts) {
        CountedCall call{.location = location, .parts = {}};
        for (const auto& [snapshot, part] : by_snapshot) call.parts.push_back(part);
        if (conclude(call, share)) calls.push_back(std::move(call));
    }
    return calls;
}

std::optional<RateScale> rate_scale(std::vector<CountedCall> calls) {
    std::erase_if(calls, [](const CountedCall& c) { return c.observed_calls < least_calls; });
    if (calls.empty()) return std::nullopt;
    std::ranges::sort(calls, {}, &CountedCall::scale);
    const auto weight = [](const CountedCall& call) {
        return std::min(call.observed_calls, most_weight);
    };
    double weights = 0;
    for (const CountedCall& call : calls) weights += weight(call);
    double middle = 0;
    double below = 0;
    for (const CountedCall& call : calls) {
        middle = call.scale;
        below += weight(call);
        if (below >= weights / 2) break;
    }
    double squares = 0;
    for (const CountedCall& call : calls)
        squares += weight(call) * (std::pow(std::log(call.scale / middle), 2) +
                                   call.error * call.error + 1 / call.observed_calls);
    const double error = std::sqrt(squares / weights);
    return RateScale{.low = middle * std::exp(-z_95 * error),
                     .middle = middle,
                     .high = middle * std::exp(z_95 * error)};
}

std::optional<Growth> growth_by_calls(const MergedStack& stack, const Growth& observed,
                                      const std::vector<CountedCall>& calls) {
    std::optional<Growth> best;
    for (const CountedCall& call : calls) {
        if (!contains(stack.record, call.location)) continue;
        std::optional<Growth> growth;
        if (stack.totals.freed_count == 0) {
            growth = left_by_calls(stack, call);
        } else if (call.observed_calls >= least_calls) {
            growth = times(observed, call.scale);
            if (growth->low > 0) widen_by_share(call.error, *growth);
        }
        if (growth && (!best || growth->high - growth->low < best->high - best->low)) best = growth;
    }
    return best;
}

}  // namespace seep
