// SPDX-License-Identifier: GPL-2.0-only
#include "analysis/weighing.h"

#include <algorithm>
#include <cmath>

#include "analysis/false_discovery.h"
#include "analysis/load.h"
#include "analysis/sampling.h"
#include "analysis/turnover.h"
#include "analysis/verdict.h"

namespace seep {

namespace {

/// A fall of the troughs is deep from this share of their range on.
constexpr double deep = 0.4;
/// CPU time a second since the halt, as a share of that before, up to which a process is idle.
constexpr double idle_share = 0.2;
/// Of its allocations, the share freed from which on a stack can be one of blocks in flight.
constexpr double in_flight = 0.5;
constexpr double sure = 3;
/// Of a growth, what is as good as none.
constexpr double hardly = 0.5;
/// Of the growth, the share that must come from the load to be called so.
constexpr double explained = 0.7;
/// Of a buffer that is appended to.
constexpr double least_enlargements = 20;
constexpr double most_uneven_enlarging = 0.1;
/// Of what grew, the share in flight that moves no end of the window.
constexpr double next_to_none = 0.02;
/// Of fewer blocks, the mean says no more than the median.
constexpr double least_random = 8;

double seconds_between(std::int64_t from_ns, std::int64_t to_ns) {
    return static_cast<double>(to_ns - from_ns) / 1e9;
}

/// Of the blocks that were freed, those before the first snapshot: recording may have begun, or
/// what was recorded may have been forgotten, long after attach.
std::uint64_t freed_before(const MergedStack& stack) {
    if (stack.live.empty() || stack.live.front().snapshot > 0) return 0;
    return stack.live.front().allocated_count - stack.live.front().live_count;
}

/// Block-seconds lived by each freed block's worth of the stack: the time that blocks stay, where
/// they come and go evenly (J. D. C. Little, "A proof for the queuing formula L = lambda W",
/// Operations Research 9, 1961); and the estimate of an exponential lifetime from censored ones.
std::optional<double> mean_life(const MergedStack& stack, const RecordingContents& contents) {
    const double freed =
        static_cast<double>(stack.totals.freed_count) - static_cast<double>(freed_before(stack));
    if (freed <= 0) return std::nullopt;
    double block_seconds = 0;
    for (std::size_t i = 0; i < stack.live.size(); ++i) {
        const std::size_t until =
            i + 1 < stack.live.size() ? stack.live[i + 1].snapshot : contents.window.last;
        block_seconds += static_cast<double>(stack.live[i].live_count) *
                         seconds_between(contents.snapshots[stack.live[i].snapshot].time_ns,
                                         contents.snapshots[until].time_ns);
    }
    return block_seconds / freed;
}

/// The share of the window's time, or of the CPU time used in it if that is less, that lies after
/// `middle`.
double late_share(const Surroundings& surroundings, const RecordingContents& contents,
                  const Window& window, std::size_t middle) {
    const double of_time = window_seconds(contents.snapshots, {middle, window.last}) /
                           window_seconds(contents.snapshots, window);
    const std::vector<double>& cpu = surroundings.cpu;
    const double used = cpu[window.last] - cpu[window.first];
    return used > 0 ? std::min(of_time, (cpu[window.last] - cpu[middle]) / used) : of_time;
}

/// Allocations a second from one snapshot to a later one.
double birth_rate(const MergedStack& stack, const RecordingContents& contents, std::size_t from,
                  std::size_t to) {
    const double seconds =
        seconds_between(contents.snapshots[from].time_ns, contents.snapshots[to].time_ns);
    return static_cast<double>(point_at(stack.live, to).allocated_count -
                               point_at(stack.live, from).allocated_count) /
           seconds;
}

/// Little's law: what is in flight grows as the rate of allocations does while blocks stay as long.
/// `weight`: of a sampled block (mean_weight()).
bool grows_with_its_rate(const MergedStack& stack, const RecordingContents& contents,
                         const Window& window, double weight) {
    const std::size_t quarter = (window.last - window.first) / 4;
    if (quarter == 0) return false;
    const auto births = [&](std::size_t from, std::size_t to) {
        return static_cast<double>(point_at(stack.live, to).allocated_count -
                                   point_at(stack.live, from).allocated_count);
    };
    // A rate that differs by chance explains as small a growth.
    const double early_births = births(window.first, window.first + quarter);
    const double late_births = births(window.last - quarter, window.last);
    if (late_births - early_births <= sure * std::sqrt(weight * (early_births + late_births)))
        return false;
    const auto mean_live = [&](std::size_t from, std::size_t to) {
        double sum = 0;
        for (std::size_t i = from; i <= to; ++i)
            sum += static_cast<double>(point_at(stack.live, i).live_count);
        return sum / static_cast<double>(to - from + 1);
    };
    const double early = mean_live(window.first, window.first + quarter);
    const double late = mean_live(window.last - quarter, window.last);
    const double early_rate = birth_rate(stack, contents, window.first, window.first + quarter);
    const double late_rate = birth_rate(stack, contents, window.last - quarter, window.last);
    if (early_rate <= 0 || late <= early) return false;
    return early / early_rate * (late_rate - early_rate) > explained * (late - early);
}

/// The same by regression on a load, where that goes up and down. `load`: of the snapshots of the
/// window but its first, each since the one before.
bool follows(const std::vector<double>& load, const MergedStack& stack,
             const RecordingContents& contents, const Window& window, double grown_bytes) {
    std::vector<double> seconds;
    std::vector<double> live;
    for (std::size_t i = window.first + 1; i <= window.last; ++i) {
        seconds.push_back(seconds_between(contents.snapshots[window.first].time_ns,
                                          contents.snapshots[i].time_ns));
        live.push_back(static_cast<double>(point_at(stack.live, i).live));
    }
    const auto fit = fit_load(seconds, load, live);
    if (!fit || fit->per_load.value <= sure * fit->per_load.error) return false;
    const double length = seconds.back() - seconds.front();
    const double by_time = fit->per_second.value * length;
    return by_time <= sure * fit->per_second.error * length &&
           by_time <= (1 - explained) * grown_bytes;
}

bool follows_its_rate(const MergedStack& stack, const RecordingContents& contents,
                      const Window& window, double grown_bytes) {
    std::vector<double> rates;
    for (std::size_t i = window.first + 1; i <= window.last; ++i)
        rates.push_back(birth_rate(stack, contents, i - 1, i));
    return follows(rates, stack, contents, window, grown_bytes);
}

/// Units of work a second, as somebody counted them; false if nobody did.
bool follows_the_work(const MergedStack& stack, const RecordingContents& contents,
                      const Window& window, double grown_bytes) {
    std::vector<double> rates;
    for (std::size_t i = window.first + 1; i <= window.last; ++i) {
        const SnapshotRecord& before = contents.snapshots[i - 1];
        const SnapshotRecord& now = contents.snapshots[i];
        if (!before.work || !now.work || *now.work < *before.work) return false;
        rates.push_back(static_cast<double>(*now.work - *before.work) /
                        seconds_between(before.time_ns, now.time_ns));
    }
    return follows(rates, stack, contents, window, grown_bytes);
}

/// Blocks of the window's births that are not in flight, but there to stay.
double staying(const MergedStack& stack, const Facts& facts) {
    if (!facts.evidence.survival) return 0;
    return facts.evidence.survival->low *
           static_cast<double>(stack.totals.allocated_count - facts.before.allocated_count);
}

/// Where next to nothing of a stack that surely grows is in flight, its growth from the window's
/// start to its end is what there was. What was seen in windows is a sample of it.
void take_what_there_was(const MergedStack& stack, const Surroundings& surroundings, Facts& facts) {
    const double watched = seconds_between(facts.attached_ns, surroundings.end_ns);
    const double at_once = seconds_lived(stack.lifetimes) / watched;
    Growth& growth = facts.estimate.growth;
    if (growth.low <= 0 || facts.rises < least_random ||
        at_once > next_to_none * facts.grown_count())
        return;
    take_mean_within_chance(static_cast<double>(growth.bytes) / surroundings.seconds, facts.rises,
                            growth);
    const double seen = surroundings.seconds / surroundings.elapsed_seconds;
    if (seen < 1)
        widen_by_share(std::sqrt(1 - seen) * rise_standard_error(facts.estimate.troughs) /
                           growth.bytes_per_second,
                       growth);
}

Window settled_window(const MergedStack& stack, const RecordingContents& contents,
                      std::optional<double> mean_life) {
    Window window = contents.window;
    // Where most blocks stay, five lives are longer than any window.
    if (!mean_life || stack.totals.freed_count < stack.totals.held_count()) return window;
    const double blind = std::min(settling_lives * *mean_life, 1e9);
    const std::int64_t until = stack.attached_ns + static_cast<std::int64_t>(blind * 1e9);
    const std::size_t half = middle_of(contents.snapshots, window);
    while (window.first < half && window.snapshots() > least_snapshots &&
           contents.snapshots[window.first].time_ns < until)
        ++window.first;
    return window;
}

}  // namespace

bool Facts::is_enlarged() const {
    const auto& troughs = estimate.troughs;
    return after.held_count() <= few_blocks && grown_count() < 1 &&
           enlargements() >= least_enlargements && unevenness <= most_uneven_enlarging &&
           std::ranges::adjacent_find(troughs, std::ranges::greater_equal(), &Point::y) ==
               troughs.end();
}

Births births_of(const MergedStack& stack, const RecordingContents& contents) {
    Births births{{0}, {0}};
    const auto add = [&](std::size_t snapshot, std::uint64_t count) {
        const double time =
            seconds_between(stack.attached_ns, contents.snapshots[snapshot].time_ns);
        if (time <= births.time.back()) return;
        births.time.push_back(time);
        births.count.push_back(static_cast<double>(count));
    };
    std::uint64_t before = 0;
    for (const LivePoint& point : stack.live) {
        // It is a line between snapshots, and level where the stack has no row.
        if (point.snapshot > 0) add(point.snapshot - 1, before);
        add(point.snapshot, point.allocated_count);
        before = point.allocated_count;
    }
    add(contents.window.last, before);
    return births;
}

Facts weigh(const MergedStack& stack, const RecordingContents& contents,
            const Surroundings& surroundings) {
    Facts facts;
    facts.mean_life = mean_life(stack, contents);
    facts.settled = settled_window(stack, contents, facts.mean_life);
    const Window& window = facts.settled;
    facts.estimate = estimate_growth(stack.live, contents.snapshots, window);
    facts.estimate.growth.bytes = static_cast<std::int64_t>(
        live_at(stack.live, contents.window.last) - live_at(stack.live, contents.window.first));
    facts.before = point_at(stack.live, window.first);
    facts.after = stack.totals;
    facts.seconds = window_seconds(contents.snapshots, window);
    facts.attached_ns = stack.attached_ns;
    for (const LivePoint& point : stack.live)
        if (point.snapshot >= window.first)
            facts.peak = std::max(facts.peak, static_cast<double>(point.live));

    const auto on_ledgers_clock = [&](std::int64_t time_ns) {
        return 1e6 * seconds_between(contents.info.started_ns, time_ns);
    };
    Evidence& evidence = facts.evidence;
    facts.deviation =
        turnover_deviation(stack.at_start, facts.before, facts.after, surroundings.sampling_bytes);
    if (facts.deviation) evidence.turnover_z = facts.risen_bytes() / *facts.deviation;
    evidence.age_ratio = age_ratio(facts.after, on_ledgers_clock(stack.attached_ns),
                                   on_ledgers_clock(surroundings.end_ns));
    evidence.pace = pace_of(facts.estimate.troughs);

    // Lifetimes are those of the whole recording.
    const double observed = seconds_between(stack.attached_ns, surroundings.end_ns);
    const auto live_count = static_cast<double>(stack.totals.held_count());
    const auto freed_count = static_cast<double>(stack.totals.freed_count);
    if (window.last + 1 == contents.snapshots.size()) {
        evidence.survival =
            observed_survival(stack.lifetimes, births_of(stack, contents),
                              mean_weight(stack.totals, surroundings.sampling_bytes));
        facts.late_mortality = late_mortality(stack.lifetimes, observed, live_count);
    } else if (stack.totals.allocated_count > 0) {
        facts.late_mortality = freed_count / (freed_count + live_count);
    }

    const std::size_t middle = middle_of(contents.snapshots, window);
    if (!facts.estimate.estimated) return facts;

    facts.slowing = slowing(facts.estimate.troughs);
    facts.unevenness = unevenness(facts.estimate.troughs);
    facts.falls = deep_falls(facts.estimate.troughs, deep);
    const double early_cpu = cpu_rate(surroundings, contents, window.first, middle);
    const double late_cpu = cpu_rate(surroundings, contents, middle, window.last);
    if (evidence.pace && late_cpu > 0) facts.work_pace = *evidence.pace * early_cpu / late_cpu;
    facts.rises = facts.grown_count();
    // Windows slow a target down, one more than another.
    const bool in_windows = surroundings.elapsed_seconds > surroundings.seconds;
    if (!in_windows &&
        freed_count - static_cast<double>(facts.before.allocated_count - facts.before.live_count) <
            hardly * facts.rises) {
        facts.rises = independent_rises(stack.live, contents.snapshots, window);
        facts.late_count =
            (live_count - static_cast<double>(point_at(stack.live, middle).live_count)) /
            std::max(1.0, facts.grown_count());
        facts.late_work = late_share(surroundings, contents, window, middle);
    }
    take_what_there_was(stack, surroundings, facts);
    facts.halt = find_halt(stack.live, contents.snapshots, window);
    if (facts.halt && !facts.halt->sure) {
        facts.pause = facts.seconds * (1 - facts.halt->risen_share);
        facts.halt.reset();
    }
    if (surroundings.halt && *surroundings.halt > window.first) {
        const double pause =
            seconds_between(contents.snapshots[*surroundings.halt].time_ns, surroundings.end_ns);
        const double since = static_cast<double>(live_at(stack.live, window.last)) -
                             static_cast<double>(live_at(stack.live, *surroundings.halt));
        if (since < hardly * facts.grown_bytes() * pause / facts.seconds)
            facts.common_pause = pause;
    }
    if (facts.halt) {
        const std::size_t halt = facts.halt->snapshot;
        facts.idle_since_halt = cpu_rate(surroundings, contents, halt, window.last) <
                                idle_share * cpu_rate(surroundings, contents, window.first, halt);
    }
    if (freed_count > in_flight * static_cast<double>(stack.totals.allocated_count) &&
        staying(stack, facts) < (1 - explained) * facts.grown_count())
        facts.load_explains =
            grows_with_its_rate(stack, contents, window,
                                mean_weight(stack.totals, surroundings.sampling_bytes)) ||
            follows_its_rate(stack, contents, window, facts.grown_bytes());
    facts.work_explains = follows_the_work(stack, contents, window, facts.grown_bytes());
    // What outlived a window may have died since, unseen.
    if (in_windows) evidence.survival.reset();
    return facts;
}

double blindly_grown(const MergedStack& stack, const Facts& facts,
                     const RecordingContents& contents) {
    if (!facts.blocks_die() || !facts.mean_life) return 0;
    const Window& window = contents.window;
    const std::size_t middle = middle_of(contents.snapshots, window);
    const double watched = seconds_between(stack.attached_ns, contents.snapshots[middle].time_ns);
    if (watched > settling_lives * *facts.mean_life) return 0;
    return std::max(0.0, static_cast<double>(point_at(stack.live, window.last).live_count) -
                             static_cast<double>(point_at(stack.live, middle).live_count));
}

std::vector<Facts> weigh_all(const std::vector<MergedStack>& stacks,
                             const RecordingContents& contents, const Surroundings& surroundings) {
    std::vector<Facts> facts;
    facts.reserve(stacks.size());
    std::vector<std::size_t> tested;
    std::vector<double> p_values;
    for (const MergedStack& stack : stacks) {
        Facts& added = facts.emplace_back(weigh(stack, contents, surroundings));
        widen_by_turnover(added.evidence.turnover_z, added.estimate);
        if (surroundings.sampling_bytes > 0)
            widen_by_sampling(growth_standard_error(stack.at_start, stack.totals) /
                                  window_seconds(contents.snapshots, contents.window),
                              added.estimate);
        if (!added.evidence.turnover_z) continue;
        tested.push_back(facts.size() - 1);
        p_values.push_back(upper_tail(*added.evidence.turnover_z));
    }
    const std::vector<double> q = q_values(p_values);
    for (std::size_t i = 0; i < tested.size(); ++i) facts[tested[i]].evidence.q_value = q[i];
    return facts;
}

double unexplained_old_frees(const Surroundings& surroundings,
                             const std::vector<MergedStack>& stacks,
                             const std::vector<Facts>& facts, const RecordingContents& contents) {
    const std::size_t middle = middle_of(contents.snapshots, contents.window);
    const auto freed = [](const LivePoint& point) {
        return static_cast<double>(point.allocated_count) - static_cast<double>(point.live_count);
    };
    double left = surroundings.late_old_frees;
    double variance = 0;  // Of the followed frees, which were taken off all that were counted.
    for (std::size_t i = 0; i < stacks.size(); ++i) {
        left -= blindly_grown(stacks[i], facts[i], contents);
        if (surroundings.sampling_bytes == 0) continue;
        variance += mean_weight(stacks[i].totals, surroundings.sampling_bytes) *
                    std::max(0.0, freed(point_at(stacks[i].live, contents.window.last)) -
                                      freed(point_at(stacks[i].live, middle)));
    }
    return std::max(0.0, left - 3 * std::sqrt(variance));
}

}  // namespace seep
