// SPDX-License-Identifier: GPL-2.0-only
#pragma once

// Gathers what is known of a stack's growth, from which verdict.h judges. Pure, thread-safe.

#include <algorithm>
#include <cstdint>
#include <optional>
#include <vector>

#include "analysis/contents.h"
#include "analysis/growth.h"
#include "analysis/merging.h"
#include "analysis/report.h"
#include "analysis/shape.h"
#include "analysis/surroundings.h"
#include "analysis/survival.h"

namespace seep {

/// Of blocks that had lived long, the share freed from which on they still die. Blocks that live
/// 2.5 times as long as the observation, on average, reach it.
inline constexpr double still_dying = 0.1;
/// Standard deviations that differences within the window must have.
inline constexpr double sure_difference = 2.5;

/// As few blocks that grow are being enlarged, which turnover does not measure.
inline constexpr std::uint64_t few_blocks = 8;

struct Facts {
    GrowthEstimate estimate;  ///< `growth.bytes` is of the whole window, the rest of `settled`.
    Evidence evidence;        ///< All but q_value, cluster and decidable_at_ns.
    /// The window without the stack's blind spot: from five mean lives of its blocks after attach
    /// on, but at least the later half.
    Window settled;
    LivePoint before;                 ///< At its start.
    Totals after;                     ///< At its end.
    double seconds = 0;               ///< Its length.
    double peak = 0;                  ///< The most live bytes within it.
    std::optional<double> deviation;  ///< Of its growth, in bytes, by chance; see turnover.h.
    double slowing = 0;               ///< See shape.h; bytes.
    double unevenness = 0;            ///< See shape.h.
    std::size_t falls = 0;            ///< Deep ones, of the troughs.
    /// Of the blocks that it grew by, how many came by themselves (independent_rises()); all where
    /// blocks come and go, and in windows.
    double rises = 0;
    std::optional<Halt> halt;     ///< A sure one.
    std::optional<double> pause;  ///< Seconds at the end without growth, if it is not.
    /// Seconds since all stacks together halted, if this one has hardly grown since either.
    std::optional<double> common_pause;
    bool idle_since_halt = false;  ///< The processes used next to no CPU time since.
    /// `pace` if the growth is set in relation to the CPU time used instead of time.
    std::optional<double> work_pace;
    /// Of the blocks that it grew by, the share that came in the later half; empty where blocks
    /// come and go, and in windows.
    std::optional<double> late_count;
    double late_work = 0.5;  ///< Of the CPU time used, the share of that half; at most a half.
    std::optional<double> late_mortality;  ///< See survival.h.
    std::optional<double> mean_life;  ///< Seconds; by Little's law. Empty if nothing was freed.
    std::int64_t attached_ns = 0;
    bool load_explains = false;  ///< It grew as its rate of allocations did.
    bool work_explains = false;  ///< It grew as the rate of counted work did.

    [[nodiscard]] bool blocks_die() const {
        return late_mortality && *late_mortality > still_dying;
    }
    /// Whether the growth is away from an even one by more than that share of it, and by more than
    /// chance is.
    [[nodiscard]] bool strays(double most) const {
        if (unevenness <= most || estimate.troughs.empty()) return false;
        const double rise = estimate.troughs.back().y - estimate.troughs.front().y;
        return unevenness * rise > sure_difference * deviation.value_or(0);
    }
    /// More at the end of `settled` than at its start.
    [[nodiscard]] double grown_count() const {
        return static_cast<double>(after.held_count()) - static_cast<double>(before.live_count);
    }
    [[nodiscard]] double grown_bytes() const {
        return static_cast<double>(after.held_bytes()) - static_cast<double>(before.live);
    }
    /// Likewise, but two moments of a sawtooth may lie anywhere on it; its low points do not.
    [[nodiscard]] double risen_bytes() const {
        return estimate.estimated
                   ? std::max(grown_bytes(), estimate.growth.bytes_per_second * seconds)
                   : grown_bytes();
    }
    /// Of a few blocks that do not become more, how often one was replaced by a larger one.
    [[nodiscard]] double enlargements() const {
        return static_cast<double>(after.allocated_count) -
               static_cast<double>(before.allocated_count);
    }
    /// Whether they are a buffer that is only appended to, bit by bit: often, more evenly than by
    /// chance, and each low point is higher than the one before.
    [[nodiscard]] bool is_enlarged() const;
};

/// Until the window's end.
Births births_of(const MergedStack& stack, const RecordingContents& contents);

Facts weigh(const MergedStack& stack, const RecordingContents& contents,
            const Surroundings& surroundings);

/// Blocks by which the stack grew in the window's later half for want of older ones: its blocks die
/// and, in its blind spot, those from before attach that die, too, are not known to be its own.
double blindly_grown(const MergedStack& stack, const Facts& facts,
                     const RecordingContents& contents);

/// Of each stack, with its q_value among all of them.
std::vector<Facts> weigh_all(const std::vector<MergedStack>& stacks,
                             const RecordingContents& contents, const Surroundings& surroundings);

/// What is left of the frees of older blocks if stacks that are sure to have had some take theirs.
double unexplained_old_frees(const Surroundings& surroundings,
                             const std::vector<MergedStack>& stacks,
                             const std::vector<Facts>& facts, const RecordingContents& contents);

}  // namespace seep
