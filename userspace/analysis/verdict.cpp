// SPDX-License-Identifier: GPL-2.0-only
#include "analysis/verdict.h"

#include <fmt/format.h>

#include <algorithm>
#include <chrono>
#include <cmath>

#include "analysis/sampling.h"
#include "base/text.h"

namespace seep {

namespace {

/// What is less certain is chance: one false alarm among twenty, and three standard deviations.
constexpr double most_q = 0.05;
constexpr double sure_z = 3;
/// Of a growth's later half and its earlier one: below, it is slowing down.
constexpr double slowing_pace = 0.85;
/// Of what was live at most, the rise of the low points that a steady stack may hide.
constexpr double small_rise = 1.0 / 3;
/// Growth that differs more from an even one came in bursts.
constexpr double most_uneven = 0.3;
/// Mean age, as a share of the time since attach, of what a start-up left.
constexpr double oldest = 0.9;
/// What a mean age may be above that of even growth.
constexpr double much_older = 0.05;
/// Of what is uniform between 0 and 1, the square root of 1/12.
constexpr double uniform_deviation = 0.289;
/// Less than a start-up takes.
constexpr double least_leak_seconds = 5;
constexpr double least_leak_blocks = 10;
constexpr double least_leak_rises = 8;  ///< Bunches of blocks.
/// Programs that cut pieces out of larger blocks themselves (slabs, arenas, pools) take ones of
/// this size; of so few, the memory they keep and one they lose look the same.
constexpr double pool_block = 64 << 10;
constexpr double few_pool_blocks = 200;
/// Of their sizes, standard deviation over mean: what is asked for in any size is no such piece.
constexpr double most_varied = 0.1;
/// Frees of older blocks, as a share of the blocks that a stack grew by, from which on it may be
/// replacing them: where all are, the share is 1, and neither count is exact.
constexpr double replaced_share = 0.5;
/// Lost allocations of that share may hide growth.
constexpr double much_lost = 0.01;
/// A halt in the first part of the window is that of a start-up.
constexpr double startup_share = 0.25;

std::string seconds_text(double seconds) {
    // Whole seconds, where they are many.
    const auto unit = seconds < 10 ? std::chrono::nanoseconds(std::chrono::milliseconds(100))
                                   : std::chrono::nanoseconds(std::chrono::seconds(1));
    const double capped = std::min(seconds, 1e9);
    const auto units = std::llround(capped * 1e9 / static_cast<double>(unit.count()));
    return format_duration(units * unit);
}

std::string count_text(double count) {
    return format_count(static_cast<std::uint64_t>(std::max(0.0, std::round(count))));
}

std::string percent_text(double share) {
    return fmt::format("{:.{}f} %", 100 * share, share > 0.99 && share < 1 ? 1 : 0);
}

/// One verdict on one stack.
class Judge {
 public:
    Judge(const Facts& facts, const Surroundings& around) : facts_(facts), around_(around) {}

    [[nodiscard]] Judgement judge() const {
        if (auto verdict = without_growth()) return *verdict;
        if (auto verdict = without_certainty()) return *verdict;
        if (auto verdict = without_trend()) return *verdict;
        if (auto verdict = of_ending_growth()) return *verdict;
        if (auto verdict = of_open_growth()) return *verdict;
        return leak();
    }

 private:
    using Maybe = std::optional<Judgement>;

    [[nodiscard]] const Growth& growth() const { return facts_.estimate.growth; }
    [[nodiscard]] bool rises() const { return facts_.estimate.estimated && growth().low > 0; }
    [[nodiscard]] std::string grown() const { return format_bytes(facts_.grown_bytes()); }
    [[nodiscard]] std::string rate() const {
        const std::string low = format_bytes(growth().low);
        if (!std::isfinite(growth().high)) return fmt::format("{}/s or more", low);
        return fmt::format("{}/s to {}/s (95 %)", low, format_bytes(growth().high));
    }

    /// Empty if that is past, or too far off to mean anything.
    [[nodiscard]] static std::optional<std::int64_t> moment(std::int64_t from_ns, double seconds,
                                                            std::int64_t now_ns) {
        constexpr double year = 365.0 * 86400;
        if (!(seconds >= 0) || seconds > year) return std::nullopt;
        const std::int64_t at = from_ns + static_cast<std::int64_t>(seconds * 1e9);
        return at > now_ns ? std::optional(at) : std::nullopt;
    }
    [[nodiscard]] std::optional<std::int64_t> window_of(double seconds) const {
        return moment(around_.start_ns, seconds, around_.end_ns);
    }

    [[nodiscard]] bool by_chance() const {
        const Evidence& evidence = facts_.evidence;
        if (facts_.after.held_count() <= few_blocks) return false;
        return !evidence.turnover_z || *evidence.turnover_z < sure_z ||
               evidence.q_value.value_or(1) > most_q;
    }

    [[nodiscard]] Maybe without_growth() const {
        const auto needed = window_of(static_cast<double>(least_snapshots - 1) *
                                      static_cast<double>(around_.interval_ns) / 1e9);
        if (around_.snapshots < 2)
            return Judgement{Verdict::undetermined,
                             "one snapshot shows no growth; at least 8 are needed", needed};
        if ((growth().bytes > 0 && facts_.grown_bytes() > 0) || rises()) return std::nullopt;
        if (around_.lost_share > much_lost)
            return Judgement{Verdict::undetermined,
                             fmt::format("did not grow, but {} of all allocations could not be "
                                         "followed",
                                         percent_text(around_.lost_share)),
                             std::nullopt};
        const auto bytes = static_cast<double>(growth().bytes);
        std::string reason = "has not grown since its blocks were first replaced";
        if (bytes == 0) reason = "as much is live at the window's end as at its start";
        if (bytes < 0)
            reason = fmt::format("{} less are live at the window's end than at its start",
                                 format_bytes(-bytes));
        return Judgement{Verdict::steady, std::move(reason), std::nullopt};
    }

    [[nodiscard]] Maybe without_certainty() const {
        const double noise = sampling_noise(
            around_.sampling_bytes, static_cast<double>(facts_.before.live), facts_.risen_bytes());
        if (facts_.risen_bytes() < noise)
            return Judgement{Verdict::undetermined,
                             fmt::format("grew by {}, which sampling alone can make up to {} of",
                                         format_bytes(facts_.risen_bytes()), format_bytes(noise)),
                             beyond_noise()};
        const double blocks = std::max(1.0, facts_.grown_count());
        if (static_cast<double>(around_.missed_frees) >= blocks)
            return Judgement{
                Verdict::undetermined,
                fmt::format("{} blocks are live that were not, but {} frees were missed: they may "
                            "be gone",
                            count_text(blocks), format_count(around_.missed_frees)),
                std::nullopt};
        if (facts_.estimate.estimated) return std::nullopt;
        if (around_.snapshots >= least_snapshots)
            return Judgement{
                Verdict::undetermined,
                fmt::format("grew by {}, but the snapshots lie too unevenly for a trend", grown()),
                std::nullopt};
        return Judgement{Verdict::undetermined,
                         fmt::format("grew by {}{}, but {} snapshots are too few for a trend: at "
                                     "least {} are needed",
                                     grown(), in_deviations(), around_.snapshots, least_snapshots),
                         window_of(static_cast<double>(least_snapshots - 1) *
                                   static_cast<double>(around_.interval_ns) / 1e9)};
    }

    [[nodiscard]] std::string in_deviations() const {
        const auto z = facts_.evidence.turnover_z;
        return z ? fmt::format(", {:.1f} standard deviations of its turnover", *z) : "";
    }

    /// When growth at this rate g outgrows the noise: g t = 3 sqrt(R (2B + g t)).
    [[nodiscard]] std::optional<std::int64_t> beyond_noise() const {
        const auto r = static_cast<double>(around_.sampling_bytes);
        const auto b = static_cast<double>(facts_.before.live);
        const double needed = (9 * r + std::sqrt(81 * r * r + 72 * r * b)) / 2;
        return window_of(around_.seconds * needed / facts_.risen_bytes());
    }

    [[nodiscard]] Maybe without_trend() const {
        const bool all_seen = around_.lost_share <= much_lost;
        // Of blocks that come and go, low points, too, rise for a while by chance, but not by much.
        const double most = growth().high * facts_.seconds;
        const bool is_small = most < small_rise * facts_.peak;
        if (all_seen && (!rises() || (blocks_die() && is_small)) && by_chance())
            return Judgement{
                Verdict::steady,
                fmt::format("grew by {}{}: no more than blocks that come and go make by chance",
                            format_bytes(facts_.risen_bytes()), in_deviations()),
                std::nullopt};
        if (all_seen && !rises() && is_small && !blocks_die())
            return Judgement{
                Verdict::steady,
                fmt::format("its low points do not rise for certain ({} at most, of {} live)",
                            format_bytes(std::max(most, 0.0)), format_bytes(facts_.peak)),
                std::nullopt};
        if (facts_.falls > 0) {
            const double period = facts_.seconds / static_cast<double>(facts_.falls);
            return Judgement{
                Verdict::undetermined,
                fmt::format(
                    "rises and falls in cycles of {} at most, {} in the window; it takes {} "
                    "to tell whether its low points rise",
                    seconds_text(period), facts_.falls, trough_spans),
                window_of(period * trough_spans)};
        }
        if (rises() || facts_.halt || (blocks_die() && settled_at())) return std::nullopt;
        return Judgement{Verdict::undetermined,
                         fmt::format("grew by {}, but its troughs do not rise for certain ({})",
                                     grown(), rate()),
                         window_of(2 * around_.seconds)};
    }

    [[nodiscard]] bool slows() const {
        return facts_.slowing > sure_difference * facts_.deviation.value_or(0);
    }

    /// When all that is judged is past its blind spot: blocks from before attach have all been
    /// replaced by followed ones. Empty if it is. Half of the time may be left out
    /// (settled_window()).
    [[nodiscard]] std::optional<std::int64_t> settled_at() const {
        if (!facts_.mean_life) return std::nullopt;
        const double blind = settling_lives * *facts_.mean_life;
        const double watched = static_cast<double>(around_.end_ns - facts_.attached_ns) / 1e9;
        if (watched - facts_.seconds >= blind) return std::nullopt;
        return moment(facts_.attached_ns, 2 * blind, around_.end_ns);
    }

    [[nodiscard]] bool blocks_die() const { return facts_.blocks_die(); }
    [[nodiscard]] std::string deaths_text() const {
        return fmt::format(
            "of its blocks that stayed longer than an eighth of the time since "
            "attach, {} were freed",
            percent_text(facts_.late_mortality.value_or(0)));
    }

    [[nodiscard]] Maybe of_ending_growth() const {
        if (facts_.halt) {
            const double since = facts_.seconds * (1 - facts_.halt->risen_share);
            if (facts_.halt->risen_share < startup_share)
                return Judgement{
                    Verdict::steady,
                    fmt::format("has not grown for {}, after it had by {} within {}",
                                seconds_text(since), grown(),
                                seconds_text(facts_.seconds * facts_.halt->risen_share)),
                    std::nullopt};
            if (facts_.idle_since_halt && rises() && !blocks_die())
                return Judgement{
                    Verdict::growing,
                    fmt::format("grew steadily by {} until the process went idle {} before the "
                                "window's end; record while it works",
                                grown(), seconds_text(since)),
                    window_of(around_.seconds + since)};
            return Judgement{Verdict::warming,
                             fmt::format("grew by {}, but not any more for the last {}{}", grown(),
                                         seconds_text(since),
                                         facts_.idle_since_halt ? ", when the process was idle"
                                                                : ": a cache that is full, or a "
                                                                  "start-up that is done"),
                             window_of(2 * around_.seconds)};
        }
        if (facts_.work_explains)
            return Judgement{Verdict::load,
                             "holds more because more work is done: it follows the rate of the "
                             "work that was counted, and time adds nothing",
                             std::nullopt};
        if (facts_.load_explains)
            return Judgement{Verdict::load,
                             fmt::format("holds more because it allocates more often; its blocks "
                                         "are freed, after {} on average",
                                         seconds_text(facts_.mean_life.value_or(0))),
                             std::nullopt};
        const double pace = facts_.evidence.pace.value_or(1);
        if (slows() && pace < ending_pace)
            return Judgement{
                Verdict::warming,
                fmt::format("its growth slows down: in the window's later half {} of that in the "
                            "earlier half",
                            percent_text(std::max(pace, 0.0))),
                settled_at()};
        if (blocks_die() && settled_at())
            return Judgement{
                Verdict::warming,
                fmt::format("{}, after {} on average: a steady stack looks like growth until {} "
                            "such lives after attach, which are part of what was seen",
                            deaths_text(), seconds_text(facts_.mean_life.value_or(0)),
                            settling_lives),
                settled_at()};
        return std::nullopt;
    }

    [[nodiscard]] Judgement open(std::string_view but,
                                 std::optional<std::int64_t> decidable = std::nullopt) const {
        return {Verdict::growing, fmt::format("its troughs rise by {}, but {}", rate(), but),
                decidable};
    }

    [[nodiscard]] bool comes_in_bursts() const { return facts_.strays(most_uneven); }

    /// Blocks by which it grows in half a window.
    [[nodiscard]] double late_blocks() const {
        const double size =
            static_cast<double>(facts_.after.held_bytes()) /
            static_cast<double>(std::max<std::uint64_t>(facts_.after.held_count(), 1));
        return growth().bytes_per_second * around_.seconds / 2 / std::max(size, 1.0);
    }

    /// Of what is live, what it grew by.
    [[nodiscard]] double grown_share() const {
        return facts_.grown_count() / static_cast<double>(facts_.after.held_count());
    }

    /// The mean age, as a share of the time since attach, of what is live if it grew evenly and was
    /// not freed, with that of what was live before as if it had come evenly, too.
    [[nodiscard]] double even_age() const {
        const double watched = static_cast<double>(around_.end_ns - facts_.attached_ns) / 1e9;
        const double share = std::min(1.0, facts_.seconds / watched);
        const double more = grown_share();
        return more * share / 2 + (1 - more) * (1 + share) / 2;
    }

    /// Whether what is live came earlier than even growth would have it, by more than chance.
    [[nodiscard]] bool is_older_than_even() const {
        const auto& age = facts_.evidence.age_ratio;
        if (!age || around_.elapsed_seconds > around_.seconds) return false;
        return *age >
               even_age() + much_older +
                   sure_difference * uniform_deviation * grown_share() / std::sqrt(facts_.rises);
    }

    /// Of the work's pace, what the blocks that stay come at in the later half; empty unless that
    /// is slower by more than chance.
    [[nodiscard]] std::optional<double> slower_count() const {
        if (!facts_.late_count) return std::nullopt;
        const double late = std::clamp(*facts_.late_count, 0.0, 1.0);
        const double even = facts_.late_work;
        const double pace = late / (1 - late) * (1 - even) / even;
        const double z = (even - late) * std::sqrt(facts_.rises / (even * (1 - even)));
        return z > sure_difference && pace < slowing_pace ? std::optional(pace) : std::nullopt;
    }

    [[nodiscard]] Maybe of_open_growth() const {
        const Evidence& evidence = facts_.evidence;
        const double count = facts_.grown_count();
        if (blocks_die())
            return open(fmt::format("{}: what grows need not be what stays", deaths_text()),
                        settled_at());
        if (count < least_leak_blocks && !facts_.is_enlarged())
            return open(
                facts_.grown_bytes() <= 0 ? std::string("no more is live than at its start")
                : count < 1 ? std::string("in no more blocks than before: they are enlarged")
                            : fmt::format("in {} blocks only", count_text(count)),
                count < 1 ? std::nullopt : window_of(around_.seconds * least_leak_blocks / count));
        if (facts_.rises < least_leak_rises && !facts_.is_enlarged())
            return open(fmt::format("its {} blocks came in {} bunches or so", count_text(count),
                                    count_text(std::max(1.0, facts_.rises))),
                        window_of(around_.seconds * least_leak_rises / facts_.rises));
        if (by_chance())
            return open(
                "the blocks that come and go make as much by chance",
                evidence.turnover_z && *evidence.turnover_z > 0
                    ? window_of(around_.seconds * std::pow(sure_z / *evidence.turnover_z, 2))
                    : std::nullopt);
        if (facts_.pause)
            return open(fmt::format("not in the last {}, which is longer than it ever paused "
                                    "before: it may have ended",
                                    seconds_text(*facts_.pause)),
                        window_of(around_.seconds + *facts_.pause));
        if (facts_.common_pause)
            return open(fmt::format("hardly in the last {}, since all stacks together have not "
                                    "grown any more: it may have ended with them",
                                    seconds_text(*facts_.common_pause)),
                        window_of(around_.seconds + *facts_.common_pause));
        if (comes_in_bursts())
            return open("most of it came within a part of the window",
                        window_of(2 * around_.seconds));
        const double pace = std::max(evidence.pace.value_or(1), facts_.work_pace.value_or(0));
        if (slows() && pace < slowing_pace)
            return open(fmt::format("slower in the window's later half ({} of the earlier one): a "
                                    "filling cache does that",
                                    percent_text(evidence.pace.value_or(1))),
                        window_of(2 * around_.seconds));
        if (const auto slower = slower_count())
            return open(fmt::format("slower in the window's later half ({} of the blocks of the "
                                    "earlier one for the same work): a filling cache does that",
                                    percent_text(*slower)),
                        window_of(2 * around_.seconds));
        if (pace < slowing_pace && is_older_than_even())
            return open(fmt::format("it came earlier than even growth does: the mean age of what "
                                    "is live is {} of the time since attach, not {}",
                                    percent_text(*evidence.age_ratio), percent_text(even_age())),
                        window_of(2 * around_.seconds));
        if (evidence.age_ratio && *evidence.age_ratio > oldest)
            return open(fmt::format("what is live is mostly from the start: its mean age is {} of "
                                    "the time since attach",
                                    percent_text(*evidence.age_ratio)),
                        window_of(2 * around_.seconds));
        // What does not become more blocks replaces none.
        if (!facts_.is_enlarged() && around_.late_old_frees > replaced_share * late_blocks())
            return open(fmt::format("in the window's later half {} blocks from before attach were "
                                    "freed, and this stack's {} more may replace some of them",
                                    count_text(around_.late_old_frees), count_text(late_blocks())),
                        window_of(2 * around_.seconds));
        if (around_.elapsed_seconds < least_leak_seconds)
            return open("so does any program's that has just started on something",
                        window_of(least_leak_seconds));
        // At last: growth of which nothing else is to be said.
        if (const double size = facts_.grown_bytes() / std::max(count, 1.0);
            !facts_.is_enlarged() && size >= pool_block && count < few_pool_blocks &&
            is_of_one_size()) {
            Judgement judgement =
                open(fmt::format("in {} blocks of {}: a pool that the program hands out pieces "
                                 "of grows like this until its pieces suffice",
                                 count_text(count), format_bytes(size)),
                     window_of(around_.seconds * few_pool_blocks / count));
            judgement.may_be_pool = true;
            return judgement;
        }
        return std::nullopt;
    }

    /// By the coefficient of variation of what it holds.
    [[nodiscard]] bool is_of_one_size() const {
        const auto count = static_cast<double>(facts_.after.held_count());
        const auto bytes = static_cast<double>(facts_.after.held_bytes());
        const auto squares =
            256 * static_cast<double>(facts_.after.allocated_squares - facts_.after.freed_squares);
        return count * squares <= (1 + most_varied * most_varied) * bytes * bytes;
    }

    [[nodiscard]] Judgement leak() const {
        const auto& survival = facts_.evidence.survival;
        if (facts_.is_enlarged())
            return {Verdict::leak,
                    fmt::format("its troughs rise steadily by {}, in no more blocks than before: "
                                "in {} steps they were enlarged; a buffer with a bound that is "
                                "still far from it looks the same",
                                rate(), count_text(facts_.enlargements())),
                    std::nullopt};
        std::string staying = "none was ever freed";
        if (facts_.after.freed_count > 0)
            staying = survival
                          ? fmt::format("{} of all it allocates outlive {} ({} to {}, 95 %)",
                                        percent_text(survival->share),
                                        seconds_text(survival->age_seconds),
                                        percent_text(survival->low), percent_text(survival->high))
                          : fmt::format("{} were freed", format_count(facts_.after.freed_count));
        return {Verdict::leak,
                fmt::format("its troughs rise steadily by {}; {} blocks more, {}{}", rate(),
                            count_text(facts_.grown_count()), staying, cache_looks_the_same),
                std::nullopt};
    }

    const Facts& facts_;
    const Surroundings& around_;
};

}  // namespace

Judgement judge(const Facts& facts, const Surroundings& surroundings) {
    return Judge(facts, surroundings).judge();
}

}  // namespace seep
