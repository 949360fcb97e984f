// SPDX-License-Identifier: GPL-2.0-only
#include "output/text_report.h"

#include <fmt/format.h>

#include <algorithm>
#include <chrono>
#include <optional>
#include <string>
#include <string_view>
#include <unordered_map>
#include <vector>

#include "analysis/findings.h"
#include "analysis/process_findings.h"
#include "analysis/truncation.h"
#include "base/text.h"
#include "drain/governor.h"
#include "output/findings_text.h"
#include "output/page.h"
#include "output/phrases.h"
#include "output/stack_text.h"

namespace seep {
namespace {

constexpr std::size_t header_indent = 14;

/// As many programs and processes of each are named, unless all are asked for.
constexpr std::size_t most_programs = 4;
constexpr std::size_t most_pids = 8;

/// Processes that run the same command with the same allocator.
struct Program {
    std::string command;
    std::string allocators;
    std::vector<std::int64_t> pids;
};

std::vector<Program> programs_of(const std::vector<ReportProcess>& processes) {
    std::vector<Program> programs;
    for (const ReportProcess& process : processes) {
        const std::string& command = process.command.empty() ? process.executable : process.command;
        auto found = std::ranges::find_if(programs, [&](const Program& program) {
            return program.command == command && program.allocators == process.allocators;
        });
        if (found == programs.end())
            found = programs.insert(programs.end(), {command, process.allocators, {}});
        found->pids.push_back(process.pid);
    }
    return programs;
}

void print_targets(Page& page, const std::vector<ReportProcess>& processes, bool all) {
    const std::vector<Program> programs = programs_of(processes);
    std::size_t left = processes.size();
    for (std::size_t i = 0; i < programs.size() && (all || i < most_programs); ++i) {
        const Program& program = programs[i];
        const std::size_t named =
            all ? program.pids.size() : std::min(program.pids.size(), most_pids);
        std::string text = fmt::format(
            "{}", fmt::join(program.pids.begin(),
                            program.pids.begin() + static_cast<std::ptrdiff_t>(named), ", "));
        if (named < program.pids.size())
            text += fmt::format(" and {} more", format_count(program.pids.size() - named));
        page.paragraph("Target", header_indent,
                       fmt::format("{}, {}", text, printable(program.command, 400)));
        if (!program.allocators.empty())
            page.paragraph("", header_indent, "allocator " + printable(program.allocators, 400));
        left -= program.pids.size();
    }
    if (left > 0)
        page.paragraph(
            "", header_indent,
            fmt::format("and {} more process{}", format_count(left), left == 1 ? "" : "es"));
}

std::string following_text(std::uint64_t sampling_bytes) {
    if (sampling_bytes == 0) return "every allocation is followed";
    return fmt::format(
        "one allocation in about {} is followed; figures are estimates, ± their "
        "standard error",
        format_bytes(static_cast<double>(sampling_bytes)));
}

/// Where that changed over time: which share of the time was seen in which way.
std::string changing_text(const ReportSampling& sampling) {
    double all = 0;
    double exact = 0;
    double sampled = 0;
    double windows = 0;
    for (const ReportPeriod& period : sampling.periods) {
        all += period.seconds;
        if (period.windows)
            windows += period.seconds;
        else if (period.bytes == 0)
            exact += period.seconds;
        else
            sampled += period.seconds;
    }
    const auto share = [&](double part) { return percent(all > 0 ? part / all : 0); };
    std::string text = fmt::format("every allocation followed {}for {} of the time",
                                   windows > 0 ? "without pauses " : "", share(exact));
    if (sampled > 0) text += fmt::format(", samples of them for {}", share(sampled));
    if (windows > 0) text += fmt::format(", in windows with pauses between for {}", share(windows));
    if (sampling.bytes > 0)
        text += fmt::format(
            "; at least one allocation in about {}, figures are estimates, "
            "± their standard error",
            format_bytes(static_cast<double>(sampling.bytes)));
    return text;
}

void print_sampling(Page& page, const ReportSampling& sampling) {
    page.paragraph("Sampling", header_indent,
                   sampling.periods.size() > 1 || sampling.observed_share < 1
                       ? changing_text(sampling)
                       : following_text(sampling.bytes));
    if (sampling.observed_share >= 1) return;
    page.paragraph("", header_indent,
                   fmt::format("seen for {} of the time in all: counts and bytes are of what was "
                               "seen, rates are a second of it. What outlived a window has lapsed: "
                               "neither live nor freed as far as is known, but held against its "
                               "stack until its address is seen to be free",
                               percent(sampling.observed_share)));
    if (!sampling.rate_scale.known)
        page.paragraph(
            "", header_indent,
            "by its page faults, the target took new memory faster over all of the time, "
            "as probes slow it down; by how much, too few came to tell: what was seen is "
            "too low, unless the growth of the memory tells it");
    const RateScale& pace = sampling.rate_scale;
    if (pace.middle == 1) return;
    const char* whole =
        sampling.by_calls ? "by the calls that were counted all of the time" : "by its page faults";
    page.paragraph(
        "", header_indent,
        fmt::format("{}, the target was {:.3g} times as fast over all of the time ({:.3g} to "
                    "{:.3g}) as while it was seen, {}: rates are made so many times what was seen",
                    whole, pace.middle, pace.low, pace.high,
                    pace.low > 1    ? "as probes slow it down"
                    : pace.high < 1 ? "as it happened to do more then"
                                    : "which may be no difference"));
}

std::string overhead_text(const Report& report) {
    std::string text =
        fmt::format("{:.3g} % of the target's CPU time", report.overhead_cpu_percent);
    const double budget = static_cast<double>(report.recording.budget_ppm) / 1e4;
    if (budget > 0 && report.overhead_cpu_percent > budget && !report.over_budget)
        text += fmt::format(
            ", which is {:.2g} % of a core (a target that uses little is allowed {:.2g} %)",
            report.overhead_core_percent, budget * least_governed_cpu);
    else if (budget > 0)
        text += fmt::format(" of {:.3g} % allowed", budget);
    text += fmt::format(", {} probe hits", format_count(report.probe_hits));
    return text + (report.faulted ? "; without what is taken by page faults" : "");
}

/// "+3 MiB in the window, +1 MiB an hour": the second by the trend of the low points. Where that
/// has slowed down to less than half, "lately +100 KiB an hour"; where there is none for certain,
/// "as it comes and goes".
std::string growth_text(const Growth& growth, const Growth& lately) {
    if (growth.low < 0 && growth.high > 0)
        return fmt::format("{} in the window, as it comes and goes",
                           signed_bytes(static_cast<double>(growth.bytes)));
    const bool slowed =
        growth.bytes_per_second > 0 && 2 * lately.bytes_per_second < growth.bytes_per_second;
    return fmt::format("{} in the window, {}{} an hour",
                       signed_bytes(static_cast<double>(growth.bytes)), slowed ? "lately " : "",
                       signed_bytes((slowed ? lately : growth).bytes_per_second * seconds_an_hour));
}

/// Where they end, the places with the most allocations.
std::string truncated_text(const Report& report) {
    constexpr std::size_t most_places = 3;
    std::string text;
    for (std::size_t i = 0; i < std::min(report.truncated.size(), most_places); ++i) {
        const Truncation& place = report.truncated[i];
        const std::string module = place.generated        ? "generated code"
                                   : place.module.empty() ? "unknown code"
                                                          : printable(place.module, 60);
        text += fmt::format("{} {} ({}: {})", i == 0 ? ", which ends in" : ",", module,
                            stack_end_name(place.reason), format_count(place.allocations));
    }
    return text;
}

void print_heap(Page& page, const Report& report) {
    const Totals& totals = report.totals;
    std::string text =
        fmt::format("{} live in {}{}", live_text(totals, report.live_standard_error),
                    counted(totals.live_count(), StackKind::heap), lapsed_text(totals));
    // Of what was freed between windows nothing is known.
    if (report.memory.anonymous_bytes > 0 && report.sampling.observed_share >= 1)
        text += ", " + growth_text(report.memory.heap, report.memory.heap_lately);
    page.paragraph("Traced heap", header_indent, text);
    page.paragraph("Since attach", header_indent,
                   fmt::format("{} allocated in {}, {} freed in {}",
                               format_bytes(static_cast<double>(totals.allocated_bytes)),
                               counted(totals.allocated_count, StackKind::heap),
                               format_bytes(static_cast<double>(totals.freed_bytes)),
                               counted(totals.freed_count, StackKind::heap)));
}

void print_memory(Page& page, const ProcessMemory& memory) {
    if (memory.anonymous_bytes == 0) return;
    std::string text =
        fmt::format("{}, {}", format_bytes(static_cast<double>(memory.anonymous_bytes)),
                    growth_text(memory.anonymous, memory.anonymous_lately));
    if (memory.swap_bytes > 0)
        text +=
            fmt::format("; {} of it in swap", format_bytes(static_cast<double>(memory.swap_bytes)));
    if (memory.coverage)
        text += fmt::format("; {} of it is traced heap", percent(*memory.coverage));
    if (memory.kappa && *memory.kappa > 0 && memory.anonymous.low > 0)
        text += fmt::format("; it grew {:.2f} times as much as the heap", *memory.kappa);
    page.paragraph("Anonymous", header_indent, text);
    if (memory.limited_by == MemoryLimit::unknown) return;
    const std::string reached = limit_text(memory.limit);
    page.paragraph(
        "Limit", header_indent,
        fmt::format("{} used of the {} {}{}", format_bytes(static_cast<double>(memory.used_bytes)),
                    format_bytes(static_cast<double>(memory.limit_bytes)),
                    memory.limited_by == MemoryLimit::cgroup ? "that the control group may use"
                                                             : "of memory and swap of the host",
                    reached.empty() ? ", not being reached" : ", reached in " + reached));
}

/// "; of what is in use, 3 MiB in 4,000 blocks are lost: ...": from before attach or not.
std::string lost_text(const HeapLost& lost) {
    return fmt::format("; of what is in use, {} in {} are lost: no pointer leads to them",
                       format_bytes(static_cast<double>(lost.bytes)),
                       counted(lost.blocks, StackKind::heap));
}

/// By the allocator's own account.
void print_in_use(Page& page, const HeapInUseGrowth& heap, std::uint64_t anonymous_bytes) {
    std::string free =
        fmt::format("{} free in its heaps", format_bytes(static_cast<double>(heap.free_bytes)));
    // Mapped blocks may be some of it, too.
    const std::uint64_t resident = anonymous_bytes - std::min(anonymous_bytes, heap.bytes);
    constexpr std::uint64_t worth_a_word = 1 << 20;
    if (heap.free_bytes > std::max(2 * resident, worth_a_word))
        free += fmt::format(", of which {} at most are resident",
                            format_bytes(static_cast<double>(resident)));
    page.paragraph(
        "Heap in use", header_indent,
        fmt::format("{} in {} by glibc's account, headers included, {}; {}{}",
                    format_bytes(static_cast<double>(heap.bytes)),
                    counted(heap.blocks, StackKind::heap), growth_text(heap.growth, heap.lately),
                    free, heap.lost && heap.lost->blocks > 0 ? lost_text(*heap.lost) : ""));
}

void print_work(Page& page, const Report& report) {
    const ReportWork& work = *report.work;
    // What a steady process has more at the window's end is chance, or still its start.
    const bool grows = work.growth && report.verdict != verdict_name(Verdict::steady);
    page.paragraph(
        "Work", header_indent,
        fmt::format("{} units in the window, {:.4g} a second{}", format_count(work.count),
                    work.per_second, grows ? "; growth of " + work_text(*work.growth) : ""));
}

/// What the process's verdict stands on: findings, if it is theirs.
std::string reason_text(const Report& report) {
    const auto found = std::ranges::find(report.findings, report.reason, &Finding::sentence);
    if (found == report.findings.end()) return report.reason;
    const auto last = std::ranges::find_if(found, report.findings.end(), [&](const Finding& other) {
        return other.verdict != report.verdict;
    });
    const auto first_number = found - report.findings.begin() + 1;
    const auto last_number = last - report.findings.begin();
    // Of those that only grow, one may be the process's.
    if (last_number <= first_number || report.verdict != verdict_name(Verdict::leak))
        return fmt::format("finding {}", first_number);
    return fmt::format("findings {} to {}", first_number, last_number);
}

void print_header(Page& page, const Report& report, bool all) {
    print_targets(page, report.targets, all);
    const std::chrono::nanoseconds window(report.window_end_ns - report.window_start_ns);
    page.paragraph(
        "Window", header_indent,
        fmt::format("{} from {}, {} snapshots", format_duration(window),
                    format_rfc3339(report.window_start_ns), format_count(report.snapshots)));
    print_sampling(page, report.sampling);
    page.paragraph("Overhead", header_indent, overhead_text(report));
    page.paragraph("Losses", header_indent, losses_text(report.losses));
    if (report.truncated_share > 0) {
        page.paragraph("", header_indent,
                       fmt::format("{} of the allocations have a truncated stack{}",
                                   percent(report.truncated_share), truncated_text(report)));
    }
    page.line();

    page.paragraph(
        "Resident", header_indent,
        fmt::format("{}, {} in the window", format_bytes(static_cast<double>(report.rss_bytes)),
                    signed_bytes(report.rss_growth_bytes_per_second *
                                 std::chrono::duration<double>(window).count())));
    print_memory(page, report.memory);
    if (report.memory.in_use)
        print_in_use(page, *report.memory.in_use, report.memory.anonymous_bytes);
    if (report.recording.sources.heap) print_heap(page, report);
    if (report.mapped) {
        const MappedBytes& mapped = *report.mapped;
        page.paragraph(
            "Mapped", header_indent,
            fmt::format("{} by the program in {} mappings ({} of it thread stacks), {} by its "
                        "allocator since attach; {} before",
                        format_bytes(static_cast<double>(mapped.program)),
                        format_count(report.mapping_totals.live_count()),
                        format_bytes(static_cast<double>(mapped.thread_stacks)),
                        format_bytes(static_cast<double>(mapped.allocator)),
                        format_bytes(static_cast<double>(mapped.earlier))));
    }
    if (report.faulted) {
        const FaultedBytes& faulted = *report.faulted;
        page.paragraph(
            "Touched", header_indent,
            fmt::format("{} in memory by faults since attach; {} came without one that was seen, "
                        "{} was there before. Heap and mappings are among it",
                        format_bytes(static_cast<double>(faulted.touched)),
                        format_bytes(static_cast<double>(faulted.untold)),
                        format_bytes(static_cast<double>(faulted.earlier))));
    }
    if (report.work) print_work(page, report);
    if (!report.verdict.empty()) {
        const std::string reason = reason_text(report);
        page.paragraph("Verdict", header_indent,
                       printable(report.verdict + (reason.empty() ? "" : ": " + reason)));
    }
}

bool is_empty(const ReportStack& stack) {
    return stack.totals.held_bytes() == 0 && stack.growth.bytes_per_second == 0;
}

void print_ranking(Page& page, const Report& report, const TextOptions& options) {
    const std::size_t count = report.stacks.size();
    if (count == 0) return;
    std::size_t shown = options.top == 0 ? count : std::min(options.top, count);
    while (options.skip_empty && shown > 1 && is_empty(report.stacks[shown - 1])) --shown;
    page.line(
        shown == count
            ? fmt::format("{} stack{}:", format_count(count), count == 1 ? "" : "s")
            : fmt::format("The first {} of {} stacks:", format_count(shown), format_count(count)));
    std::unordered_map<std::string, std::size_t> findings;
    for (std::size_t i = 0; i < report.findings.size(); ++i)
        for (const std::string& id : report.findings[i].stacks) findings.emplace(id, i + 1);
    for (std::size_t rank = 1; rank <= shown; ++rank) {
        page.line();
        const ReportStack& stack = report.stacks[rank - 1];
        const auto finding = findings.find(stack.id);
        print_stack(page, stack, rank, finding == findings.end() ? 0 : finding->second,
                    Depth::ends);
    }
}

}  // namespace

std::string text_report(const Report& report, const TextOptions& options) {
    Page page(options);
    for (const std::string& warning : report.warnings) {
        page.paragraph("WARNING", header_indent, printable(warning), Style::yellow);
    }
    if (!report.warnings.empty()) page.line();
    print_findings(page, report, options.top);
    page.line();
    print_header(page, report, options.top == 0);
    page.line();
    print_ranking(page, report, options);
    return page.take();
}

}  // namespace seep
