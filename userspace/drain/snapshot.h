// SPDX-License-Identifier: GPL-2.0-only
#pragma once

// One reading of the kernel's ledger: what the drain hands to the store and the live commands.
// Passive data. Times are nanoseconds of CLOCK_REALTIME since the epoch, sizes bytes.

#include <array>
#include <cstdint>
#include <optional>
#include <string>
#include <vector>

#include "base/ids.h"
#include "bpf/wire.h"
#include "target/host_memory.h"

namespace seep {

/// What has happened at a stack since attach; monotone. Under sampling these are estimates,
/// rounded.
struct Totals {
    std::uint64_t allocated_count = 0;
    std::uint64_t allocated_bytes = 0;
    std::uint64_t freed_count = 0;
    std::uint64_t freed_bytes = 0;
    std::uint64_t allocated_squares = 0;  ///< Sum of bytes^2 / 256.
    std::uint64_t freed_squares = 0;
    /// Estimated variance of held_bytes() by sampling, in bytes^2 / 256; 0 where all was followed.
    std::uint64_t held_variance = 0;
    std::uint64_t mean_birth_us = 0;  ///< Of what is held, microseconds since attach.
    /// Of what is held, what was there when the probes were taken away for a while: it may have
    /// been freed unseen. Neither live nor freed, as far as is known.
    std::uint64_t lapsed_count = 0;
    std::uint64_t lapsed_bytes = 0;

    /// Not seen freed: an upper bound of what is live, and equal to it if nothing has lapsed.
    [[nodiscard]] std::uint64_t held_count() const { return allocated_count - freed_count; }
    [[nodiscard]] std::uint64_t held_bytes() const { return allocated_bytes - freed_bytes; }
    [[nodiscard]] std::uint64_t live_count() const { return held_count() - lapsed_count; }
    [[nodiscard]] std::uint64_t live_bytes() const { return held_bytes() - lapsed_bytes; }
    bool operator==(const Totals&) const = default;
};

/// Completed lifetimes of blocks whose free was seen; see SEEP_LIFETIME_BUCKETS in bpf/wire.h for
/// the buckets.
using Lifetimes = std::array<std::uint64_t, SEEP_LIFETIME_BUCKETS>;

/// Which ledger a stack is in.
enum class StackKind : std::uint8_t {
    heap = 0,     ///< Blocks of an allocator.
    mapping = 1,  ///< Memory that the program maps itself.
    fault = 2,    ///< Pages in memory, by who first touched them; blocks and mappings among them.
};
/// "heap", "mapping", "fault".
const char* stack_kind_name(StackKind kind);

struct StackTotals {
    StackId stack;
    Totals totals;
    Lifetimes lifetimes{};
};

/// Blocks that were looked at again, by the age at which they were: in the buckets of lifetimes,
/// zeros at the end left out.
struct Looks {
    std::vector<std::uint64_t> looked;
    std::vector<std::uint64_t> gone;  ///< Of them, those that were there no more; as many buckets.
    bool operator==(const Looks&) const = default;
};

/// What became of some blocks that a stack held when a window ended.
struct StackRevisits {
    StackId stack;
    Looks sure;   ///< Of blocks that are not taken for others.
    Looks vague;  ///< Of blocks that another one may be taken for: more are gone than that.

    [[nodiscard]] bool empty() const { return sure.looked.empty() && vague.looked.empty(); }
};

/// Whether the blocks that a stack had were still reached by any pointer (reachability.h), at the
/// last search for them.
struct StackReachability {
    StackId stack;
    /// Blocks born in that time were looked for: from attach on; or in windows before a search.
    std::uint64_t born_within_us = 0;
    std::uint64_t looked = 0;       ///< Blocks that were looked for.
    std::uint64_t lost = 0;         ///< Of them, those that nothing led to.
    std::uint64_t lost_bytes = 0;   ///< Of these, and of those that samples stand for.
    std::uint64_t lost_age_us = 0;  ///< Their mean age.
    /// Blocks that were lost at a search, and still were at a later one or had been freed by then;
    /// and the latter, which had not been lost at all.
    std::uint64_t followed = 0;
    std::uint64_t refuted = 0;
    /// What is reached is not lost: all blocks since attach were looked for, or all are known that
    /// these may be reached through.
    bool all_known = false;
    /// One for all stacks whose lost blocks are parts of the same objects (lost_objects.h), and how
    /// many of its own are. 0 if it is not known.
    StackId object;
    std::uint64_t in_object = 0;
    bool operator==(const StackReachability&) const = default;
};

/// Why the stack ends where it does (enum seep_stack_end).
enum class StackEnd : std::uint8_t {
    complete = SEEP_STACK_COMPLETE,
    too_deep = SEEP_STACK_TOO_DEEP,
    unreadable = SEEP_STACK_UNREADABLE,
    broken = SEEP_STACK_BROKEN,
    no_mapping = SEEP_STACK_NO_MAPPING,
    no_row = SEEP_STACK_NO_ROW,
    unsupported = SEEP_STACK_UNSUPPORTED,
};

/// Of a process, followed or not.
constexpr std::uint64_t allocated_count(const seep_process_totals& totals) {
    return totals.followed_count + totals.passed_over_count;
}

/// Of a frame: the address, and which of those that have been mapped there it is in
/// (AddressSpace::resolve).
constexpr std::uint64_t frame_address(std::uint64_t frame) {
    return frame & SEEP_FRAME_ADDRESS;
}
constexpr std::uint8_t frame_occupant(std::uint64_t frame) {
    return (frame & ~SEEP_FRAME_EXACT) >> SEEP_FRAME_OCCUPANT_SHIFT;
}

/// A stack seen for the first time, as frames of its process (wire.h): [0] inside the allocator's
/// function (a bare address, of what is probed there), or after the system call, then return
/// addresses outwards; one with SEEP_FRAME_EXACT is where a signal or a page fault came.
struct NewStack {
    StackId id;
    ProcessId process;
    StackEnd end = StackEnd::complete;
    std::vector<std::uint64_t> frames;
    StackKind kind = StackKind::heap;
};

/// What a process has mapped that it can fill by writing to it: private, or without a file.
struct MappedBytes {
    std::uint64_t program = 0;        ///< Since attach, by the program: the sum over its stacks.
    std::uint64_t allocator = 0;      ///< Since attach, by the allocator for its blocks.
    std::uint64_t thread_stacks = 0;  ///< Of `program`.
    std::uint64_t earlier = 0;        ///< Before attach, or by calls that were lost.
    bool operator==(const MappedBytes&) const = default;
};

/// Anonymous pages that a process has in memory.
struct FaultedBytes {
    std::uint64_t touched = 0;  ///< Since attach, by a fault: the sum over its stacks.
    std::uint64_t untold = 0;   ///< Since attach, without a fault that was seen.
    std::uint64_t earlier = 0;  ///< There when tracing began.
    bool operator==(const FaultedBytes&) const = default;
};

/// Loss counters of one process image since attach, by enum seep_loss.
using Losses = std::array<std::uint64_t, SEEP_LOSS_COUNT>;
/// "unmatched_frees", ...: the key a loss counter has in every output.
const char* loss_name(std::size_t loss);

/// A process image's counters at the moment of a snapshot.
struct ProcessSample {
    ProcessId process;
    bool alive = true;
    std::uint64_t rss_bytes = 0;
    std::uint64_t anonymous_bytes = 0;  ///< RssAnon.
    std::uint64_t swap_bytes = 0;
    std::uint64_t virtual_bytes = 0;
    std::uint64_t cpu_ns = 0;  ///< User and system time of the process since its start.
    /// Since attach, for how long its threads were ready to run and had no processor; of those that
    /// ended, up to the snapshot before.
    std::uint64_t waited_ns = 0;
    std::optional<std::uint64_t> cgroup_current;
    std::optional<std::uint64_t> cgroup_limit;
    std::optional<std::uint64_t> cgroup_inactive_file;
    // Exact, sampled or not, since attach:
    std::uint64_t allocated_count = 0;
    std::uint64_t allocated_bytes = 0;
    std::uint64_t freed_count = 0;
    std::uint64_t failed_count = 0;
    std::uint64_t probe_hits = 0;
    std::optional<MappedBytes> mapped;    ///< If mappings are traced.
    std::optional<FaultedBytes> faulted;  ///< If page faults are traced.
    std::uint64_t overhead_ns = 0;  ///< Of cpu_ns, what the probes took since attach; an estimate.
    /// Since its start, and of them without probes: how much of what takes new memory was not seen.
    std::uint64_t page_faults = 0;
    std::uint64_t unobserved_page_faults = 0;
    Losses losses{};
};

/// How often a call that growing stacks have made was made, since it is counted (call_counts.h).
/// Only while its probe was in place throughout.
struct CallCount {
    ProcessId process;
    std::uint64_t frame = 0;  ///< What it returns to, as in NewStack; in a recording, `location`.
    LocationId location;
    std::uint64_t observed_ns = 0;
    std::uint64_t observed_calls = 0;  ///< While allocations were recorded.
    std::uint64_t unobserved_ns = 0;
    std::uint64_t unobserved_calls = 0;  ///< While they were not.
};

/// What the allocator of a process had in use in blocks of about one size, by its own account
/// (heap_counts.h): whatever was seen of them.
struct HeapInUse {
    ProcessId process;
    std::uint64_t chunk_bytes = 0;  ///< size_class() of them, with headers; 0: what is free.
    std::uint64_t blocks = 0;
    std::uint64_t bytes = 0;  ///< With headers.
};

/// How much was followed for a while: one period ends where the next begins.
struct PeriodRecord {
    std::uint32_t id = 0;              ///< 1 and up, in order.
    std::int64_t started_ns = 0;       ///< CLOCK_REALTIME
    std::int64_t ended_ns = 0;         ///< Up to now, for the last one.
    std::string level;                 ///< "continuous", or "windows": the probes come and go.
    std::uint64_t sampling_bytes = 0;  ///< Mean bytes between samples; 0: every allocation.
    std::uint64_t unobserved_ns = 0;   ///< Of it without probes.
};

struct Snapshot {
    std::int64_t time_ns = 0;
    std::optional<std::uint64_t> work;  ///< Units of work so far, if they are counted.
    std::uint64_t unobserved_ns = 0;    ///< Time without probes since the first snapshot.
    std::uint64_t pauses = 0;           ///< Times that the probes had gone for such.
    std::optional<HostMemory> host;     ///< If it could be read.
    std::vector<NewStack> new_stacks;
    std::vector<StackTotals>
        changed;  ///< Only stacks whose totals are not those of the last snapshot.
    std::vector<ProcessSample> processes;
    std::vector<StackRevisits> revisits;          ///< Of the stacks that were looked at since.
    std::vector<StackReachability> reachability;  ///< Likewise.
    std::vector<CallCount> calls;
    std::vector<HeapInUse> heap;  ///< Of the processes that were counted this time.
    /// Likewise, of those blocks that no pointer leads to (lost_blocks.h); 0 bytes: of all sizes.
    std::vector<HeapInUse> heap_lost;
};

}  // namespace seep
