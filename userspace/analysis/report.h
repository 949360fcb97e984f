// SPDX-License-Identifier: GPL-2.0-only
#pragma once

// What every output shows: the result of the analysis as passive data. Outputs compute nothing.
// Sizes in bytes, rates in bytes a second, times in nanoseconds since the epoch.

#include <cstddef>
#include <cstdint>
#include <limits>
#include <map>
#include <optional>
#include <string>
#include <utility>
#include <vector>

#include "drain/snapshot.h"
#include "store/model.h"

namespace seep {

/// A frame of a ranked stack, ready to be shown.
struct ReportFrame {
    std::string function;      ///< Demangled; empty if unknown.
    std::string module;        ///< "libc.so.6"; empty if nothing is mapped there.
    std::uint64_t offset = 0;  ///< Address in the module's address space.
    std::string file;
    std::uint32_t line = 0;
    bool inlined = false;
    std::uint32_t object =
        0;                 ///< 1 and up: Report::objects[object - 1]; 0: nothing is mapped there.
    bool is_call = false;  ///< `offset` is a return address: the call is what lies before it.
};

/// "1 block", "3,000 mappings", "12 pages".
std::string counted(std::uint64_t count, StackKind kind);

/// The name to show for a frame: its function, or "[module+0xOFFSET]" ("[unknown+0x...]" if no
/// module is known either).
std::string frame_name(const ReportFrame& frame);

struct Growth {
    double bytes_per_second = 0;
    double low = 0;  ///< Ends of the 95 % interval.
    double high = 0;
    std::int64_t bytes = 0;  ///< Live bytes at the end of the window less those at its start.
};

enum class Verdict { leak, growing, warming, load, steady, undetermined };
const char* verdict_name(Verdict verdict);

/// Bytes per 1000 units of counted work.
struct GrowthPerWork {
    double bytes = 0;
    double low = 0;  ///< Ends of the 95 % interval.
    double high = 0;
};

/// The share of a stack's blocks that outlive an age.
struct Survival {
    double age_seconds = 0;
    double share = 0;  ///< 0 to 1.
    double low = 0;    ///< Ends of the 95 % interval.
    double high = 0;
};

/// Of blocks that were held when a window ended, the share that was still there when they were
/// looked at again (staying.h).
struct Staying {
    Survival survival;   ///< At the greatest age at which enough were looked at.
    double blocks = 0;   ///< That were looked at.
    bool dying = false;  ///< Fewer were there than at a quarter of that age.
    bool sure = false;   ///< Enough of them, and if few are left all, are not taken for others.
};

/// Of blocks that were looked for, those that no pointer leads to (lost.h).
struct Unreachable {
    double blocks = 0;  ///< That were looked for.
    double share = 0;   ///< Of them that is lost, 0 to 1.
    double low = 0;     ///< Ends of the 95 % interval.
    double high = 0;
    bool all_known = false;  ///< What is not lost is surely pointed to.
};

/// What a verdict stands on, besides the growth and its interval. A value that the recording cannot
/// give (too short, nothing live, nothing freed) is absent. docs/verdicts.md explains each.
struct Evidence {
    /// Net growth over the window in standard deviations of what its allocations and frees would
    /// make by chance.
    std::optional<double> turnover_z;
    /// The share of false alarms among the stacks that are at least as extreme.
    std::optional<double> q_value;
    /// Mean age of what is live as a share of the time since attach: a constant leak has 0.5.
    std::optional<double> age_ratio;
    std::optional<Survival> survival;        ///< At the greatest age that is well observed.
    std::optional<Staying> staying;          ///< In windows.
    std::optional<Unreachable> unreachable;  ///< Where all frees were seen.
    /// The id of a stack, the same for all whose lost blocks are parts of the same objects; empty
    /// if it is not known.
    std::string lost_object;
    /// Of what its cause grows by, what is lost at least, by what of the heap is (heap_lost.h).
    std::optional<double> lost_of_heap;
    /// Growth of the window's second half as a share of that of its first.
    std::optional<double> pace;
    std::optional<std::int64_t> decidable_at_ns;  ///< When the verdict can be had, if it is open.
    std::uint32_t cluster = 0;                    ///< Index into Report::clusters, from 1; 0: none.
};

/// Stacks that grow in lockstep, or take over from one another: one cause, most likely.
struct ReportCluster {
    /// The innermost frame that all of them share; the outermost one before generated code if what
    /// calls that is not known of all.
    ReportFrame frame;
    bool shares_callers = true;       ///< It is a caller of all that they do not share.
    std::vector<std::string> stacks;  ///< Their ids, in rank order.
    double bytes_per_second = 0;      ///< Of them together.
};

/// Allocations whose stacks were not followed to their root, by where they end and why.
struct Truncation {
    std::string module;      ///< Of the outermost frame; empty if none is mapped there.
    bool generated = false;  ///< That frame is JIT-compiled code.
    StackEnd reason = StackEnd::complete;
    std::uint64_t allocations = 0;
};

/// A value at a moment, in seconds after the window's start.
struct CurvePoint {
    double seconds = 0;
    double bytes = 0;
};

/// Where the line of a growth lies; its slope and the interval of that are the growth's.
struct TrendLine {
    double from_seconds = 0;  ///< It was estimated from here
    double to_seconds = 0;    ///< to here.
    CurvePoint through;       ///< Where the lines of the interval's ends cross it.
};

/// What is drawn of a stack. Empty unless asked for.
struct StackCurves {
    std::vector<CurvePoint> live;     ///< Thinned; keeps the extremes.
    std::vector<CurvePoint> troughs;  ///< What the growth was estimated from, if it was.
    std::optional<TrendLine> trend;
    std::vector<Survival> survival;  ///< Ascending by age, a step at each; empty if not known.
    Lifetimes lifetimes{};           ///< Blocks freed, as wire.h counts them.
};

/// What the processes have at a moment, together.
struct MemoryMoment {
    double seconds = 0;  ///< After the window's start.
    std::uint64_t rss_bytes = 0;
    std::uint64_t anonymous_bytes = 0;
    std::uint64_t heap_bytes = 0;  ///< Live in the traced heap.
};

/// How an allocator lays blocks out (block_size.h).
enum class BlockLayout {
    header,      ///< glibc's: 8 bytes before each block, in steps of 16, 32 at least.
    size_class,  ///< No header; in steps that grow with the size: jemalloc, tcmalloc, mimalloc.
    musl         ///< 4 bytes after each block, in classes of units of 16.
};

struct ReportStack {
    std::string id;  ///< Hex; the same for the same code in every recording.
    BlockLayout layout = BlockLayout::header;  ///< Of the heap's.
    StackKind kind = StackKind::heap;
    Totals totals;  ///< allocated/freed within the window's end; live = at the window's end.
    std::optional<double> live_standard_error;  ///< Bytes; absent where nothing is sampled.
    Growth growth;
    std::optional<GrowthPerWork> growth_per_work;  ///< If work was counted.
    Verdict verdict = Verdict::undetermined;
    std::string reason;
    Evidence evidence;
    StackCurves curves;
    bool counted = false;              ///< Its growth is by its calls (call_pace.h).
    bool in_heap = false;              ///< It is by what the heap has more of (heap_rates.h);
    bool surely_in_heap = false;       ///< and others cannot have all of that.
    bool awaits_collection = false;    ///< A collector has not come to it yet (collection.h).
    bool seen_to_leak = false;         ///< In windows alone, so that it is open (confirmation.h).
    std::uint64_t returned_count = 0;  ///< Blocks that had lapsed, and were seen to be free later.
    Growth held_growth;                ///< With what was in flight when windows ended (lapses.h).
    StackRevisits revisits;            ///< Of blocks that had lapsed.
    bool is_replaced = false;          ///< Hardly any of those stay, for certain (staying.h).
    StackReachability reachability;    ///< Of outstanding blocks.
    bool is_lost = false;              ///< What it was seen to grow by in windows (lost.h).
    bool is_pointed_to = false;        ///< All that was looked for of what it grows by (lost.h).
    bool may_be_pool = false;          ///< It grows as a leak does, but in few large blocks.
    /// One number for stacks of a kind that take over from one another (succession.h), from 1; 0:
    /// none.
    std::uint32_t succession = 0;
    bool suppressed = false;          ///< Makes no finding, by --suppressions.
    bool truncated = false;           ///< Not followed to its root.
    std::vector<ReportFrame> frames;  ///< [0] is the allocator's function, then outwards.
    std::size_t culprit = 0;          ///< Which of them to name the stack after (culprit.h).
};

/// What growth runs into first.
enum class MemoryLimit {
    unknown,
    cgroup,  ///< The limit of the tightest control group.
    host,    ///< The end of the machine's memory and swap.
};
/// "cgroup", "host"; empty: unknown.
const char* memory_limit_name(MemoryLimit limit);

/// Seconds from the moment that `current` was read; empty: never, at that end of the interval.
struct TimeToLimit {
    std::optional<double> earliest;  ///< By the interval's upper end.
    std::optional<double> expected;
    std::optional<double> latest;  ///< By its lower end.
};

/// Of blocks a second that there are more.
struct BlockRate {
    double more = 0;
    double low = 0;  ///< Ends of the 95 % interval.
    double high = 0;
};

/// Of what glibc's heaps have in use, what no pointer leads to (drain/lost_blocks.h), from before
/// attach or not.
struct HeapLost {
    std::uint64_t bytes = 0;  ///< With headers, when it was last looked for.
    std::uint64_t blocks = 0;
    /// As below, if it was looked for twice. More may be lost, and look reached.
    std::optional<Growth> growth;
    std::map<std::uint64_t, BlockRate> sizes;
};

/// What glibc's heaps have in use by their own account, whatever was seen of it (heap_growth.h).
struct HeapInUseGrowth {
    std::uint64_t bytes = 0;  ///< With headers, at the window's end.
    std::uint64_t blocks = 0;
    std::uint64_t free_bytes = 0;  ///< That the heaps have besides.
    /// By how much that became more, and was still so in the last third of the window.
    std::uint64_t freed_bytes = 0;
    /// What was free at least in that third, if half of it was so at any time before.
    std::uint64_t kept_free_bytes = 0;
    Growth growth;  ///< Of `bytes`.
    Growth lately;  ///< In the later half of the window, or a little more.
    /// Bytes a second, in the last third of the window at most, if it was counted twice there.
    std::optional<double> most_at_end;
    /// Bytes a second that anything can have that grows evenly since the window's start: in the
    /// last third, no count is below what that has by then.
    double most_held = std::numeric_limits<double>::infinity();
    std::map<std::uint64_t, BlockRate> sizes;  ///< By size_class() (drain/glibc_heap.h).
    std::optional<HeapLost> lost;              ///< If it was looked for.
};

/// What the processes have, together, while they live, and how it moved over the window. Growth in
/// bytes a second, with the interval of its troughs.
struct ProcessMemory {
    std::uint64_t anonymous_bytes = 0;  ///< RssAnon and swap.
    std::uint64_t swap_bytes = 0;
    std::uint64_t file_bytes = 0;       ///< Resident pages of files and shared memory.
    std::uint64_t heap_bytes = 0;       ///< Live in the traced heap.
    std::uint64_t heap_peak_bytes = 0;  ///< The most of that within the window.
    Growth anonymous;
    Growth anonymous_lately;  ///< In the later half of the window.
    /// In how many equal steps from snapshot to snapshot that would be as uneven (shape.h). A pool
    /// that is enlarged, or a burst, has fewer than `least_steps`.
    double anonymous_steps = 0;
    /// For how long at the window's end the anonymous memory has not grown, where it grew evenly
    /// before; else 0.
    double anonymous_paused_seconds = 0;
    double anonymous_paused_bytes = 0;  ///< By which it grew in those all the same.
    static constexpr double least_steps = 8;
    Growth file;
    Growth heap;
    Growth heap_lately;           ///< In the later half of the window.
    std::optional<double> kappa;  ///< Growth of anonymous memory over that of the heap.
    std::optional<HeapInUseGrowth> in_use;
    /// heap_bytes over anonymous_bytes, 0 to 1, where all was observed.
    std::optional<double> coverage;
    MemoryLimit limited_by = MemoryLimit::unknown;
    std::uint64_t limit_bytes = 0;  ///< Of that, and what is used of it, by others, too.
    std::uint64_t used_bytes = 0;
    TimeToLimit limit;  ///< At the anonymous memory's lasting_growth() (time_to_limit.h).
    std::string
        verdict;  ///< "fragmentation", "retention", "outside the heap"; empty: none of them.
    std::string reason;
    std::string advice;  ///< What to try; empty if the verdict calls for nothing.
};

/// A cause of growth, named for the code that allocates; or what became of the process's memory
/// besides, which has no frame and no stacks.
struct Finding {
    std::string verdict;     ///< As verdict_name() has it, or ProcessMemory::verdict.
    std::string sentence;    ///< The finding in plain words.
    ReportFrame frame;       ///< The code it is named after.
    Growth growth;           ///< Of its stacks together.
    double block_share = 1;  ///< What its blocks take of memory, over what was asked for.
    std::optional<GrowthPerWork> growth_per_work;  ///< Likewise.
    std::uint64_t live_bytes = 0;
    std::uint64_t live_count = 0;
    std::uint64_t lapsed_bytes = 0;
    std::uint64_t lapsed_count = 0;
    std::uint64_t allocated_count = 0;
    std::uint64_t freed_count = 0;
    TimeToLimit limit;                 ///< ProcessMemory::limited_by, if nothing else grew.
    Evidence evidence;                 ///< Of the first of its stacks.
    std::vector<std::string> stacks;   ///< Their ids, in rank order.
    StackKind kind = StackKind::heap;  ///< Of all of them.
};

/// A pattern that suppressed something.
struct SuppressionUse {
    std::string pattern;
    std::uint64_t stacks = 0;
    std::uint64_t live_bytes = 0;  ///< Of pages only where nothing else was followed.
    std::uint64_t live_count = 0;
};

struct ReportProcess {
    std::int64_t pid = 0;
    std::string command;
    std::string executable;
    std::string allocators;
    std::uint64_t unwind_rows = 0;  ///< Of the tables of its objects, which others may share.
    std::uint64_t unwind_bytes = 0;
    ProcessSample last;  ///< As of the window's end; of a process that has ended, its last one.
};

/// A stretch of the recording in which as much was followed throughout.
struct ReportPeriod {
    double from_seconds = 0;  ///< After the first snapshot.
    double seconds = 0;
    double observed_seconds = 0;  ///< Of it, with probes in place.
    bool windows = false;         ///< The probes came and went.
    std::uint64_t bytes = 0;      ///< Mean bytes between samples; 0: every allocation.
};

/// What the targets asked of their allocators, a second of the time that was observed.
struct Activity {
    double allocations = 0;
    double allocated_bytes = 0;
    double frees = 0;
};

/// Units of work that somebody counted (--work, --work-file) within the window.
struct ReportWork {
    std::uint64_t count = 0;
    double per_second = 0;
    std::optional<GrowthPerWork> growth;  ///< Of what the process is judged by; empty: no work.
};

/// What to multiply rates by that were measured with probes in place, to have those of all the time
/// (pace.h, call_pace.h).
struct RateScale {
    double low = 1;  ///< Ends of the 95 % interval.
    double middle = 1;
    double high = 1;
    bool known = true;  ///< Else it is above 1, and nobody knows by how much.
};

/// By how many blocks all of the heap became more, a second, as far as probes were in place.
struct NetBlocks {
    double least = 0;  ///< By chance; likewise the most.
    double more = 0;
    double most = 0;
};

/// What was followed, and for how long.
struct ReportSampling {
    std::string asked;                    ///< "auto", "exact", "bytes".
    std::uint64_t bytes = 0;              ///< Most mean bytes between samples; 0: every allocation.
    double observed_share = 1;            ///< Of the window, with probes in place.
    RateScale rate_scale;                 ///< 1 if all was observed.
    bool by_calls = false;                ///< That is told by calls, and not by page faults.
    std::optional<double> most_replaced;  ///< Blocks, where it is known (lapses.h).
    std::optional<NetBlocks> net_blocks;  ///< Likewise.
    std::uint64_t pauses = 0;             ///< Times that the probes were taken away.
    /// Allocations a second observed in the later half of the window, over those in the earlier
    /// one; if there were enough to tell.
    std::optional<double> load_rise;
    std::vector<ReportPeriod> periods;  ///< Up to the window's end.
};

struct Report {
    RecordingInfo recording;
    ReportSampling sampling;
    std::vector<ReportProcess> targets;
    std::vector<ObjectRecord> objects;  ///< What code is mapped from; ascending by id.
    std::int64_t window_start_ns = 0;
    std::int64_t window_end_ns = 0;
    std::uint64_t snapshots = 0;  ///< Within the window.

    std::uint64_t probe_hits = 0;
    double overhead_cpu_percent = 0;   ///< Of the target's CPU time.
    double overhead_core_percent = 0;  ///< Of one core's time.
    bool over_budget = false;          ///< More than --max-overhead, of a target that is not idle.
    Losses losses{};
    double truncated_share = 0;         ///< Of the allocations, 0 to 1.
    std::vector<Truncation> truncated;  ///< The most allocations first.

    // The processes together, at the window's end:
    std::uint64_t rss_bytes = 0;
    double rss_growth_bytes_per_second = 0;
    Totals totals;                              ///< Sum of all stacks of kind heap.
    std::optional<double> live_standard_error;  ///< Of totals; absent where nothing was sampled.
    Totals mapping_totals;                      ///< Sum of all stacks of kind mapping.
    std::optional<MappedBytes> mapped;          ///< If mappings were traced.
    Totals fault_totals;                        ///< Sum of all stacks of kind fault.
    std::optional<FaultedBytes> faulted;        ///< If page faults were traced.
    ProcessMemory memory;
    std::optional<ReportWork> work;       ///< If units were counted.
    std::optional<Activity> activity;     ///< From the snapshot before it, if both saw anything.
    std::vector<MemoryMoment> over_time;  ///< Thinned; empty unless asked for.
    std::string verdict;                  ///< Of the process.
    std::string reason;

    std::vector<std::string> warnings;  ///< What the reader must know: no probe hit, losses, ...
    std::vector<Finding> findings;      ///< What matters most first.
    std::vector<SuppressionUse> suppressions;
    std::vector<ReportStack> stacks;  ///< In rank order, all of them, suppressed or not.
    std::vector<ReportCluster> clusters;
};

}  // namespace seep
