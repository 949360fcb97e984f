// SPDX-License-Identifier: GPL-2.0-only
#include "analysis/reconciliation.h"

#include <fmt/format.h>

#include <algorithm>
#include <array>
#include <cmath>
#include <map>
#include <optional>
#include <string_view>

#include "analysis/block_size.h"
#include "analysis/coverage.h"
#include "analysis/findings.h"
#include "analysis/growth.h"
#include "analysis/lapses.h"
#include "analysis/process_memory.h"
#include "analysis/sampling.h"
#include "base/text.h"

namespace seep {

namespace {

/// Differences below both of these are no matter: the kernel counts pages by CPU and in batches,
/// and every process touches new ones.
constexpr double least_difference = 2 << 20;
constexpr double least_estimated_difference = 4 << 20;
/// Of the memory, of which less becomes free and is used again where a collector frees now and
/// then.
constexpr double least_kept = 0.2;
/// What was free all the time is told if it is so much, and most of the memory.
constexpr double least_kept_free = 16 << 20;
/// Of the memory, what blocks may be reckoned to have taken, for want of their sizes.
constexpr double most_held = 1.5;
constexpr double least_share = 0.05;
/// Holes between blocks, as a share of the blocks: in balance there are half as many of them (D. E.
/// Knuth, "The Art of Computer Programming", vol. 1, 2.5, the fifty-per-cent rule), which would
/// have to be twice as large on average to come to more.
constexpr double most_holes = 1;
/// Of fewer blocks, what was seen in windows tells nothing of all the time.
constexpr double least_fewer = 1000;
/// Of the time, without which it is the threads that come and go.
constexpr double least_idle = 0.05;
/// Of fewer, the mean size says nothing of others.
constexpr double least_held = 100;
/// After which jemalloc has given back pages that became free all at once (dirty_decay_ms, 10
/// seconds), twice that; in calls of the allocator, or by a thread of its own, so that it must have
/// been called.
constexpr double jemalloc_decay_seconds = 20;
constexpr double least_calls = 10'000;
/// An allocator with fewer of the calls than this is not the one that keeps memory.
constexpr double least_call_share = 0.01;

/// What the living processes allocate with: a process that links jemalloc maps glibc's malloc, too.
std::string used_allocators(const RecordingContents& contents) {
    std::map<std::string, double> hits;  // by the file's name
    double all = 0;
    for (const ProbeRecord& probe : contents.probes) {
        const auto object = contents.objects.find(probe.object);
        if (object == contents.objects.end()) continue;
        const std::string& path = object->second.path;
        hits[path.substr(path.rfind('/') + 1)] += static_cast<double>(probe.hits);
        all += static_cast<double>(probe.hits);
    }
    const auto is_used = [&](std::string_view allocator) {
        return std::ranges::any_of(hits, [&](const auto& each) {
            return each.second >= least_call_share * all &&
                   allocator.find("(" + each.first + ")") != std::string_view::npos;
        });
    };
    std::string names;
    for (const ProcessRecord& process : contents.processes) {
        if (process.ended_ns != 0) continue;
        for (std::string_view rest = process.allocators; !rest.empty();) {
            const std::string_view allocator = rest.substr(0, rest.find(','));
            rest.remove_prefix(std::min(rest.size(), allocator.size() + 1));
            if (all == 0 || is_used(allocator)) names.append(allocator).append(",");
        }
    }
    return names;
}

/// The evidence that verdicts rest on, in bytes over the window.
struct Difference {
    double excess = 0;       ///< Growth of anonymous memory that the heap's own does not explain.
    double given_up = 0;     ///< By how much live bytes ended below their peak, at least.
    double allocated = 0;    ///< Asked of the allocator.
    double matters = 0;      ///< Below this, excess is nothing.
    double live_blocks = 0;  ///< At the window's end.
    /// By which the allocators' mappings grew, if those were traced.
    std::optional<double> allocators;
    bool gives_back = false;  ///< The allocator, what is free, and it had the time to.
};

double calls(const SnapshotRecord& snapshot) {
    double sum = 0;
    for (const ProcessSample& sample : snapshot.processes)
        sum += static_cast<double>(sample.allocated_count + sample.freed_count);
    return sum;
}

/// What became free from a snapshot on to the window's end.
bool was_to_be_given_back(const RecordingContents& contents, const Window& window,
                          std::size_t since) {
    const std::string allocators = used_allocators(contents);
    return allocators.find("jemalloc") != std::string::npos &&
           allocators.find("glibc") == std::string::npos &&
           window_seconds(contents.snapshots, {since, window.last}) >= jemalloc_decay_seconds &&
           calls(contents.snapshots[window.last]) - calls(contents.snapshots[since]) >= least_calls;
}

std::string bytes(double count) {
    return format_bytes(count);
}

/// By whether the blocks still live, with a page for each, even hold half of it. Those from before
/// attach may not be known, but hold what is not given back. Returns why.
std::string name_retained(double kept, const Difference& difference, ProcessMemory& memory) {
    const bool enough = 2 * page_bytes * difference.live_blocks >= kept;
    memory.verdict = enough || difference.gives_back ? "fragmentation" : "retention";
    if (enough) return "the blocks still live are enough to hold its pages";
    if (difference.gives_back)
        return "jemalloc gives pages back ten seconds after they are free (unless it was told "
               "otherwise), so that blocks still live hold these";
    return "the few blocks still live do not hold its pages";
}

void judge_retained(const Difference& difference, ProcessMemory& memory) {
    const double kept = std::min(difference.excess, difference.given_up);
    const std::string why = name_retained(kept, difference, memory);
    memory.reason = fmt::format(
        "the allocator keeps {} that the program has freed: {} of anonymous memory at the window's "
        "end, {} live in the heap, {} at its peak; {}, and no stack leaks this",
        bytes(kept), bytes(static_cast<double>(memory.anonymous_bytes)),
        bytes(static_cast<double>(memory.heap_bytes)),
        bytes(static_cast<double>(memory.heap_peak_bytes)), why);
}

/// Of an estimate.
std::uint64_t two_digits(double count) {
    const double unit = std::pow(10, std::max(0.0, std::floor(std::log10(count)) - 1));
    return static_cast<std::uint64_t>(std::round(count / unit) * unit);
}

/// Where frees went by unseen, it is known that there are fewer blocks than there were, but not of
/// which sizes: they are taken to be as those that are held, or the least if too few are.
void judge_fewer(const RecordingContents& contents, const Window& window, const LivePoint& held,
                 Difference difference, ProcessMemory& memory) {
    const auto fewer = fewer_blocks(contents);
    if (!fewer || fewer->seen < least_fewer) return;
    // Where threads end, glibc seems to free what they had freed once more.
    if (fewer->idle_share < least_idle &&
        used_allocators(contents).find("glibc") != std::string::npos)
        return;
    const bool known = static_cast<double>(held.live_count) >= least_held;
    const double block =
        known ? static_cast<double>(held.live) / static_cast<double>(held.live_count) : least_block;
    double most = 0;
    const std::size_t since = std::max(window.first, fewer->since);
    for (std::size_t i = window.first; i <= since; ++i)
        most = std::max(most, sum_of(contents.snapshots[i]).anonymous);
    const auto left = static_cast<double>(memory.anonymous_bytes);
    if (left > (1 + least_share) * sum_of(contents.snapshots[since]).anonymous) return;
    const double estimated = block * fewer->all;
    const double given_up = std::min(estimated, most);
    const double kept = given_up - std::max(0.0, most - left);
    // What the memory cannot have held, neither came nor went: windows saw what they saw by chance.
    // And what was freed is given out again before the memory grows.
    if (kept <= std::max(least_estimated_difference, difference.matters) || kept < given_up / 2 ||
        estimated > most_held * most || block * fewer->rise > most_held * most)
        return;
    difference.gives_back = was_to_be_given_back(contents, window, since);
    const std::string why = name_retained(kept, difference, memory);
    memory.reason = fmt::format(
        "the allocator keeps {} {} that the program has freed: about {} more blocks were freed "
        "than allocated since it had most, of {} each {}, and of {} of anonymous memory that "
        "there were then {} are left at the window's end; {}",
        estimated > most ? "up to" : "about", bytes(kept), format_count(two_digits(fewer->all)),
        bytes(block), known ? "as those that are held" : "at least", bytes(most), bytes(left), why);
}

/// What glibc has free by its own account, and had not before, or is most of the memory; and the
/// memory has.
void judge_counted(const HeapInUseGrowth& heap, const Difference& difference,
                   ProcessMemory& memory) {
    const auto anonymous = static_cast<double>(memory.anonymous_bytes);
    const auto kept_free = static_cast<double>(heap.kept_free_bytes);
    const bool is_most = kept_free >= std::max(least_kept_free, anonymous / 2);
    const double kept =
        std::min(std::max(static_cast<double>(heap.freed_bytes), is_most ? kept_free : 0),
                 anonymous - static_cast<double>(heap.bytes));
    if (kept <= std::max(difference.matters, least_kept * anonymous)) return;
    const std::string why = name_retained(kept, difference, memory);
    memory.reason = fmt::format(
        "the allocator keeps {} that the program has freed: by glibc's account {} are in use at "
        "the window's end, and {} free in its heaps, of {} of anonymous memory; {}",
        bytes(kept), bytes(static_cast<double>(heap.bytes)),
        bytes(static_cast<double>(heap.free_bytes)), bytes(anonymous), why);
}

void judge_outside(const char* what, const Growth& growth, ProcessMemory& memory) {
    memory.verdict = "outside the heap";
    memory.reason =
        fmt::format("{} by {}, while the live bytes of the traced heap changed by {} in the window",
                    what, hourly(growth), bytes(static_cast<double>(memory.heap.bytes)));
}

/// Memory that grows over a heap that was used all the time.
void judge_growing(const Difference& difference, double mapping_growth, ProcessMemory& memory) {
    const bool asked = difference.allocated >= difference.excess;
    const bool mapped_by_program = 2 * mapping_growth > difference.excess;
    // An allocator that cannot use again what it has takes new memory, and that is mapped.
    const bool mapped_by_allocator =
        !difference.allocators || 2 * *difference.allocators > difference.excess;
    if (!asked || mapped_by_program || !mapped_by_allocator) {
        judge_outside("anonymous memory grows", memory.anonymous, memory);
        if (!difference.allocators)
            memory.reason += " (record with --source heap,mapping to see by whom)";
        return;
    }
    if (!difference.allocators &&
        difference.excess > most_holes * static_cast<double>(memory.heap_peak_bytes)) {
        judge_outside("anonymous memory grows", memory.anonymous, memory);
        memory.reason +=
            ": more than holes between its blocks come to, so that it seems to be mapped past the "
            "allocator (record with --source heap,mapping to see by whom)";
        return;
    }
    memory.verdict = "fragmentation";
    memory.reason = fmt::format(
        "anonymous memory grows by {}, while live bytes changed by {} in the window and {} passed "
        "through the allocator: what it takes it cannot use again",
        hourly(memory.anonymous), bytes(static_cast<double>(memory.heap.bytes)),
        bytes(difference.allocated));
    if (!difference.allocators)
        memory.reason +=
            ", unless the memory is mapped past it (record with --source heap,mapping to tell)";
}

void judge(const Difference& difference, double mapping_growth, ProcessMemory& memory) {
    const auto grown = static_cast<double>(memory.anonymous.bytes);
    const auto file_grown = static_cast<double>(memory.file.bytes);
    const bool surely = memory.anonymous.low > 0;
    const bool mapped_by_program = 2 * mapping_growth > difference.excess;
    if (difference.excess > difference.matters && difference.given_up >= difference.excess / 2 &&
        !mapped_by_program) {
        judge_retained(difference, memory);
    } else if (difference.excess > difference.matters && 2 * difference.excess > grown && surely) {
        judge_growing(difference, mapping_growth, memory);
    } else if (file_grown > difference.matters && file_grown > grown && memory.file.low > 0) {
        judge_outside("pages of files and shared memory grow", memory.file, memory);
    }
}

struct Advice {
    std::string_view allocator;
    std::string_view text;
};

// From mallopt(3) and malloc_trim(3); jemalloc(3), "TUNING"; gperftools' docs/tcmalloc.html;
// mimalloc's readme, "Environment Options".
constexpr std::array advices{
    Advice{
        "glibc",
        "glibc: malloc_trim(0) gives free pages back; if that frees little, it is fragmentation. "
        "With many threads try MALLOC_ARENA_MAX=2, for large blocks MALLOC_TRIM_THRESHOLD_ and "
        "MALLOC_MMAP_THRESHOLD_=131072, or another allocator"},
    Advice{
        "jemalloc",
        "jemalloc: MALLOC_CONF=background_thread:true,dirty_decay_ms:1000,muzzy_decay_ms:0 gives "
        "pages back sooner; against holes between live blocks only moving them helps (Redis: "
        "activedefrag yes)"},
    Advice{"tcmalloc",
           "tcmalloc: TCMALLOC_RELEASE_RATE=10 gives pages back sooner, "
           "MallocExtension::ReleaseFreeMemory() at once; TCMALLOC_MAX_TOTAL_THREAD_CACHE_BYTES "
           "bounds what threads keep"},
    Advice{"mimalloc",
           "mimalloc: MIMALLOC_PURGE_DELAY=0 gives pages back at once, mi_collect(true) those of a "
           "thread that is idle"},
};

}  // namespace

std::string retention_advice(const std::string& allocators) {
    std::string text;
    for (const Advice& advice : advices)
        if (allocators.find(advice.allocator) != std::string::npos)
            text += fmt::format("{}{}", text.empty() ? "" : ". ", advice.text);
    return text;
}

ProcessMemory reconcile(const RecordingContents& contents, const LiveSeries& heap,
                        double mapping_growth, const std::optional<HeapInUseGrowth>& in_use) {
    ProcessMemory memory = process_memory(contents, heap);
    memory.in_use = in_use;
    const Window window = living_part(contents);
    const ProcessSum start = sum_of(contents.snapshots[window.first]);
    const ProcessSum end = sum_of(contents.snapshots[window.last]);
    if (window.snapshots() < 2 || !start.any || !end.any) return memory;
    const ReportSampling sampling = sampling_of(contents);
    const auto grown = static_cast<double>(memory.anonymous.bytes);
    const auto heap_grown = static_cast<double>(memory.heap.bytes);
    const double noise =
        sampling_noise(contents.info.sampling_bytes,
                       static_cast<double>(live_at(heap, window.first)), std::max(0.0, heap_grown));
    Difference difference;
    difference.matters = std::max({least_difference, least_share * end.anonymous, noise});
    // Where frees go by unseen, glibc knows better.
    const double counted = sampling.observed_share < 1 && in_use
                               ? static_cast<double>(in_use->growth.bytes)
                               : heap_grown;
    if (std::abs(counted) > difference.matters) memory.kappa = grown / counted;

    const double blocks = static_cast<double>(point_at(heap, window.last).live_count) -
                          static_cast<double>(point_at(heap, window.first).live_count);
    const double freed_unseen =
        least_block * std::max(0.0, end.unmatched_frees - start.unmatched_frees);
    // Those from before attach hold pages as well.
    difference.live_blocks =
        static_cast<double>(in_use ? in_use->blocks : point_at(heap, window.last).live_count);
    difference.excess = grown - heap_grown - block_overhead * std::max(0.0, blocks) + freed_unseen;
    difference.given_up = static_cast<double>(memory.heap_peak_bytes) -
                          static_cast<double>(memory.heap_bytes) + freed_unseen;
    difference.allocated = std::max(0.0, end.allocated - start.allocated);
    difference.gives_back = was_to_be_given_back(contents, window, peak_of(heap, window));
    if (end.allocators) difference.allocators = *end.allocators - start.allocators.value_or(0);
    if (!contents.info.sources.heap) return memory;
    if (in_use) judge_counted(*in_use, difference, memory);
    if (memory.verdict.empty()) {
        if (sampling.observed_share < 1)
            judge_fewer(contents, window, point_at(heap, window.last), difference, memory);
        else
            judge(difference, mapping_growth, memory);
    }
    if (memory.verdict == "fragmentation" || memory.verdict == "retention")
        memory.advice = retention_advice(used_allocators(contents));
    return memory;
}

}  // namespace seep
