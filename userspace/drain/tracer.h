// SPDX-License-Identifier: GPL-2.0-only
#pragma once

// Traces a set of processes: attaches to what is there, follows what changes (exec, exit, dlopen,
// and new processes where asked), and reads the kernel's ledger on demand. Everything that records
// or shows live numbers is built on it.
//
// A process image is one run of one executable: an exec ends the image and begins another.
// Destruction detaches. Not thread-safe.

#include <sys/types.h>

#include <cstdint>
#include <map>
#include <memory>
#include <optional>
#include <set>
#include <string>
#include <vector>

#include "base/ids.h"
#include "base/result.h"
#include "drain/kernel_reader.h"
#include "drain/probe_meter.h"
#include "drain/snapshot.h"
#include "drain/sources.h"
#include "drain/work_file.h"
#include "kernel/kernel_object.h"
#include "probes/attachment.h"
#include "target/address_space.h"
#include "target/events.h"
#include "target/process.h"
#include "unwind/space_sync.h"

namespace seep {

struct TracerOptions {
    KernelOptions kernel;
    bool follow_forks = false;  ///< Also trace the children that targets make.
    /// What counts as work, if anything: a function's calls in all targets (find_work_functions()),
    /// or a counter in a file.
    std::string work_function;
    std::optional<WorkFile> work_file;
    Sources sources;
};

/// An allocator of a process: an object and the probes on it.
struct TracedAllocator {
    std::string name;  ///< "glibc"
    std::shared_ptr<const ObjectFile> object;
    Attachment attachment;
};

/// Functions of an object whose calls are counted as work.
struct TracedWork {
    std::shared_ptr<const ObjectFile> object;
    Attachment attachment;
};

struct TracedProcess {
    ProcessId id;
    std::uint32_t slot = 0;
    Process process;
    AddressSpace space;
    std::unique_ptr<SpaceSync> unwinding;  ///< The kernel's view of `space`.
    std::vector<TracedAllocator> allocators;
    std::vector<TracedWork> work;
    std::vector<Attachment> unloads;  ///< On functions that unmap libraries.
    std::uint64_t work_calls = 0;     ///< As of the last snapshot.
    std::set<FileIdentity> examined;  ///< Objects that were searched for allocators.
    std::vector<StackId> stacks;
    std::int64_t started_ns = 0;
    std::int64_t ended_ns = 0;             ///< 0 while it runs.
    ProcessSample last;                    ///< Of the last snapshot.
    std::string memory_cgroup;             ///< Directory; empty if not visible.
    Losses deferred_losses{};              ///< Of walks that the kernel left to user space.
    std::uint64_t lost_mapping_calls = 0;  ///< Those after which the mappings were read again.
    std::optional<std::uint64_t> threads_waited_ns;  ///< As of the last snapshot.
    std::uint64_t paused_at_page_faults = 0;         ///< Its count when the probes were taken away.
    std::uint64_t unobserved_page_faults = 0;        ///< Without probes, up to the last resume().
    ProbeMeter meter;
    double overhead_ns = 0;  ///< What the probes have cost it.
};

/// Something that happened to the targets, for the log and the recording.
struct TracerEvent {
    std::int64_t time_ns = 0;
    ProcessId process;
    std::string kind;  ///< "attach", "exec", "exit", "fork", "dlopen", "refused", "lost", "level"
    std::string text;
};

class Tracer {
 public:
    static Result<Tracer> create(const TracerOptions& options);
    Tracer(Tracer&&) noexcept;
    Tracer& operator=(Tracer&&) noexcept;
    ~Tracer();

    /// Attaches to a process. untraceable, with the reason, if that cannot be done or (unless
    /// `allocator_may_come`, or its mappings are followed) no allocator is found in it.
    Result<void> add_process(pid_t pid, bool allocator_may_come = false);
    /// Attaches to every process of the cgroup, and to those that join it by fork.
    Result<void> add_cgroup(const std::string& path);
    /// Looks for code that was mapped since, by an exec, too, and attaches to allocators in it.
    Result<void> refresh(pid_t pid);

    /// Poll these for input, then call handle_events(). Changes as processes come and go.
    [[nodiscard]] std::vector<int> poll_fds() const;
    /// Deals with what happened; the events since the last call, attaching included.
    std::vector<TracerEvent> handle_events();
    /// For the middle of long work: deals with what happened if something did, and costs next to
    /// nothing if not. Code that a target maps is unknown to the kernel until that is done.
    void keep_up();
    /// Whether the function of work was found in any target.
    [[nodiscard]] bool counts_work() const;
    /// Whether any target still runs.
    [[nodiscard]] bool any_alive() const;

    /// Measures what probes cost here, before the first target is added. Without it they are taken
    /// to cost nothing.
    Result<ProbeCosts> calibrate();
    /// What the targets and their probes have done since the first was added.
    TargetWork target_work();
    /// In a pause, or while allocations are sampled: counts the calls that have led to what is held
    /// (call_counts.h), which may take that share of the targets' CPU time, or of
    /// least_governed_cpu (governor.h) at least; 0: not any more. To be called again and again.
    void count_calls(double allowance);
    /// Mean bytes between samples from now on; 0: every allocation is followed.
    void set_sampling(std::uint64_t bytes);
    /// Takes the probes away until resume(). What is held then lapses.
    Result<void> pause();
    Result<void> resume();
    /// Unix epoch; stands still after detach(), as does the next.
    [[nodiscard]] std::int64_t time_ns() const;
    /// Time without probes so far.
    [[nodiscard]] std::uint64_t unobserved_ns() const;
    /// Puts an event of the caller's among the others.
    void note(std::string kind, std::string text);

    /// Everything that changed since the last snapshot. The first has every stack so far. What is
    /// left of a process that ended is read one last time, and dropped.
    Result<Snapshot> snapshot();
    /// Takes every probe away. A snapshot after it is exact, and of the moment of the call: nothing
    /// changes any more.
    void detach();

    /// Every image so far, ended ones included, by id.
    [[nodiscard]] const std::map<ProcessId, std::unique_ptr<TracedProcess>>& processes() const;
    [[nodiscard]] const KernelObject& kernel() const;
    Result<std::uint64_t> hits(const AttachedProbe& probe) const;

 private:
    struct State;
    explicit Tracer(std::unique_ptr<State> state);
    std::unique_ptr<State> state_;
};

}  // namespace seep
