// SPDX-License-Identifier: GPL-2.0-only
#pragma once

// The loaded BPF object: knobs set, verified, maps made, nothing attached yet. Owns programs and
// maps; links (probes/attachment.h) must be gone before it is. Not thread-safe.

#include <cstdint>
#include <memory>

#include "base/result.h"
#include "kernel/attach_mode.h"

struct bpf_program;
struct seep_live;

namespace seep {

struct KernelOptions {
    AttachMode mode = AttachMode::single;
    std::uint32_t max_live = 1U << 22;    ///< Outstanding allocations.
    std::uint32_t max_stacks = 1U << 18;  ///< Distinct call stacks.
    std::uint64_t sample_bytes = 0;       ///< Mean bytes between samples; 0: every allocation.
    /// For walks on their way to the collector, a power of two: what a library takes that is loaded
    /// now and then.
    std::uint32_t deferred_bytes = 8U << 20;
};

/// Slots of the kernel's map of processes, 1 up to this (exclusive); 0 is for probes on seep
/// itself.
inline constexpr std::uint32_t process_slots = 1024;
/// Indices of the kernel's map of probe hits, 1 up to this (exclusive).
inline constexpr std::uint32_t probe_slots = 65536;

class KernelObject {
 public:
    /// untraceable, with the reason as far as the kernel tells it, if BPF cannot be used.
    static Result<KernelObject> load(const KernelOptions& options);
    KernelObject(KernelObject&&) noexcept;
    KernelObject& operator=(KernelObject&&) noexcept;
    ~KernelObject();

    [[nodiscard]] AttachMode mode() const;
    /// CLOCK_REALTIME when the ledger's clock (births, lifetimes) was at 0.
    [[nodiscard]] std::int64_t started_ns() const;
    [[nodiscard]] bpf_program* call_program() const;     ///< Entries and exit sites; any mode.
    [[nodiscard]] bpf_program* return_program() const;   ///< Return probes; multi and single.
    [[nodiscard]] bpf_program* session_program() const;  ///< Entries and returns; session.

    [[nodiscard]] int stacks_map() const;
    [[nodiscard]] int totals_map() const;
    [[nodiscard]] int processes_map() const;
    [[nodiscard]] int probe_hits_map() const;
    [[nodiscard]] int unwind_tables_map() const;
    [[nodiscard]] int unwind_spaces_map() const;
    [[nodiscard]] int generations_map() const;
    [[nodiscard]] int strays_map() const;
    [[nodiscard]] int deferred_walks_map() const;
    /// The map of that name in bpf/maps.bpf.h; -1 if there is none.
    [[nodiscard]] int map_named(const char* name) const;

    /// CLOCK_MONOTONIC, what birth times count from.
    [[nodiscard]] std::uint64_t attach_time_ns() const;

    /// False: the programs do nothing from now on, although probes may still be attached.
    void set_recording(bool recording);
    /// Mean bytes between samples from now on; 0: every allocation. Blocks keep the weight they
    /// were given, so that this may change at any time.
    void set_sample_bytes(std::uint64_t bytes);
    [[nodiscard]] std::uint64_t sample_bytes() const;
    /// From now on a free that matches nothing need not be of a block from before attaching.
    void expect_unfollowed();
    /// Whether every allocation was followed so far.
    [[nodiscard]] bool follows_all() const;
    /// For probes that are put in place again after they had been taken away: what was allocated up
    /// to now may have been freed unseen. Call it while no probe is in place.
    void begin_window();
    /// When that was, in microseconds after attach; 0 before the first one.
    [[nodiscard]] std::uint64_t window_began_us() const;
    /// Whether a block was born since; true before the first one.
    [[nodiscard]] bool is_of_this_window(const seep_live& block) const;

    /// How often the process of that slot may have unloaded a library.
    [[nodiscard]] std::uint64_t unloads(std::uint32_t process_slot) const;

    /// So many ids of deferred walks are no longer in use.
    void return_deferred(std::uint64_t ids);

    /// Drops the outstanding allocations of a process that is gone; returns how many there were.
    Result<std::uint32_t> purge(std::uint32_t process_slot);

 private:
    struct State;
    explicit KernelObject(std::unique_ptr<State> state);
    std::unique_ptr<State> state_;
};

}  // namespace seep
