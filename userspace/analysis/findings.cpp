// SPDX-License-Identifier: GPL-2.0-only
#include "analysis/findings.h"

#include <fmt/format.h>

#include <algorithm>
#include <span>

#include "analysis/block_size.h"
#include "analysis/causes.h"
#include "analysis/claims.h"
#include "analysis/culprit.h"
#include "analysis/growth.h"
#include "analysis/lost.h"
#include "analysis/merging.h"
#include "base/text.h"

namespace seep {

namespace {

constexpr std::size_t most_names = 2;
/// Of memory that is larger, what is worth saying so: bytes, and a share of all.
constexpr double least_larger = 1 << 20;
constexpr double much_larger = 0.05;
/// Of what a cause grows by, what is lost: rounded, all of it.
constexpr double surely_all = 0.995;

std::string quoted(const ReportFrame& frame) {
    return fmt::format("`{}`", brief_name(frame));
}

/// The nearest frame from one on outwards that has a name, unless it starts programs and threads.
const ReportFrame* named_from(const ReportStack& stack, std::size_t at) {
    const auto named =
        std::find_if(stack.frames.begin() + static_cast<std::ptrdiff_t>(at), stack.frames.end(),
                     [](const ReportFrame& frame) { return !frame.function.empty(); });
    return named == stack.frames.end() || is_starter_name(named->function) ? nullptr : &*named;
}

/// The frame that all stacks of the cause go through, or else one around it that has a name.
const ReportFrame& shared_frame(const Cause& cause, const ReportFrame& innermost) {
    if (!innermost.function.empty()) return innermost;
    const ReportStack& stack = *cause.stacks.front();
    for (std::size_t i = stack.frames.size(); i-- > 0;) {
        if (function_key(stack.frames[i]) != function_key(innermost)) continue;
        const ReportFrame* named = named_from(stack, i);
        return named == nullptr ? innermost : *named;
    }
    return innermost;
}

/// Stacks that take over from one another, of the first such leak; 0 if there is none.
std::size_t paths_in_turn(const Cause& cause) {
    const auto first = std::ranges::find_if(
        cause.stacks, [](const ReportStack* stack) { return stack->succession != 0; });
    if (first == cause.stacks.end()) return 0;
    return static_cast<std::size_t>(
        std::ranges::count(cause.stacks, (*first)->succession, &ReportStack::succession));
}

/// "`parse_header` (http.c:212)", "`a` (x.c:1), `b` (x.c:9) and 3 more".
std::string subject(const Cause& cause, const Report& report) {
    std::string text;
    for (std::size_t i = 0; i < std::min(most_names, cause.culprits.size()); ++i) {
        const ReportFrame& frame = *cause.culprits[i];
        std::string details = brief_place(frame);
        if (i == 0 && cause.culprits.size() == 1 && cause.through != nullptr)
            details += fmt::format("{}by {}", details.empty() ? "" : ", ", quoted(*cause.through));
        // What all are under is said once.
        if (const ReportFrame* caller = named_caller(*cause.stacks.front());
            i == 0 && caller != nullptr &&
            (cause.common == nullptr || function_key(*caller) != function_key(*cause.common)))
            details += fmt::format("{}under {}", details.empty() ? "" : ", ", quoted(*caller));
        else if (cause.caller != nullptr)
            details +=
                fmt::format("{}under {}", details.empty() ? "" : ", ", quoted(*cause.caller));
        text += (i == 0 ? "" : i + 1 == cause.culprits.size() ? " and " : ", ") + quoted(frame);
        if (!details.empty()) text += fmt::format(" ({})", details);
    }
    if (cause.culprits.size() > most_names)
        text += fmt::format(" and {} more", cause.culprits.size() - most_names);
    const std::uint32_t cluster = cause.stacks.front()->evidence.cluster;
    const bool is_shared = cluster > 0 && cluster <= report.clusters.size() &&
                           report.clusters[cluster - 1].shares_callers;
    const std::string under =
        cause.common != nullptr ? "under " + quoted(*cause.common)
        : is_shared ? "under " + quoted(shared_frame(cause, report.clusters[cluster - 1].frame))
                    : "";
    if (cause.culprits.size() > 1 && !under.empty()) text += fmt::format(", all {},", under);
    if (const std::size_t paths = paths_in_turn(cause); paths > 1) {
        const bool told = text.ends_with(',');
        text += fmt::format("{} on {} paths{} that take over from one another,", told ? "" : ",",
                            paths, told || under.empty() ? "" : " " + under);
    }
    return text;
}

std::string predicate(const Cause& cause, const Finding& finding, bool lost,
                      const ReportSampling& sampling) {
    const bool several = cause.culprits.size() > 1;
    std::string rate = hourly(finding.growth);
    if (finding.growth_per_work) rate += ", " + work_text(*finding.growth_per_work);
    switch (cause.verdict) {
        case Verdict::leak:
            return fmt::format("{} {}", several ? "leak" : "leaks", rate);
        case Verdict::load:
            return fmt::format("{} with the load, by {}", several ? "grow" : "grows", rate);
        case Verdict::warming:
            return grew_text(finding.growth, several);
        default:
            return fmt::format("{} by {}{}", several ? "grow" : "grows", rate,
                               lost ? "" : ", a leak or a cache that fills" + load_text(sampling));
    }
}

std::string blocks(const Finding& finding, bool sampled) {
    const std::uint64_t held = finding.live_count + finding.lapsed_count;
    const std::string live =
        fmt::format("{}{} live{}", sampled ? "about " : "", counted(held, finding.kind),
                    finding.lapsed_count == 0 ? "" : " or lapsed");
    if (finding.freed_count == 0)
        return live + (finding.lapsed_count == 0 ? ", none ever freed" : ", none seen freed");
    const double freed = static_cast<double>(finding.freed_count) /
                         static_cast<double>(std::max<std::uint64_t>(finding.allocated_count, 1));
    return fmt::format("{}, {:.3g} % of all freed", live, 100 * freed);
}

void add(const std::optional<GrowthPerWork>& more, std::optional<GrowthPerWork>& sum) {
    if (!more) return;
    if (!sum) sum.emplace();
    sum->bytes += more->bytes;
    sum->low += more->low;
    sum->high += more->high;
}

Finding describe(const Cause& cause, const Report& report) {
    Finding finding;
    double takes = 0;
    StackReachability pointers;
    finding.verdict = verdict_name(cause.verdict);
    finding.frame = *cause.culprits.front();
    finding.evidence = cause.stacks.front()->evidence;
    finding.kind = cause.stacks.front()->kind;
    for (const ReportStack* stack : cause.stacks) {
        accumulate(finding.growth, stack->growth);
        takes += stack->growth.bytes_per_second * block_shares(*stack).usual;
        add(stack->growth_per_work, finding.growth_per_work);
        accumulate(pointers, stack->reachability);
        add_stack(*stack, finding);
    }
    if (finding.kind == StackKind::heap && finding.growth.bytes_per_second > 0)
        finding.block_share = takes / finding.growth.bytes_per_second;
    const bool sampled = finding.kind == StackKind::heap && report.sampling.bytes > 0;
    finding.sentence = fmt::format("{} {}: {}", subject(cause, report),
                                   predicate(cause, finding, are_lost(pointers), report.sampling),
                                   blocks(finding, sampled));
    if (const auto lost = finding.evidence.lost_of_heap)
        finding.sentence += fmt::format(
            ", {}what it grows by lost: nothing points to it any more",
            *lost >= surely_all ? "all of " : fmt::format("{:.0f} % or more of ", 100 * *lost));
    else if (cause.verdict == Verdict::leak || cause.verdict == Verdict::growing)
        finding.sentence += pointers_text(pointers);
    return finding;
}

}  // namespace

void add_stack(const ReportStack& stack, Finding& finding) {
    const Totals& totals = stack.totals;
    finding.live_bytes += totals.live_bytes();
    finding.live_count += totals.live_count();
    finding.lapsed_bytes += totals.lapsed_bytes;
    finding.lapsed_count += totals.lapsed_count;
    finding.allocated_count += totals.allocated_count;
    finding.freed_count += totals.freed_count;
    finding.stacks.push_back(stack.id);
}

double suppressed_growth(const Report& report) {
    double sum = 0;
    for (const ReportStack& stack : report.stacks)
        if (stack.suppressed && stack.kind == StackKind::heap && grows(stack))
            sum += stack.growth.bytes_per_second;
    return sum;
}

std::string without_findings(const Report& report) {
    if (report.stacks.empty()) return "No allocation was seen.";
    const ProcessMemory& memory = report.memory;
    const auto more = static_cast<double>(memory.anonymous.bytes);
    const bool larger =
        more >= least_larger && more >= much_larger * static_cast<double>(memory.anonymous_bytes);
    const bool grew = std::ranges::any_of(report.stacks, [](const ReportStack& stack) {
        return stack.growth.bytes > 0 || stack.growth.high > 0;
    });
    if (!grew && !larger && report.sampling.observed_share >= 1)
        return "Nothing grew: no stack holds more at the end of the window than at its start.";
    const char* but = suppressed_growth(report) > 0
                          ? "Nothing grew for certain but what is suppressed"
                          : "Nothing grew for certain";
    if (!larger) return fmt::format("{}.", but);
    return fmt::format(
        "{}, though the anonymous memory is {} larger than at the start of the window{}.", but,
        format_bytes(more),
        memory.anonymous_lately.high <= 0 ? ", and has not grown in its later half" : "");
}

const ReportFrame* named_caller(const ReportStack& stack) {
    if (!stack.frames[stack.culprit].function.empty()) return nullptr;
    return named_from(stack, stack.culprit + 1);
}

Place place_of(const ReportStack& stack) {
    const ReportFrame& frame = stack.frames[stack.culprit];
    return {function_key(frame), frame.line != 0 ? frame.line : frame.offset};
}

std::string hourly(const Growth& growth) {
    const auto an_hour = [](double a_second) { return format_bytes(a_second * seconds_an_hour); };
    std::string text = an_hour(growth.bytes_per_second) + " an hour";
    const std::string low = an_hour(growth.low);
    const std::string high = an_hour(growth.high);
    if (low != high) text += fmt::format(" ({} to {})", low, high);
    return text;
}

std::string grew_text(const Growth& growth, bool several) {
    return fmt::format("grew by {} in the window, but {} or {} stopped",
                       format_bytes(static_cast<double>(growth.bytes)),
                       several ? "slow down" : "slows down", several ? "have" : "has");
}

std::string load_text(const ReportSampling& sampling) {
    constexpr double worth_a_word = 1.2;
    const std::optional<double> rise = sampling.load_rise;
    if (!rise || *rise < worth_a_word) return {};
    return fmt::format(
        " (it may be the load: in the later half of the window there were {:.2g} times as many "
        "allocations a second)",
        *rise);
}

std::string work_text(const GrowthPerWork& growth) {
    return fmt::format("{} ({} to {}) per 1,000 units of work", format_bytes(growth.bytes),
                       format_bytes(growth.low), format_bytes(growth.high));
}

std::vector<Finding> find_causes(const Report& report) {
    std::vector<Finding> findings;
    const std::vector<Cause> causes = causes_of(report);
    for (auto begin = causes.begin(); begin != causes.end();) {
        const auto end = std::find_if(begin, causes.end(), [&](const Cause& cause) {
            return cause.verdict != begin->verdict;
        });
        const auto first = static_cast<std::ptrdiff_t>(findings.size());
        for (; begin != end; ++begin) findings.push_back(describe(*begin, report));
        std::stable_sort(
            findings.begin() + first, findings.end(),
            [](const Finding& a, const Finding& b) { return a.growth.low > b.growth.low; });
    }
    return findings;
}

Result<FailCondition> parse_fail_condition(std::string_view text) {
    FailCondition condition{.text = std::string(text)};
    const std::size_t colon = text.find(':');
    const std::string_view name = text.substr(0, colon);
    if (name == "growing")
        condition.verdict = Verdict::growing;
    else if (name != "leak")
        return Error{ErrorKind::bad_input,
                     fmt::format("cannot fail on \"{}\"", printable(name, 80)),
                     "write leak or growing, and after a colon the bytes an hour: leak:1M"};
    if (colon == std::string_view::npos) return condition;
    const Result<std::uint64_t> size = parse_size(text.substr(colon + 1));
    if (!size) return size.error();
    condition.bytes_per_hour = static_cast<double>(*size);
    return condition;
}

bool holds(const FailCondition& condition, const Finding& finding) {
    const bool leaks = finding.verdict == verdict_name(Verdict::leak);
    const bool meant = leaks || finding.verdict == verdict_name(condition.verdict);
    return meant && finding.growth.low * seconds_an_hour > condition.bytes_per_hour;
}

const Finding* failing_finding(const Report& report, const FailCondition& condition) {
    const auto found = std::ranges::find_if(
        report.findings, [&](const Finding& finding) { return holds(condition, finding); });
    return found == report.findings.end() ? nullptr : &*found;
}

}  // namespace seep
