// SPDX-License-Identifier: GPL-2.0-only
#include "analysis/causes.h"

#include <algorithm>
#include <array>
#include <cstdint>
#include <map>
#include <span>
#include <string>
#include <tuple>

#include "analysis/culprit.h"

namespace seep {
namespace {

/// Of lost blocks, those that must be parts of some objects for all to be; and so many at least.
constexpr double nearly_all = 0.9;
constexpr std::uint64_t least_parts = 5;

/// Gravest first; what has no place here makes no finding.
constexpr std::array finding_order{Verdict::leak, Verdict::growing, Verdict::load,
                                   Verdict::warming};

std::size_t gravity(Verdict verdict) {
    return static_cast<std::size_t>(std::ranges::find(finding_order, verdict) -
                                    finding_order.begin());
}

void add_stack(Cause& cause, const ReportStack& stack) {
    const std::size_t culprit = stack.culprit;
    cause.stacks.push_back(&stack);
    const ReportFrame* frame = &stack.frames[culprit];
    const bool known = std::ranges::any_of(cause.culprits, [&](const ReportFrame* other) {
        return function_key(*frame) == function_key(*other);
    });
    if (known) return;
    if (cause.culprits.empty() && culprit > 1) cause.through = &stack.frames[culprit - 1];
    cause.culprits.push_back(frame);
}

/// Stacks in lockstep, or else of one function, with one verdict are one cause.
std::vector<std::vector<const ReportStack*>> gather(const Report& report) {
    std::vector<std::vector<const ReportStack*>> causes;
    // Bytes of one kind are part of another's, so they are never added up.
    std::map<std::tuple<Verdict, StackKind, std::uint32_t>, std::size_t> by_cluster;
    std::map<std::tuple<Verdict, StackKind, std::string>, std::size_t> by_function;
    for (const ReportStack& stack : report.stacks) {
        if (stack.suppressed || stack.frames.empty() ||
            gravity(stack.verdict) == finding_order.size())
            continue;
        const std::tuple cluster{stack.verdict, stack.kind, stack.evidence.cluster};
        const std::tuple function{stack.verdict, stack.kind,
                                  function_key(stack.frames[stack.culprit])};
        std::size_t cause = causes.size();
        if (const auto known = by_function.find(function); known != by_function.end())
            cause = known->second;
        if (const auto known = by_cluster.find(cluster); known != by_cluster.end())
            cause = known->second;
        if (cause == causes.size()) causes.emplace_back();
        by_function.emplace(function, cause);
        if (stack.evidence.cluster != 0) by_cluster.emplace(cluster, cause);
        causes[cause].push_back(&stack);
    }
    return causes;
}

/// What lost blocks are parts of: the objects of a stack may be known by that of another, whose are
/// known by that of a third.
class Objects {
 public:
    explicit Objects(const Report& report) {
        for (const ReportStack& stack : report.stacks)
            if (is_part(stack.reachability.in_object, stack.reachability.lost))
                of_[stack.id] = stack.evidence.lost_object;
    }

    /// What nearly all that they lost is a part of; empty if it is not known, or not one thing.
    [[nodiscard]] std::string of(std::span<const ReportStack* const> stacks) const {
        std::uint64_t lost = 0;
        std::map<std::string, std::uint64_t> parts;
        for (const ReportStack* const stack : stacks) {
            lost += stack->reachability.lost;
            if (stack->reachability.in_object > 0)
                parts[name(stack->evidence.lost_object)] += stack->reachability.in_object;
        }
        const auto most =
            std::ranges::max_element(parts, {}, [](const auto& each) { return each.second; });
        const bool is_one =
            most != parts.end() && most->second >= least_parts && is_part(most->second, lost);
        return is_one ? most->first : std::string();
    }

 private:
    static bool is_part(std::uint64_t in_object, std::uint64_t lost) {
        return in_object > 0 &&
               static_cast<double>(in_object) >= nearly_all * static_cast<double>(lost);
    }
    [[nodiscard]] std::string name(std::string stack) const {
        // As LostObjects names them, none comes back to itself by way of others; but those of
        // several processes may, put together.
        for (std::size_t steps = 0; steps < of_.size(); ++steps) {
            const auto next = of_.find(stack);
            if (next == of_.end() || next->second == stack) break;
            stack = next->second;
        }
        return stack;
    }

    std::map<std::string, std::string> of_;
};

/// Puts leaks together whose blocks are lost as parts of the same objects.
void join_objects(const Report& report, std::vector<std::vector<const ReportStack*>>& causes) {
    const Objects objects(report);
    std::map<std::string, std::size_t> by_object;
    for (std::size_t i = 0; i < causes.size(); ++i) {
        if (causes[i].front()->verdict != Verdict::leak) continue;
        const std::string object = objects.of(causes[i]);
        if (object.empty()) continue;
        const auto [known, is_new] = by_object.emplace(object, i);
        if (is_new) continue;
        std::vector<const ReportStack*>& first = causes[known->second];
        first.insert(first.end(), causes[i].begin(), causes[i].end());
        std::ranges::sort(first);  // as they are in the report
        causes[i].clear();
    }
    std::erase_if(causes, [](const auto& cause) { return cause.empty(); });
}

/// How many of their outermost frames all of them share, call by call.
std::size_t shared_calls(std::span<const ReportStack* const> stacks) {
    const std::vector<ReportFrame>& first = stacks.front()->frames;
    std::size_t shared = first.size();
    for (const ReportStack* const stack : stacks.subspan(1)) {
        const auto until =
            std::mismatch(first.rbegin(), first.rbegin() + static_cast<std::ptrdiff_t>(shared),
                          stack->frames.rbegin(), stack->frames.rend(),
                          [](const ReportFrame& a, const ReportFrame& b) {
                              return a.offset == b.offset && function_key(a) == function_key(b);
                          });
        shared = static_cast<std::size_t>(until.first - first.rbegin());
    }
    return shared;
}

/// A function that they have in common: the last one before they part; or else one that all go
/// through, by one call or another.
const ReportFrame* common_of(const Cause& cause) {
    const std::vector<ReportFrame>& first = cause.stacks.front()->frames;
    const std::size_t apart = first.size() - shared_calls(cause.stacks);
    for (const ReportFrame* const frame : functions_on(*cause.stacks.front()))
        if (static_cast<std::size_t>(frame - first.data()) >= apart) return frame;
    const auto shared = functions_on_all(cause.stacks);
    return shared.empty() ? nullptr : shared.front();
}

/// What of the first stack is around its culprit, from there outwards.
std::span<const ReportFrame> around(const Cause& cause) {
    const ReportStack& stack = *cause.stacks.front();
    return std::span(stack.frames).subspan(stack.culprit + 1);
}

/// Causes that are named alike are told apart by the first callers in which they differ.
void tell_apart(std::vector<Cause>& causes) {
    const auto same_function = [](const ReportFrame& a, const ReportFrame& b) {
        return function_key(a) == function_key(b);
    };
    std::map<std::string, Cause*> first_of_name;
    for (Cause& cause : causes) {
        if (cause.culprits.size() > 1) continue;
        const auto [known, is_new] =
            first_of_name.emplace(function_key(*cause.culprits.front()), &cause);
        if (is_new) continue;
        Cause& other = *known->second;
        const auto [mine, others] =
            std::ranges::mismatch(around(cause), around(other), same_function);
        const auto tells = [](const ReportFrame& frame) {
            return !frame.function.empty() && !is_starter_name(frame.function);
        };
        if (mine != around(cause).end() && tells(*mine)) cause.caller = &*mine;
        if (other.caller == nullptr && others != around(other).end() && tells(*others))
            other.caller = &*others;
    }
}

}  // namespace

std::vector<Cause> causes_of(const Report& report) {
    auto gathered = gather(report);
    join_objects(report, gathered);
    std::vector<Cause> causes;
    for (const auto& stacks : gathered) {
        Cause& cause = causes.emplace_back(Cause{.verdict = stacks.front()->verdict});
        for (const ReportStack* const stack : stacks) add_stack(cause, *stack);
        if (cause.culprits.size() > 1) cause.common = common_of(cause);
    }
    tell_apart(causes);
    std::ranges::stable_sort(causes, {}, [](const Cause& cause) { return gravity(cause.verdict); });
    return causes;
}

}  // namespace seep
