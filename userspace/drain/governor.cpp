// SPDX-License-Identifier: GPL-2.0-only
#include "drain/governor.h"

#include <fmt/format.h>

#include <algorithm>
#include <cmath>
#include <utility>

#include "base/text.h"

namespace seep {
namespace {

/// What the model leaves out (how much a program's own caches suffer, the attaching itself) is kept
/// in reserve: PostgreSQL's backends lost twice what was reckoned, Redis not even that.
constexpr double reserve = 0.45;
/// A target that uses next to nothing may pay so much of what the least is: that it is a little
/// more in truth, it has the time for.
constexpr double spent_of_least = 0.9;
/// Of what is allowed, what a finer level may be predicted to cost: room to stay there.
constexpr double room = 0.6;
/// How long peaks are remembered at least, and twice that at most; and how long the targets' CPU
/// time is averaged over.
constexpr double memory_s = 3;
/// What may be saved up at a continuous level: a burst within it changes nothing.
constexpr double savings_s = 0.5;
/// What may be owed: after this long without probes all is forgiven.
constexpr double debt_s = 30;
/// It is forgiven at once when the targets' CPU time has fallen to this share of what it was: a
/// storm's first moments must not keep the probes away for all of the calm after it.
constexpr double calm_share = 0.4;
/// A window that would be shorter is not worth the attaching.
constexpr double least_window_s = 0.1;
constexpr double shortest_cycle_s = 3;
constexpr double longest_cycle_s = 60;
constexpr double cycles_an_age = 10;
/// Of what passing over costs, what following may add in a window: more would shorten it. Sampling
/// makes a window longer by as much at most, and sees less of blocks smaller than the gap by far
/// more: of 1,000 bytes, one in 16 at 16 KiB.
constexpr double following_share = 1;

constexpr std::uint64_t least_gap = 1 << 10;
constexpr std::uint64_t most_gap = 4 << 20;

constexpr double lively_look_s = 0.05;
constexpr double busy_look_s = 0.2;
constexpr double calm_look_s = 0.4;
constexpr double lively_for_s = 1;

double forgotten(double seconds) {
    return std::exp(-seconds / memory_s);
}

bool coarser(const FollowingLevel& a, const FollowingLevel& b) {
    return a.windows != b.windows ? a.windows : a.bytes > b.bytes;
}

}  // namespace

void Governor::Rates::raise_to(const Rates& other) {
    passing_ns = std::max(passing_ns, other.passing_ns);
    allocations = std::max(allocations, other.allocations);
    bytes = std::max(bytes, other.bytes);
}

void Governor::take_in(double seconds, const TargetWork& more) {
    const double least_ns = least_governed_cpu * 1e9 * seconds;
    const double cpu_ns = std::max(more.cpu_ns, least_ns);
    const double usual = reserve * more.cpu_ns;
    const double paid_in = options_.budget * std::max(usual, spent_of_least * least_ns - usual);
    const double kept = allowed_ns_ > 0 ? forgotten(seconds) : 0;
    allowed_ns_ = kept * allowed_ns_ + (1 - kept) * paid_in / seconds;
    cost_ns_ = more.cost_ns / seconds;
    account_ns_ += paid_in - more.cost_ns;
    account_ns_ = std::max(account_ns_, -debt_s * allowed_ns_);
    if (more.following_ns > 0) following_ns_ = more.following_ns;
    cpu_ns_ = cpu_ns / seconds;
    if (now_s_ - newer_since_s_ >= memory_s) {
        older_ = std::exchange(newer_, {});
        newer_since_s_ = now_s_;
        peak_ = older_;
    }
    if (!attached_) return;
    now_ = {more.passing_ns / seconds, static_cast<double>(more.allocations) / seconds,
            static_cast<double>(more.bytes) / seconds};
    newer_.raise_to(now_);
    peak_.raise_to(now_);
}

/// A second. Of n allocations of a bytes in all, no more than a/R are sampled on average.
double Governor::cost_at(const Rates& rates, std::uint64_t bytes) const {
    const double followed =
        bytes == 0 ? rates.allocations
                   : std::min(rates.allocations, rates.bytes / static_cast<double>(bytes));
    return rates.passing_ns + followed * following_ns_;
}

FollowingLevel Governor::finest(const Rates& rates, double allowed_ns) const {
    if (!options_.may_sample)
        return {cost_at(rates, options_.first_bytes) > allowed_ns, options_.first_bytes};
    if (cost_at(rates, 0) <= allowed_ns) return {false, 0};
    for (std::uint64_t bytes = least_gap; bytes <= most_gap; bytes *= 2)
        if (cost_at(rates, bytes) <= allowed_ns) return {false, bytes};
    return {true, window_bytes()};
}

std::uint64_t Governor::window_bytes() const {
    if (!options_.may_sample) return options_.first_bytes;
    const double allowed = (1 + following_share) * peak_.passing_ns;
    if (cost_at(peak_, 0) <= allowed) return 0;
    std::uint64_t bytes = least_gap;
    while (bytes < most_gap && cost_at(peak_, bytes) > allowed) bytes *= 2;
    return bytes;
}

double Governor::cycle_s() const {
    return std::clamp((now_s_ - began_s_) / cycles_an_age, shortest_cycle_s, longest_cycle_s);
}

void Governor::change(FollowingLevel level, std::string reason) {
    level_ = level;
    changed_s_ = now_s_;
    reason_ = std::move(reason);
}

void Governor::follow_continuously() {
    account_ns_ = std::min(account_ns_, savings_s * allowed_ns_);
    const auto share = [&](double ns) { return 100 * ns / cpu_ns_; };
    if (account_ns_ < 0 && cost_ns_ > allowed_ns_) {
        const FollowingLevel wanted = finest(now_, allowed_ns_);
        if (!coarser(wanted, level_)) return;
        change(wanted, fmt::format("{} allocations a second: the probes took {:.3g} % of the "
                                   "target's CPU time",
                                   format_count(static_cast<std::uint64_t>(now_.allocations)),
                                   share(cost_ns_)));
        attached_ = !wanted.windows;
        closed_allowed_ns_ = allowed_ns_;
        return;
    }
    const FollowingLevel wanted = finest(peak_, room * allowed_ns_);
    if (wanted.windows || !coarser(level_, wanted) || now_s_ - changed_s_ < memory_s) return;
    change(wanted, fmt::format("calmer, {} allocations a second: it will take {:.3g} % of the "
                               "target's CPU time",
                               format_count(static_cast<std::uint64_t>(now_.allocations)),
                               share(cost_at(peak_, wanted.bytes))));
}

void Governor::follow_in_windows() {
    if (!attached_) {
        if (allowed_ns_ < calm_share * closed_allowed_ns_) account_ns_ = std::max(account_ns_, 0.0);
        // The probes cannot take more than the targets run.
        const double a_second = std::min(cost_at(peak_, level_.bytes), cpu_ns_);
        const double enough = std::max(cycle_s() * allowed_ns_, least_window_s * a_second);
        if (account_ns_ < enough) return;
        attached_ = true;
        changed_s_ = now_s_;
        return;
    }
    // The next window's, for a window's own must not change what its figures mean too often.
    const FollowingLevel wanted = finest(peak_, room * allowed_ns_);
    if (!wanted.windows && now_s_ - changed_s_ >= 1) {
        change(wanted, fmt::format("calmer, {} allocations a second: no need to take the probes "
                                   "away any more",
                                   format_count(static_cast<std::uint64_t>(now_.allocations))));
    } else if (account_ns_ <= 0) {
        attached_ = false;
        closed_allowed_ns_ = allowed_ns_;
        changed_s_ = now_s_;
        level_.bytes = window_bytes();
    }
}

double Governor::next_look() const {
    if (!attached_) return busy_look_s;
    if (level_.windows) {
        // What a window's first moments cost is not known: a core, maybe.
        const double known = std::max(cost_ns_, cost_at(peak_, level_.bytes));
        const double rate = now_s_ == changed_s_ ? std::max(known, 1e9) : known;
        return std::clamp(rate > 0 ? account_ns_ / rate : 0, 0.02, busy_look_s);
    }
    if (now_s_ - changed_s_ < lively_for_s) return lively_look_s;
    return cost_ns_ > allowed_ns_ / 2 ? busy_look_s : calm_look_s;
}

GovernorDecision Governor::look(double now_s, const TargetWork& work) {
    reason_.clear();
    if (!begun_) began_s_ = changed_s_ = now_s;
    const double seconds = now_s - now_s_;
    TargetWork more = work;
    more.cpu_ns -= last_.cpu_ns;
    more.cost_ns -= last_.cost_ns;
    more.passing_ns -= last_.passing_ns;
    more.allocations -= last_.allocations;
    more.bytes -= last_.bytes;
    const bool counts = begun_ && seconds > 0;
    now_s_ = now_s;
    last_ = work;
    if (counts) {
        take_in(seconds, more);
        if (level_.windows)
            follow_in_windows();
        else
            follow_continuously();
    }
    begun_ = true;
    return {level_, attached_, next_look(), reason_};
}

}  // namespace seep
