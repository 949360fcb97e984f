// SPDX-License-Identifier: GPL-2.0-only
#include "analysis/succession.h"

#include <fmt/format.h>

#include <algorithm>
#include <cmath>
#include <map>
#include <optional>
#include <utility>

#include "analysis/clusters.h"
#include "analysis/collection.h"
#include "analysis/coverage.h"
#include "analysis/culprit.h"
#include "analysis/sampling.h"
#include "analysis/verdict.h"
#include "analysis/weighing.h"

namespace seep {

namespace {

/// Each is judged like a stack.
constexpr std::size_t most_successions = 1000;
/// Allocations below which stacks alternate by chance, and how many a part of the window should
/// have for that to be rare.
constexpr double least_births = 40;
constexpr double births_a_part = 8;
constexpr double most_parts = 32;
/// Of the allocations, what comes from the stack whose turn it is: changes fall into the middle of
/// parts, where half is another's.
constexpr double in_turn = 0.8;
/// A stack that made nearly all of them has a verdict of its own.
constexpr double nearly_all = 0.9;
/// Differences of paces and of mean sizes that may be those of one source of blocks, besides as
/// many standard errors.
constexpr double same_pace = 1.0 / 3;
constexpr double same_size = 0.1;
constexpr double sure = 3;
/// How far from an even one the growth of a leak on several paths may be (shape.h): two paces that
/// follow on each other at half time have it where one is nearly twice as fast as the other.
constexpr double most_uneven = 0.15;

using Path = std::vector<LocationId>;

/// Whether code only hands memory on, by its name. What has no name has a purpose, unless it is the
/// allocator's.
bool passes_on(const LocationRecord& location, ObjectId allocator) {
    if (location.frames.empty() || location.frames.front().function.empty())
        return location.object == allocator;
    return std::ranges::all_of(
        location.frames, [](const FrameRecord& frame) { return is_wrapper_name(frame.function); });
}

/// From the allocator's function to the first that has a purpose of its own.
Path call_to_allocate(const StackRecord& stack, const RecordingContents& contents) {
    const Path& path = stack.locations;
    if (path.empty()) return path;
    // A page is touched by the program itself, not on its behalf.
    std::size_t last = stack.kind == StackKind::fault ? 0 : 1;
    const ObjectId allocator = contents.locations.at(path.front()).object;
    while (last < path.size() && passes_on(contents.locations.at(path[last]), allocator)) ++last;
    const std::size_t length = std::min(last + 1, path.size());
    return {path.begin(), path.begin() + static_cast<std::ptrdiff_t>(length)};
}

/// The blocks that a stack allocated within the window.
struct Births {
    double count = 0;
    double size = 0;           ///< Mean, of a block.
    double size_variance = 0;  ///< Of that mean.
    double weight = 1;         ///< Allocations that a followed one stands for.
};

Births births_within(const MergedStack& stack, std::uint64_t sampling_bytes) {
    const Totals& from = stack.at_start;
    const Totals& to = stack.totals;
    Births births{.count = static_cast<double>(to.allocated_count - from.allocated_count),
                  .weight = mean_weight(to, sampling_bytes)};
    if (births.count <= 0) return births;
    births.size = static_cast<double>(to.allocated_bytes - from.allocated_bytes) / births.count;
    // They are counted in units of 256.
    const double squares =
        256 * static_cast<double>(to.allocated_squares - from.allocated_squares) / births.count;
    births.size_variance =
        births.weight * std::max(0.0, squares - births.size * births.size) / births.count;
    return births;
}

bool of_one_size(const Births& a, const Births& b) {
    return std::abs(a.size - b.size) <= same_size * std::max(a.size, b.size) +
                                            sure * std::sqrt(a.size_variance + b.size_variance);
}

/// A part of the window.
struct Turn {
    double seconds = 0;
    double births = 0;      ///< Of all stacks.
    std::size_t owner = 0;  ///< The stack with most of them.
    double owned = 0;       ///< Births of that.

    [[nodiscard]] double rate() const { return births / seconds; }
};

bool at_one_pace(const Turn& a, const Turn& b, double weight) {
    if (a.seconds <= 0 || b.seconds <= 0) return false;
    const double error = std::sqrt(
        weight * (a.births / (a.seconds * a.seconds) + b.births / (b.seconds * b.seconds)));
    return std::abs(a.rate() - b.rate()) <= same_pace * std::max(a.rate(), b.rate()) + sure * error;
}

/// Whether the owner of turns[at] takes over from that of the one before, at its pace. Both may
/// have a share in these two turns, so the ones around them are looked at, if they are theirs.
bool takes_over(std::span<const Turn> turns, std::size_t at, double weight) {
    const std::size_t last = at - 1;
    const std::size_t before =
        last > 0 && turns[last - 1].owner == turns[last].owner ? last - 1 : last;
    const std::size_t after =
        at + 1 < turns.size() && turns[at + 1].owner == turns[at].owner ? at + 1 : at;
    return at_one_pace(turns[before], turns[after], weight);
}

/// Walks the tree of callers, from the outermost inwards.
class Search {
 public:
    Search(const std::vector<MergedStack>& stacks, const RecordingContents& contents)
        : contents_(contents), stacks_(stacks) {
        std::map<Path, std::vector<std::size_t>> by_call;
        for (std::size_t i = 0; i < stacks.size(); ++i) {
            by_call[call_to_allocate(stacks[i].record, contents)].push_back(i);
            births_.push_back(births_within(stacks[i], stacks[i].record.kind == StackKind::heap
                                                           ? contents.info.sampling_bytes
                                                           : 0));
            roots_.push_back(root_frames(stacks[i].record, contents));
        }
        for (auto& [call, members] : by_call) search_sizes(members);
    }

    [[nodiscard]] std::vector<Succession> take() {
        std::ranges::stable_sort(found_, {}, &Found::common);
        if (found_.size() > most_successions) found_.resize(most_successions);
        std::vector<Succession> result;
        for (Found& found : found_) {
            std::ranges::sort(found.succession.stacks);
            result.push_back(std::move(found.succession));
        }
        return result;
    }

 private:
    struct Found {
        Succession succession;
        std::size_t common = 0;
    };

    /// Of one call to allocate: apart where sizes have a gap, as of objects of several kinds.
    void search_sizes(std::vector<std::size_t>& members) {
        std::erase_if(members, [&](std::size_t stack) { return births_[stack].count == 0; });
        std::ranges::sort(members, {}, [&](std::size_t stack) { return births_[stack].size; });
        for (auto begin = members.begin(); begin != members.end();) {
            auto end = begin + 1;
            while (end != members.end() && of_one_size(births_[*(end - 1)], births_[*end])) ++end;
            if (end - begin > 1) {
                search_callers({begin, end});
                search_cut({begin, end});
            }
            begin = end;
        }
    }

    /// Compiled code may keep no frame pointer where the interpreter does: then nothing is known of
    /// the callers of some that take over, and all that call the same way from generated code are
    /// taken together.
    void search_cut(std::span<const std::size_t> members) {
        std::map<Path, std::vector<std::size_t>> by_path;
        for (const std::size_t stack : members)
            if (Path path = before_generated_code(stacks_[stack].record, contents_); !path.empty())
                by_path[std::move(path)].push_back(stack);
        for (const auto& [path, stacks] : by_path) {
            const bool cut = std::ranges::any_of(stacks, [&](std::size_t stack) {
                return stacks_[stack].record.end != StackEnd::complete;
            });
            if (!cut) continue;
            if (auto succession = succession_of(stacks)) {
                succession->cut = true;
                found_.push_back({std::move(*succession), 0});
            }
        }
    }

    void search_callers(std::span<std::size_t> members) {
        std::ranges::sort(members, [&](std::size_t a, std::size_t b) {
            const Path& left = stacks_[a].record.locations;
            const Path& right = stacks_[b].record.locations;
            return std::lexicographical_compare(left.rbegin(), left.rend(), right.rbegin(),
                                                right.rend());
        });
        descend(members, 0);
    }

    /// None if the stack has no more.
    [[nodiscard]] LocationId caller(std::size_t stack, std::size_t depth) const {
        const Path& path = stacks_[stack].record.locations;
        return depth < path.size() ? path[path.size() - 1 - depth] : LocationId();
    }

    /// `members`: in the order of their callers, with the `depth` outermost ones in common.
    void descend(std::span<const std::size_t> members, std::size_t depth) {
        while (caller(members.front(), depth) &&
               caller(members.front(), depth) == caller(members.back(), depth))
            ++depth;
        if (depth > roots_[members.front()])
            if (auto succession = succession_of(members))
                found_.push_back({std::move(*succession), depth});
        for (auto begin = members.begin(); begin != members.end();) {
            const LocationId next = caller(*begin, depth);
            const auto end = std::find_if(begin, members.end(), [&](std::size_t stack) {
                return caller(stack, depth) != next;
            });
            if (end - begin > 1 && next) descend(std::span(begin, end), depth + 1);
            begin = end;
        }
    }

    /// Parts of equal time, as far as the snapshots allow.
    [[nodiscard]] std::vector<Turn> turns_of(std::span<const std::size_t> members,
                                             std::size_t number) const {
        const Window& window = contents_.window;
        const double length = window_seconds(contents_.snapshots, window);
        std::vector<Turn> turns;
        std::vector<double> before(members.size());
        std::size_t start = window.first;
        for (std::size_t i = 0; i < members.size(); ++i) before[i] = allocated(members[i], start);
        for (std::size_t end = start + 1; end <= window.last; ++end) {
            const double part = static_cast<double>(turns.size() + 1);
            if (end < window.last && window_seconds(contents_.snapshots, {window.first, end}) <
                                         length * part / static_cast<double>(number))
                continue;
            Turn& turn = turns.emplace_back();
            turn.seconds = window_seconds(contents_.snapshots, {start, end});
            for (std::size_t i = 0; i < members.size(); ++i) {
                const double now = allocated(members[i], end);
                const double births = now - std::exchange(before[i], now);
                turn.births += births;
                if (births <= turn.owned) continue;
                turn.owned = births;
                turn.owner = members[i];
            }
            start = end;
        }
        return turns;
    }
    [[nodiscard]] double allocated(std::size_t stack, std::size_t snapshot) const {
        return static_cast<double>(point_at(stacks_[stack].live, snapshot).allocated_count);
    }

    [[nodiscard]] std::optional<Succession> succession_of(
        std::span<const std::size_t> members) const {
        double all = 0;
        double weight = 1;
        for (const std::size_t stack : members) {
            all += births_[stack].count;
            weight = std::max(weight, births_[stack].weight);
        }
        const double followed = all / weight;
        if (followed < least_births) return std::nullopt;
        const auto most = static_cast<double>(contents_.window.snapshots() - 1);
        const std::vector<Turn> turns = turns_of(
            members,
            static_cast<std::size_t>(std::min({most_parts, followed / births_a_part, most})));
        double owned = 0;
        for (const Turn& turn : turns) owned += turn.owned;
        if (owned < in_turn * all) return std::nullopt;

        Succession succession;
        std::optional<std::size_t> last;  // Turn in which any were born.
        for (std::size_t at = 0; at < turns.size(); ++at) {
            if (turns[at].births == 0) continue;
            const std::size_t owner = turns[at].owner;
            const bool changes = last && turns[*last].owner != owner;
            if (changes && (*last + 1 < at || !takes_over(turns, at, weight))) return std::nullopt;
            last = at;
            if (std::ranges::find(succession.in_turn, owner) != succession.in_turn.end()) continue;
            if (births_[owner].count > nearly_all * all) return std::nullopt;
            if (!succession.in_turn.empty() &&
                !of_one_size(births_[owner], births_[succession.in_turn.front()]))
                return std::nullopt;
            succession.in_turn.push_back(owner);
        }
        if (succession.in_turn.size() < 2) return std::nullopt;
        succession.stacks.assign(members.begin(), members.end());
        return succession;
    }

    const RecordingContents& contents_;
    const std::vector<MergedStack>& stacks_;
    std::vector<Births> births_;
    std::vector<std::size_t> roots_;
    std::vector<Found> found_;
};

Judgement judge_sum(const Facts& facts, const Surroundings& surroundings, bool may_be_garbage) {
    Judgement judgement = judge(facts, surroundings);
    if (judgement.verdict != Verdict::leak) return judgement;
    // Several stacks may do by chance what one would not: to be a leak, they must keep one pace.
    const bool even = !facts.strays(most_uneven);
    if (even && !may_be_garbage) return judgement;
    judgement.verdict = Verdict::growing;
    judgement.reason +=
        even ? "; but they are in code of a runtime that may collect garbage, and its collector "
               "was not seen to free anything as old: record until it was"
             : "; but they do not keep one pace";
    return judgement;
}

double grown_bytes(const MergedStack& stack, const Window& window) {
    return std::max(0.0, static_cast<double>(live_at(stack.live, window.last)) -
                             static_cast<double>(live_at(stack.live, window.first)));
}

}  // namespace

std::vector<Succession> find_successions(const std::vector<MergedStack>& stacks,
                                         const RecordingContents& contents) {
    return Search(stacks, contents).take();
}

void judge_successions(std::span<ReportStack> reported, const std::vector<MergedStack>& stacks,
                       const Grounds& grounds) {
    const Window& window = grounds.contents.window;
    if (window.snapshots() < least_snapshots) return;
    const std::vector<Succession> successions = find_successions(stacks, grounds.contents);
    std::vector<MergedStack> sums;
    for (const Succession& succession : successions) {
        std::vector<const MergedStack*> parts;
        for (const std::size_t stack : succession.stacks) parts.push_back(&stacks[stack]);
        sums.push_back(sum_of(parts));
    }
    const std::vector<Facts> facts = weigh_all(sums, grounds.contents, grounds.surroundings);
    std::uint32_t number = 0;
    std::vector<bool> taken(stacks.size());
    for (std::size_t i = 0; i < successions.size(); ++i) {
        const Succession& succession = successions[i];
        if (std::ranges::any_of(succession.stacks, [&](std::size_t at) { return taken[at]; }))
            continue;
        for (const std::size_t stack : succession.stacks) taken[stack] = true;
        ++number;
        // What is a leak by itself needs no more evidence as a part of one.
        const bool leaks_alone = std::ranges::any_of(succession.in_turn, [&](std::size_t stack) {
            return reported[stack].verdict == Verdict::leak || reported[stack].seen_to_leak;
        });
        const bool may_be_garbage =
            !grounds.collected && !leaks_alone &&
            comes_through_generated_code(stacks[succession.in_turn.front()].record,
                                         grounds.contents);
        const Judgement seen = judge_sum(facts[i], grounds.surroundings, may_be_garbage);
        const Judgement judgement = tempered(seen, grounds.sampling);
        Growth growth = facts[i].estimate.growth;
        if (grounds.sampling.observed_share < 1)
            growth = over_window(growth, grounds.sampling, grounds.seconds);
        double all = 0;
        for (const std::size_t stack : succession.in_turn)
            all += grown_bytes(stacks[stack], window);
        for (const std::size_t stack : succession.in_turn) {
            const double grown = grown_bytes(stacks[stack], window);
            if (grown == 0) continue;
            ReportStack& member = reported[stack];
            member.succession = number;
            member.verdict = judgement.verdict;
            member.seen_to_leak =
                seen.verdict == Verdict::leak && judgement.verdict != Verdict::leak;
            member.may_be_pool = judgement.may_be_pool;
            member.growth = times(growth, grown / all);
            member.reason = fmt::format(
                "one of {} stacks that take over from one another, of the same callers{} and the "
                "same call to allocate; its rate is its part of theirs. As if they were one: {}",
                succession.in_turn.size(), succession.cut ? ", as far as they are known," : "",
                judgement.reason);
            member.evidence.decidable_at_ns.reset();
        }
    }
}

}  // namespace seep
