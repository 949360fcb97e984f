// SPDX-License-Identifier: GPL-2.0-only
#include "analysis/lost.h"

#include <fmt/format.h>

#include <algorithm>
#include <cmath>
#include <map>
#include <string_view>

#include "analysis/claims.h"
#include "analysis/coverage.h"
#include "analysis/normal.h"
#include "analysis/sampling.h"
#include "analysis/staying.h"
#include "analysis/verdict.h"
#include "analysis/wilson.h"
#include "base/text.h"

namespace seep {

namespace {

/// Of fewer blocks, nothing is said; and no leak is made of fewer that are lost.
constexpr std::uint64_t least_blocks = 10;
/// Of those that were lost, so many must have been looked for later; and of them, so few freed.
constexpr std::uint64_t least_followed = 10;
constexpr double most_refuted = 0.02;
/// Of so many none of which is lost, next to all are pointed to: of what was lost, a quarter and
/// more was found to be, where any was.
constexpr std::uint64_t enough_pointed_to = 20;
/// Objects that a program may have in hand when a window ends: of a leak that makes no more, each
/// window ends with those, and sees nothing lost.
constexpr std::uint64_t most_in_hand = 10;
/// So many should have been among those that were looked for, if what stays was lost.
constexpr double enough_expected = 5;
/// What a stack grows by is lost, and not some of it.
constexpr double mostly = 0.5;
/// For "all" in a sentence: a block may look reached by chance, or by what is no pointer.
constexpr double nearly_all = 0.9;
/// Of what a cause grows by, what of the heap is lost for none of it to be.
constexpr double hardly_any = 0.1;
/// For a word in a sentence at all.
constexpr double worth_a_word = 0.05;
/// The mean age of what is lost, as a share of the time since attach: 0.5 at an even pace.
constexpr double least_age = 0.3;
constexpr double most_age = 0.7;

constexpr std::string_view pointed_to_text =
    "are still pointed to, as those of a collection that only grows are, or of a cache that fills";

bool is_refuted(const StackReachability& seen) {
    return static_cast<double>(seen.refuted) > most_refuted * static_cast<double>(seen.followed);
}

bool is_confirmed(const StackReachability& seen) {
    return seen.lost >= least_blocks && seen.followed >= least_followed && !is_refuted(seen);
}

/// Found among blocks that outlived their windows.
bool outlived_windows(const StackReachability& seen) {
    return seen.born_within_us == 0;
}

/// All that it has: of what outlived its window, a few are looked for.
bool are_all_pointed_to(const StackReachability& seen) {
    return seen.looked >= least_blocks && seen.lost == 0 && seen.all_known &&
           !outlived_windows(seen);
}

std::string lost_text(const StackReachability& seen) {
    return fmt::format(
        "of {} of its blocks that were looked for, {} are lost: nothing in the "
        "process's memory points to them",
        format_count(seen.looked), seen.lost == seen.looked ? "all" : format_count(seen.lost));
}

double lost_a_second(const StackReachability& seen) {
    return static_cast<double>(seen.lost_bytes) / (static_cast<double>(seen.born_within_us) / 1e6);
}

/// That came evenly since attach.
Growth lost_growth(const StackReachability& seen) {
    const double a_second = lost_a_second(seen);
    // Of so many blocks that come by themselves.
    const double chance = z_95 / std::sqrt(static_cast<double>(seen.lost));
    return {.bytes_per_second = a_second,
            .low = a_second * (1 - chance),
            .high = a_second * (1 + chance) / (1 - most_overlooked),
            .bytes = static_cast<std::int64_t>(seen.lost_bytes)};
}

/// A leak beside blocks that live for long, or come and go: its growth alone is the stack's.
void judge_part(ReportStack& stack) {
    stack.verdict = Verdict::leak;
    stack.growth = lost_growth(stack.reachability);
    stack.reason = fmt::format("{}, and they came evenly; besides: {}",
                               lost_text(stack.reachability), stack.reason);
}

/// What is lost came evenly.
bool is_even(const StackReachability& seen) {
    const double age = static_cast<double>(seen.lost_age_us) /
                       static_cast<double>(std::max<std::uint64_t>(seen.born_within_us, 1));
    return age >= least_age && age <= most_age;
}

/// What is lost grows evenly, whatever lives beside it: what looks reached of nearly all that is
/// lost counts as well.
Growth growth_of_lost(const StackReachability& seen, const Growth& by_curve) {
    const double a_second = lost_a_second(seen);
    const double with_reached =
        a_second * static_cast<double>(seen.looked) / static_cast<double>(seen.lost);
    return {.bytes_per_second = with_reached,
            .low = std::min(by_curve.low, a_second),
            .high = std::max(by_curve.high, with_reached),
            .bytes = bytes_at(with_reached, by_curve)};
}

/// The interval's half is so much of it.
bool is_rough(const Growth& growth) {
    constexpr double rough = 0.04;
    return growth.high - growth.low > 2 * rough * growth.bytes_per_second;
}

void judge_lost(ReportStack& stack) {
    stack.is_lost = true;
    const StackReachability& seen = stack.reachability;
    if (seen.all_known && is_rough(stack.growth) && are_lost(seen) && is_even(seen))
        stack.growth = growth_of_lost(seen, stack.growth);
    stack.reason += "; " + lost_text(stack.reachability);
    if (stack.growth.low > 0) stack.verdict = Verdict::leak;
}

void judge_by_pointers(ReportStack& stack) {
    const StackReachability& seen = stack.reachability;
    stack.evidence.unreachable = unreachable(seen);
    if (!stack.evidence.unreachable) return;
    const bool is_lost = stack.evidence.unreachable->low >= mostly;
    if (is_confirmed(seen) && !is_lost) {
        if (stack.verdict != Verdict::leak && is_even(seen)) judge_part(stack);
    } else if (is_confirmed(seen) && grows(stack)) {
        judge_lost(stack);
    } else if (grows(stack) && are_all_pointed_to(seen)) {
        stack.reason += fmt::format("; all {} of its blocks that were looked for {}",
                                    format_count(seen.looked), pointed_to_text);
    }
}

/// Whether pointers that nobody sees would have shown. None of those that were lost is seen to be
/// free later: and others of the stack that outlived their windows are, or ten of these would have
/// been if all were freed, as so much of the time is seen.
bool would_be_refuted(const ReportStack& stack, double observed_share) {
    const double share = returned_share(static_cast<double>(stack.returned_count),
                                        static_cast<double>(stack.totals.lapsed_count));
    const auto followed = static_cast<double>(stack.reachability.followed);
    return stack.reachability.refuted == 0 &&
           (surely_stay(followed, share) ||
            followed * observed_share >= static_cast<double>(least_followed));
}

/// What is lost stays: where less of a stack's blocks was still there later, pointers were hidden.
bool agrees_with_staying(const ReportStack& stack, const Unreachable& lost, double observed_share) {
    const auto& staying = stack.evidence.staying;
    return staying ? lost.low <= staying->survival.high : would_be_refuted(stack, observed_share);
}

/// Of many blocks, a cache keeps some as well.
bool is_kept_by_a_cache(const ReportStack& stack, const Unreachable& lost) {
    const auto& staying = stack.evidence.staying;
    return staying && stack.reachability.lost == 0 && staying->survival.share < mostly &&
           staying->survival.share * lost.blocks >= enough_expected;
}

/// Of a cause. Of blocks that outlived their windows, a few of each stack are looked for: parts of
/// a lost object then look pointed to, by what is lost itself, of which some would be found; unless
/// all of the heap is known that they may be reached through.
struct Seen {
    StackReachability all;
    StackReachability of_lost;  ///< Of those stacks of which any is lost,
    double followed = 0;        ///< and of what is lost of these, the blocks that are followed.
    double grown = 0;           ///< Bytes in the window.
    /// Of windows that were about to end, those of the stack with the fewest, as an object may have
    /// many blocks: some may be in hand.
    std::optional<std::uint64_t> objects;
    /// Of those that outlived theirs, which are in no hand: what is lost may point to them; or
    /// nothing that is.
    std::uint64_t perhaps_by_lost = 0;
    std::uint64_t surely_not_by_lost = 0;

    /// `finds_lost`: what is lost is found to be, mostly.
    void add(const ReportStack& stack, bool finds_lost, std::uint64_t sampling_bytes) {
        const StackReachability& pointers = stack.reachability;
        grown += static_cast<double>(stack.growth.bytes);
        if (pointers.looked == 0) return;
        accumulate(all, pointers);
        if (pointers.lost > 0) {
            accumulate(of_lost, pointers);
            followed +=
                static_cast<double>(pointers.lost) / mean_weight(stack.totals, sampling_bytes);
        }
        if (outlived_windows(pointers))
            (pointers.all_known && finds_lost ? surely_not_by_lost : perhaps_by_lost) +=
                pointers.looked;
        else
            objects = std::min(objects.value_or(pointers.looked), pointers.looked);
    }
    [[nodiscard]] bool may_be_in_hand(std::uint64_t pauses) const {
        return surely_not_by_lost < enough_pointed_to && objects &&
               *objects < most_in_hand * pauses;
    }
    /// What is in step with what is lost, but no part of it: it is no chance that none of so many
    /// is lost. What is held by blocks that are lost, too, is known to be where these are followed.
    [[nodiscard]] bool is_beside_lost(const StackReachability& pointers) const {
        const auto lost = unreachable(of_lost);
        if (!lost || pointers.lost > 0 || pointers.looked < enough_pointed_to ||
            (outlived_windows(pointers) && !pointers.all_known))
            return false;
        const double found = lost->low * followed / static_cast<double>(of_lost.lost);
        return surely_stay(static_cast<double>(pointers.looked), found);
    }
};

/// Hardly anything of all that the heap has is lost: so what grows by much more is not, nor in any
/// hand.
bool is_surely_not_lost(const Seen& seen, const ProcessMemory& memory) {
    return memory.in_use && memory.in_use->lost &&
           static_cast<double>(memory.in_use->lost->bytes) < hardly_any * seen.grown;
}

/// Then what it grows by tells the rate, although some of it looks reached, by what was left
/// behind.
bool all_stays(const ReportStack& stack) {
    return stack.seen_to_leak && stack.evidence.staying && is_nearly_all(*stack.evidence.staying);
}

/// The memory tells the rate of what is found here better (confirmation.h).
void judge_by_pointers_in_windows(const Report& report, ReportStack& stack) {
    const StackReachability& seen = stack.reachability;
    const auto lost = unreachable(seen);
    if (!lost) return;
    const bool agrees = agrees_with_staying(stack, *lost, report.sampling.observed_share);
    if (agrees || !stack.evidence.staying) stack.evidence.unreachable = lost;
    if (!agrees) return;
    if (is_kept_by_a_cache(stack, *lost)) {
        stack.seen_to_leak = false;
        stack.reason += fmt::format(
            "; all {} of its blocks that were looked for were pointed to, as those that a cache "
            "keeps are",
            format_count(seen.looked));
        return;
    }
    if (!is_confirmed(seen) || stack.verdict == Verdict::leak) return;
    const bool has_rate = stack.growth.low > 0 && (lost->low >= mostly || all_stays(stack));
    if (outlived_windows(seen) && (!has_rate || !is_seen_to_stay(stack, seconds_of(report))))
        return;
    if (!has_rate)
        stack.growth = over_window(lost_growth(seen), report.sampling, seconds_of(report));
    stack.is_lost = stack.seen_to_leak = true;
    stack.reason = fmt::format("{} any more; besides: {}", lost_text(seen), stack.reason);
}

/// What is lost is in no cache.
void take_doubt_off(ReportStack& stack) {
    if (const std::size_t doubt = stack.reason.find(cache_looks_the_same);
        doubt != std::string::npos)
        stack.reason.erase(doubt, cache_looks_the_same.size());
}

}  // namespace

void leave_open_what_is_pointed_to(Report& report) {
    const std::vector<std::string> causes = claims_of(report).causes;
    // Objects that keep pointers of those before them, in words that they have not written to, are
    // reached one through the other by any that is.
    StackReachability of_lost;
    for (const ReportStack& stack : report.stacks)
        if (grows(stack) && stack.reachability.lost > 0) accumulate(of_lost, stack.reachability);
    const bool any_lost = of_lost.lost > 0;
    const bool finds_lost = any_lost && static_cast<double>(of_lost.lost) >=
                                            mostly * static_cast<double>(of_lost.looked);
    const auto are_pointed_to = [&](const Seen& seen) {
        const bool may_be_lost =
            seen.may_be_in_hand(report.sampling.pauses) || (seen.perhaps_by_lost > 0 && any_lost);
        return seen.all.lost == 0 && !is_refuted(seen.all) &&
               seen.all.looked >= enough_pointed_to &&
               (!may_be_lost || is_surely_not_lost(seen, report.memory));
    };
    std::map<std::string, Seen> seen_of;
    for (std::size_t i = 0; i < report.stacks.size(); ++i)
        if (grows(report.stacks[i]))
            seen_of[causes[i]].add(report.stacks[i], finds_lost, report.sampling.bytes);
    for (std::size_t i = 0; i < report.stacks.size(); ++i) {
        ReportStack& stack = report.stacks[i];
        if (stack.is_lost && stack.verdict == Verdict::leak) take_doubt_off(stack);
        if (!grows(stack) || stack.evidence.lost_of_heap) continue;
        const Seen& seen = seen_of.at(causes[i]);
        const bool is_beside = seen.is_beside_lost(stack.reachability);
        if (!is_beside && !are_pointed_to(seen)) continue;
        stack.is_pointed_to = true;
        if (stack.verdict != Verdict::leak) continue;
        stack.verdict = Verdict::growing;
        if (!are_all_pointed_to(stack.reachability))
            stack.reason +=
                fmt::format("; but all {} blocks of its {} that were looked for {}",
                            format_count((is_beside ? stack.reachability : seen.all).looked),
                            is_beside ? "own" : "cause", pointed_to_text);
    }
}

std::optional<Unreachable> unreachable(const StackReachability& seen) {
    if (seen.looked < least_blocks || is_refuted(seen)) return std::nullopt;
    const auto blocks = static_cast<double>(seen.looked);
    const Share share = wilson(static_cast<double>(seen.lost), blocks);
    return Unreachable{.blocks = blocks,
                       .share = share.value,
                       .low = share.low,
                       .high = share.high,
                       .all_known = seen.all_known};
}

void judge_by_pointers(Report& report) {
    for (ReportStack& stack : report.stacks) {
        if (stack.kind != StackKind::heap || stack.reachability.looked == 0) continue;
        if (report.sampling.observed_share < 1)
            judge_by_pointers_in_windows(report, stack);
        else
            judge_by_pointers(stack);
    }
}

bool are_lost(const StackReachability& seen) {
    const auto share = unreachable(seen);
    return share && share->share >= nearly_all;
}

bool is_surely_pointed_to(const StackReachability& seen) {
    return seen.looked >= enough_pointed_to && seen.lost == 0 && seen.all_known;
}

std::string pointers_text(const StackReachability& seen) {
    const auto share = unreachable(seen);
    if (!share) return {};
    if (are_lost(seen)) return ", lost: nothing points to them any more";
    if (are_all_pointed_to(seen)) return ", all still pointed to";
    if (seen.lost == 0 && seen.looked >= enough_pointed_to)
        return fmt::format(", all {} that were looked for still pointed to",
                           format_count(seen.looked));
    if (seen.lost >= least_blocks && share->share >= worth_a_word)
        return fmt::format(", {} of the {} that were looked for lost", format_count(seen.lost),
                           format_count(seen.looked));
    return {};
}

}  // namespace seep
