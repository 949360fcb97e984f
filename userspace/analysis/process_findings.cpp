// SPDX-License-Identifier: GPL-2.0-only
#include "analysis/process_findings.h"

#include <fmt/format.h>

#include <algorithm>
#include <cctype>
#include <chrono>
#include <functional>
#include <map>
#include <vector>

#include "analysis/claims.h"
#include "analysis/common_function.h"
#include "analysis/culprit.h"
#include "analysis/findings.h"
#include "analysis/growth.h"
#include "analysis/heap_suspects.h"
#include "analysis/shape.h"
#include "analysis/time_to_limit.h"
#include "base/text.h"

namespace seep {

namespace {

constexpr std::size_t most_suspects = 2;
/// Of the memory's growth, what is left of blocks that go on dying.
constexpr double least_of_growth = 0.25;
/// Of the time that was seen, from which on following all of it shows no more.
constexpr double nearly_all_seen = 0.8;
/// Of growth by a function that is known, in bytes.
constexpr std::int64_t least_known = 8 << 10;
/// Of the heap's growth, what sizes must have for it to be theirs.
constexpr double nearly_all = 0.9;
constexpr double a_month = 30.0 * 86400;
constexpr double a_year = 365.25 * 86400;
/// Beyond a century a number says no more than the word.
constexpr double longest_time = 100 * a_year;

std::string time_text(const std::optional<double>& seconds) {
    if (!seconds || *seconds > longest_time) return "never";
    return format_duration(std::chrono::nanoseconds(static_cast<std::int64_t>(*seconds)) *
                           std::nano::den);
}

/// A machine has some end for every growth: it is worth a word where it may be near.
bool is_worth_a_word(MemoryLimit limited_by, const TimeToLimit& time) {
    return limited_by == MemoryLimit::cgroup || (time.expected && *time.expected < a_month);
}

/// No part grows by more than the whole, if that certainly grows; what is asked for need not be
/// touched.
Growth within(const Growth& whole, Growth part) {
    if (whole.low <= 0) return part;
    part.bytes_per_second = std::min(part.bytes_per_second, whole.bytes_per_second);
    part.low = std::min(part.low, whole.low);
    part.high = std::min(part.high, whole.high);
    return part;
}

void add_limit(const ProcessMemory& memory, Finding& finding) {
    const Growth whole = lasting_growth(memory);
    finding.limit = time_to_limit({memory.limited_by, memory.limit_bytes, memory.used_bytes},
                                  within(whole, times(finding.growth, finding.block_share)));
    // What slows down, or stops where the load does, does not get there.
    if (finding.verdict == verdict_name(Verdict::warming) ||
        finding.verdict == verdict_name(Verdict::load))
        return;
    // Nor need what only may be a leak, while the memory does not grow for certain.
    if (finding.verdict != verdict_name(Verdict::leak) && whole.low <= 0) return;
    const std::string time = limit_text(finding.limit);
    if (time.empty() || !is_worth_a_word(memory.limited_by, finding.limit)) return;
    // Of large blocks, not all need be touched.
    constexpr double much = 1.25;
    const bool untouched = whole.low > 0 && finding.growth.low > much * whole.high;
    finding.sentence +=
        fmt::format("; {} {} in {}",
                    untouched ? fmt::format("the memory grows by {} an hour alone, and",
                                            format_bytes(whole.bytes_per_second * seconds_an_hour))
                              : "by itself it",
                    memory.limited_by == MemoryLimit::cgroup ? "reaches the control group's limit"
                                                             : "fills the host's memory",
                    time);
}

/// Of the heap, as far as nothing else certainly does: the stack of which it cannot be told whether
/// it goes on.
const ReportStack* undecided_stack(const Report& report) {
    const auto stack = std::ranges::find_if(report.stacks, [](const ReportStack& each) {
        return each.kind == StackKind::heap && each.verdict == Verdict::undetermined &&
               !each.suppressed && each.growth.bytes > 0 && !each.frames.empty();
    });
    return stack == report.stacks.end() ? nullptr : &*stack;
}

/// "; it may be of `a` or `b`": the functions of which most was seen that may be growth.
std::string suspects(const Report& report) {
    struct Suspect {
        double rate = 0;  ///< Of what stays of it, where that is known.
        const ReportStack* stack = nullptr;
        bool dying = true;  ///< What is left of its blocks becomes less.
    };
    std::map<std::string, Suspect> functions;
    for (const ReportStack& stack : report.stacks) {
        if (stack.kind != StackKind::heap || stack.verdict != Verdict::undetermined ||
            stack.suppressed || stack.frames.empty() || stack.growth.bytes_per_second <= 0)
            continue;
        Suspect& suspect = functions[function_key(stack.frames[stack.culprit])];
        const auto& staying = stack.evidence.staying;
        suspect.rate += stack.growth.bytes_per_second * (staying ? staying->survival.share : 1);
        if (suspect.stack == nullptr) suspect.stack = &stack;
        suspect.dying = suspect.dying && staying && staying->dying;
    }
    std::vector<Suspect> ranked;
    ranked.reserve(functions.size());
    const double least = least_of_growth * lasting_growth(report.memory).bytes_per_second;
    for (const auto& [function, suspect] : functions)
        if (!suspect.dying || suspect.rate >= least) ranked.push_back(suspect);
    std::ranges::sort(ranked, std::greater(), &Suspect::rate);
    std::string text;
    for (std::size_t i = 0; i < std::min(most_suspects, ranked.size()); ++i) {
        const ReportStack& stack = *ranked[i].stack;
        text += fmt::format("{}`{}`", i == 0 ? "; it may be of " : " or ",
                            brief_name(stack.frames[stack.culprit]));
        if (const ReportFrame* caller = named_caller(stack))
            text += fmt::format(" (under `{}`)", brief_name(*caller));
    }
    return text;
}

/// Why no finding tells from where the memory grows; empty if nothing is to be said of it.
std::string why_unexplained(const Report& report) {
    if (const double seen = report.sampling.observed_share; seen < 1)
        return fmt::format(
            "what was seen of the heap, in {:.2g} % of the time, does not tell from where{}{}: see "
            "who touches it first (--source faults, which needs no probe on the allocator){}",
            100 * seen, suspects(report), load_text(report.sampling),
            seen < nearly_all_seen ? ", or record for some seconds with --sample exact, which "
                                     "slows it down by far more"
                                   : "");
    const ReportStack* const stack = undecided_stack(report);
    if (stack == nullptr) return {};
    const std::optional<std::int64_t> decidable = stack->evidence.decidable_at_ns;
    return fmt::format(
        "most of it is in blocks that come and go, as those of `{}`, of which it cannot be told "
        "yet: record for {}",
        brief_name(stack->frames[stack->culprit]),
        decidable ? format_duration(std::chrono::seconds(1) *
                                    ((*decidable - report.window_start_ns) / std::nano::den)) +
                        " or longer"
                  : "longer");
}

/// Whether it surely grows, by something that matters.
bool surely_grows(const Witness& witness, const Report& report) {
    constexpr double much = 2 << 20;
    constexpr double least_in_heap = 64 << 10;
    const Growth growth = lasting(witness.growth, witness.lately);
    if (witness.growth.low <= 0 || growth.low <= 0) return false;
    const double grown = growth.bytes_per_second * seconds_of(report);
    // Of a few sizes it is certain that they are not those of blocks that threads keep.
    if (witness.is_heap)
        return grown >= least_in_heap ||
               (grown >= static_cast<double>(least_known) &&
                growing_sizes(report).bytes_per_second >= nearly_all * growth.bytes_per_second);
    // In as many steps as a burst does not have, what the kernel may miscount is enough.
    return grown >= much ||
           (grown >= witness.miscounted && witness.steps >= ProcessMemory::least_steps);
}

/// By the findings, with what the allocator adds to each block.
double found_growth(const Report& report) {
    double found = suppressed_growth(report);
    for (const Finding& finding : report.findings)
        if (finding.kind == StackKind::heap)
            found += finding.growth.bytes_per_second * finding.block_share;
    return found;
}

/// Of what there is more of some sizes, what is lost, to be told.
constexpr double worth_a_word = 0.1;

/// ", mostly in chunks of 208 and 96 bytes"; empty if it is not.
std::string in_sizes(const Report& report, const Growth& heap) {
    const GrowingSizes sizes = growing_sizes(report);
    if (2 * sizes.bytes_per_second < heap.bytes_per_second) return {};
    return fmt::format(
        ", {}in {}{}",
        sizes.bytes_per_second >= nearly_all * heap.bytes_per_second ? "" : "mostly ", sizes.text,
        sizes.lost >= worth_a_word
            ? fmt::format(", {:.0f} % of which are lost (nothing points to them any more)",
                          100 * sizes.lost)
            : "");
}

/// That memory grows, and by far more than `found`.
std::optional<Finding> unexplained_growth(const Report& report, const Witness& witness,
                                          double found, const std::string& why) {
    constexpr double most_unexplained = 3;
    const Growth memory = lasting(witness.growth, witness.lately);
    if (!surely_grows(witness, report) || why.empty() ||
        memory.bytes_per_second <= most_unexplained * found)
        return std::nullopt;
    const auto whole = static_cast<double>(witness.growth.bytes);
    const auto later = static_cast<double>(witness.lately.bytes);
    const bool slows_down = later < ending_pace * (whole - later);
    Finding finding;
    finding.verdict = verdict_name(slows_down ? Verdict::warming : Verdict::growing);
    finding.growth = memory;
    finding.live_bytes =
        witness.is_heap ? report.memory.in_use->bytes : report.memory.anonymous_bytes;
    finding.sentence =
        slows_down ? fmt::format(
                         "{} grew by {}, and slows down: {} of it came in the later half, as "
                         "where a program warms up. Record again, to see whether it goes on",
                         witness.name, format_bytes(whole), format_bytes(std::max(0.0, later)))
                   : fmt::format("{} grows by {}{}, and {}", witness.name, hourly(memory),
                                 witness.is_heap ? in_sizes(report, memory) : "", why);
    finding.sentence.front() =
        static_cast<char>(std::toupper(static_cast<unsigned char>(finding.sentence.front())));
    return finding;
}

/// That memory grows and no finding tells from where: that which the allocator has in use, if that
/// is known, or all.
std::optional<Finding> unexplained_growth(const Report& report) {
    if (!report.recording.sources.heap || report.snapshots < 2 * least_snapshots)
        return std::nullopt;
    const double found = found_growth(report);
    const Witness witness = witness_of(report);
    auto finding = unexplained_growth(report, witness, found, why_unexplained(report));
    if (finding || !witness.is_heap) return finding;
    const double in_use = std::max(found, witness.growth.high);
    return unexplained_growth(
        report, anonymous_memory(report.memory), in_use,
        fmt::format("{} by {} an hour at most: the rest is free in its heaps, or mapped past them "
                    "(record with --source heap,mapping to see by whom)",
                    witness.name, format_bytes(in_use * seconds_an_hour)));
}

/// Adds what is told by the sizes of which the heap has more, if that is so much that it matters;
/// in its place by how surely it grows.
bool add_growth_by_sizes(Report& report) {
    if (report.snapshots < 2 * least_snapshots || !report.memory.in_use) return false;
    std::optional<Finding> finding = growth_by_sizes(report, found_growth(report));
    if (!finding || finding->growth.bytes < least_known) return false;
    const bool leaks = finding->verdict == verdict_name(Verdict::leak);
    const auto place = std::ranges::find_if(report.findings, [&](const Finding& other) {
        if (other.verdict == finding->verdict) return other.growth.low < finding->growth.low;
        return leaks || other.verdict != verdict_name(Verdict::leak);
    });
    report.findings.insert(place, std::move(*finding));
    return true;
}

/// What is seen of all stacks together tells less than what the heap has of some sizes.
bool is_open_though_the_heap_grows(const Report& report) {
    const auto& in_use = report.memory.in_use;
    return report.verdict == verdict_name(Verdict::undetermined) && in_use &&
           in_use->growth.low > 0 && !report.findings.empty() &&
           report.findings.front().verdict == verdict_name(Verdict::growing) &&
           report.findings.front().growth.low > 0;
}

Finding memory_finding(const ProcessMemory& memory) {
    Finding finding;
    finding.verdict = memory.verdict;
    finding.growth = memory.anonymous;
    finding.live_bytes = memory.anonymous_bytes;
    finding.sentence = fmt::format("{}: {}", memory.verdict, memory.reason);
    finding.sentence.front() =
        static_cast<char>(std::toupper(static_cast<unsigned char>(finding.sentence.front())));
    return finding;
}

}  // namespace

std::string limit_text(const TimeToLimit& limit) {
    if (!limit.earliest) return {};
    if (!limit.expected && *limit.earliest > a_year) return {};
    if (!limit.expected)
        return fmt::format("{} at the earliest, or never", time_text(limit.earliest));
    std::string expected = time_text(limit.expected);
    const std::string earliest = time_text(limit.earliest);
    const std::string latest = time_text(limit.latest);
    if (earliest == expected && latest == expected) return expected;
    return fmt::format("{} ({} to {})", expected, earliest, latest);
}

void conclude(Report& report) {
    const ProcessMemory& memory = report.memory;
    const bool by_sizes = add_growth_by_sizes(report);
    if (memory.limited_by != MemoryLimit::unknown)
        for (Finding& finding : report.findings) add_limit(memory, finding);
    const auto after_leaks = std::ranges::find_if(report.findings, [](const Finding& finding) {
        return finding.verdict != verdict_name(Verdict::leak);
    });
    const bool leaks = after_leaks != report.findings.begin();
    if (!memory.verdict.empty()) {
        report.verdict = memory.verdict;
        report.reason = memory.reason;
        report.findings.insert(after_leaks, memory_finding(memory));
    } else if (std::optional<Finding> unexplained = unexplained_growth(report)) {
        report.verdict = leaks ? verdict_name(Verdict::leak) : unexplained->verdict;
        report.reason = leaks ? report.findings.front().sentence : unexplained->sentence;
        report.findings.insert(after_leaks, std::move(*unexplained));
    } else if ((leaks && report.verdict != verdict_name(Verdict::leak)) || by_sizes ||
               is_open_though_the_heap_grows(report)) {
        report.verdict = report.findings.front().verdict;
        report.reason = report.findings.front().sentence;
    } else if (report.verdict == verdict_name(Verdict::leak) &&
               std::ranges::none_of(report.stacks, [](const ReportStack& stack) {
                   return stack.verdict == Verdict::leak;
               })) {
        report.verdict = verdict_name(Verdict::growing);
        // What starts and ends at different times may add up to an even growth.
        if (report.findings.empty() ||
            report.findings.front().verdict != verdict_name(Verdict::growing))
            report.reason += "; but of no code by itself";
        else
            report.reason = report.findings.front().sentence;
    }
    if (!leaks && suppressed_growth(report) > 0) report.reason += "; a part of it is suppressed";
    add_up_common_function(report);
}

}  // namespace seep
