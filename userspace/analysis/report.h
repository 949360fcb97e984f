// SPDX-License-Identifier: GPL-2.0-only
#pragma once

// What every output shows: the result of the analysis as passive data. Outputs compute nothing.
// Sizes in bytes, rates in bytes a second, times in nanoseconds since the epoch.

#include <cstdint>
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

/// The share of a stack's blocks that outlive an age.
struct Survival {
    double age_seconds = 0;
    double share = 0;  ///< 0 to 1.
    double low = 0;    ///< Ends of the 95 % interval.
    double high = 0;
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
    std::optional<Survival> survival;  ///< At the greatest age that is well observed.
    /// Growth of the window's second half as a share of that of its first.
    std::optional<double> pace;
    std::optional<std::int64_t> decidable_at_ns;  ///< When the verdict can be had, if it is open.
    std::uint32_t cluster = 0;                    ///< Index into Report::clusters, from 1; 0: none.
};

/// Stacks that grow in lockstep: one cause, most likely.
struct ReportCluster {
    ReportFrame frame;                ///< The innermost frame that all of them share.
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

struct ReportStack {
    std::string id;  ///< Hex; the same for the same code in every recording.
    StackKind kind = StackKind::heap;
    Totals totals;  ///< allocated/freed within the window's end; live = at the window's end.
    Growth growth;
    Verdict verdict = Verdict::undetermined;
    std::string reason;
    Evidence evidence;
    bool truncated = false;           ///< Not followed to its root.
    std::vector<ReportFrame> frames;  ///< [0] is the allocator's function, then outwards.
};

struct ReportProcess {
    std::int64_t pid = 0;
    std::string command;
    std::string executable;
    std::string allocators;
    std::uint64_t unwind_rows = 0;  ///< Of the tables of its objects, which others may share.
    std::uint64_t unwind_bytes = 0;
};

/// A stretch of the recording in which as much was followed throughout.
struct ReportPeriod {
    double from_seconds = 0;  ///< After the first snapshot.
    double seconds = 0;
    double observed_seconds = 0;  ///< Of it, with probes in place.
    bool windows = false;         ///< The probes came and went.
    std::uint64_t bytes = 0;      ///< Mean bytes between samples; 0: every allocation.
};

/// What was followed, and for how long.
struct ReportSampling {
    std::string asked;                  ///< "auto", "exact", "bytes".
    std::uint64_t bytes = 0;            ///< Most mean bytes between samples; 0: every allocation.
    double observed_share = 1;          ///< Of the window, with probes in place.
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
    double overhead_cpu_percent = 0;  ///< Of the target's CPU time.
    bool over_budget = false;         ///< More than --max-overhead, of a target that is not idle.
    Losses losses{};
    double truncated_share = 0;         ///< Of the allocations, 0 to 1.
    std::vector<Truncation> truncated;  ///< The most allocations first.

    // The processes together, at the window's end:
    std::uint64_t rss_bytes = 0;
    double rss_growth_bytes_per_second = 0;
    Totals totals;                      ///< Sum of all stacks of kind heap.
    Totals mapping_totals;              ///< Sum of all stacks of kind mapping.
    std::optional<MappedBytes> mapped;  ///< If mappings were traced.
    std::string verdict;                ///< Of the process.
    std::string reason;

    std::vector<std::string> warnings;  ///< What the reader must know: no probe hit, losses, ...
    std::vector<ReportStack> stacks;    ///< In rank order, all of them.
    std::vector<ReportCluster> clusters;
};

}  // namespace seep
