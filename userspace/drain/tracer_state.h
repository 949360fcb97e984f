// SPDX-License-Identifier: GPL-2.0-only
#pragma once

// What a Tracer is made of: for its own files alone. tracer_images.cpp begins and ends the images
// of processes, tracer_events.cpp follows what happens to them, tracer_meters.cpp reads what they
// did, tracer.cpp is what others see.

#include <map>
#include <memory>
#include <optional>
#include <string>
#include <utility>
#include <vector>

#include "drain/call_counts.h"
#include "drain/deferred_walks.h"
#include "drain/fault_reader.h"
#include "drain/heap_counts.h"
#include "drain/lost_blocks.h"
#include "drain/mapping_reader.h"
#include "drain/revisits.h"
#include "drain/stray_calls.h"
#include "drain/tracer.h"
#include "kernel/map_slots.h"
#include "probes/sites.h"

namespace seep {

/// What an object offers to probe; the same for every process that maps it.
struct ObjectPlans {
    std::string allocator;  ///< Empty if it is none.
    ProbePlans probes;
    ProbePlans work;
    ProbePlans unload;
};

/// Indices of the kernel's map of processes.
using ProcessSlots = MapSlots<seep_process, process_slots, &KernelObject::processes_map>;

/// When recording stopped, and the work that had been done.
struct Moment {
    std::int64_t time_ns = 0;  ///< Unix epoch.
    std::uint64_t work = 0;
};

// Declared so that destruction runs processes (their probes) first and the kernel object last.
struct Tracer::State {
    State(KernelObject object, TableStore table_store, TargetEvents target_events,
          StrayCalls stray_calls, DeferredWalks deferred_walks, const TracerOptions& options)
        : kernel(std::move(object)),
          tables(std::move(table_store)),
          spaces(kernel.unwind_spaces_map()),
          reader(kernel),
          lost_blocks(kernel),
          call_counts(kernel, probe_slots),
          events(std::move(target_events)),
          strays(std::move(stray_calls)),
          deferred(std::move(deferred_walks)),
          follow_forks(options.follow_forks),
          work_function(options.work_function),
          work_file(options.work_file),
          heap(options.sources.heap) {}

    KernelObject kernel;
    TableStore tables;
    MapOfMaps spaces;
    KernelReader reader;
    std::optional<MappingReader> mappings;
    std::optional<FaultReader> faults;
    std::optional<Revisits> revisits;  ///< Once there was a window.
    LostBlocks lost_blocks;
    HeapCounts heap_counts;
    ProbeSlots probe_slots;
    CallCounts call_counts;
    TargetEvents events;
    StrayCalls strays;
    DeferredWalks deferred;
    bool follow_forks;
    std::string work_function;
    std::optional<WorkFile> work_file;
    bool heap;
    ProcessSlots process_slots;
    std::uint32_t next_id = 1;
    std::map<FileIdentity, ObjectPlans> plans;
    std::map<ProcessId, std::unique_ptr<TracedProcess>> processes;
    std::map<pid_t, TracedProcess*> running;
    std::map<std::uint32_t, TracedProcess*> by_slot;
    std::vector<std::string> cgroups;
    std::vector<TracerEvent> happened;
    ProbeCosts costs;
    TargetWork spent;
    std::optional<Moment> stopped;  ///< For good.
    std::vector<HeapInUse> heap_at_end;
    bool paused = false;
    std::uint64_t walks_read_ns = 0;   ///< CLOCK_MONOTONIC, when the last ones were.
    std::int64_t paused_since_ns = 0;  ///< CLOCK_MONOTONIC, as is the next.
    std::uint64_t unobserved_ns = 0;   ///< Up to the last resume().
    std::uint64_t pauses = 0;

    void note(const TracedProcess* process, std::string kind, std::string text);
    Result<TracedProcess*> begin_image(Process process);
    Result<void> attach_new_objects(TracedProcess& process,
                                    const std::vector<MappedCode>& mapped = {});
    /// `mapped`: what there was to see of it, if it was told.
    void take_in_new_code(TracedProcess& process, const std::vector<MappedCode>& mapped = {});
    Result<void> attach_object(TracedProcess& process,
                               const std::shared_ptr<const ObjectFile>& object);
    Result<Attachment> attach(const TracedProcess& process, const ObjectFile& object,
                              const ProbePlans& found);
    Result<void> count_work(TracedProcess& process, const std::shared_ptr<const ObjectFile>& object,
                            const ProbePlans& found);
    void watch_unloads(TracedProcess& process, const std::shared_ptr<const ObjectFile>& object,
                       const ProbePlans& found);
    void detach(TracedProcess& process);
    std::uint64_t hits_of(const Attachment& attachment);
    std::uint64_t work_so_far();
    void end_image(TracedProcess& process, const char* kind, std::string text);
    Result<void> add(pid_t pid, bool allocator_may_come, const char* kind);
    void try_add(pid_t pid, const char* kind);
    void on_event(const TargetEvent& event);
    void read_mapping_calls();
    void read_faults();
    void walk_on(const std::vector<DeferredWalk>& walks);
    void take_mappings(TracedProcess& process, Snapshot& snapshot);
    void take_faults(TracedProcess& process, Snapshot& snapshot);
    void take_in_events();
    void take_in_events_and_walks();
    void catch_up();
    void check_exits();
    void rescan();
    void read_counters(TracedProcess& process);
    ProcessSample sample(TracedProcess& process);
    void stop();
    Result<seep_process> meter(TracedProcess& process);
    [[nodiscard]] std::uint64_t unobserved_so_far() const;
    /// `now`: all its page faults so far.
    [[nodiscard]] std::uint64_t unobserved_faults(const TracedProcess& process,
                                                  std::uint64_t now) const;
    void detach_allocators();
    void end_window();
    std::vector<StackRevisits> look_again();
    [[nodiscard]] std::uint64_t resident_bytes() const;
    void search_for_lost_blocks(LostBlocks::Occasion occasion);
    void search_again_for_lost_blocks();
    std::vector<HeapInUse> count_heaps(bool is_last);
    std::vector<HeapInUse> take_lost_of_heaps();
    std::vector<StackReachability> take_reachability();
    [[nodiscard]] pid_t running_pid(std::uint32_t process_slot) const;
    void drop(TracedProcess& process);
};

}  // namespace seep
