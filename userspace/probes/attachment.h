// SPDX-License-Identifier: GPL-2.0-only
#pragma once

// Puts the kernel's programs on the planned places of one object in one process, and takes them
// away again. Freeing functions first, then exits, then entries: a block that is seen being
// allocated will be seen being freed. Destruction detaches, the other way round. Not thread-safe.

#include <sys/types.h>

#include <cstdint>
#include <memory>
#include <string>
#include <vector>

#include "base/result.h"
#include "kernel/kernel_object.h"
#include "kernel/map_slots.h"
#include "probes/sites.h"
#include "target/object_file.h"

namespace seep {

/// Indices of the kernel's map of probe hits.
using ProbeSlots = MapSlots<std::uint64_t, probe_slots, &KernelObject::probe_hits_map>;

/// How often the probe with that slot was hit since the slot was taken.
Result<std::uint64_t> probe_hits(const KernelObject& kernel, std::uint32_t slot);

/// A function that is probed in a process.
struct AttachedProbe {
    std::uint32_t slot = 0;  ///< Index of its hits; entry and return count together.
    ProbePlan plan;
};

class Attachment {
 public:
    /// `process_slot` goes into the probes' cookies. `kernel`, `object` and `slots` must outlive
    /// the attachment. Places the kernel refuses are left out with their function and named in
    /// skipped(), unless without it the books would be wrong rather than incomplete: malloc, free,
    /// operators new and delete. Then, and if the process is gone or privilege is missing, it is
    /// untraceable.
    static Result<Attachment> attach(const KernelObject& kernel, pid_t pid,
                                     std::uint32_t process_slot, const ObjectFile& object,
                                     const std::vector<ProbePlan>& plans, ProbeSlots& slots);
    Attachment(Attachment&&) noexcept;
    Attachment& operator=(Attachment&&) noexcept;
    ~Attachment();

    /// Takes the probes away; their slots stay taken, so that the hits can still be read.
    void detach();
    /// All at once, for when the programs are not recording any more and the order does not matter:
    /// the kernel waits for some 50 ms a link, in which the others' probes would go on costing.
    static void detach_together(const std::vector<Attachment*>& attachments);
    /// Puts the same probes in place again, in the same slots.
    Result<void> attach_again();

    [[nodiscard]] const std::vector<AttachedProbe>& probes() const;
    [[nodiscard]] const std::vector<std::string>& skipped() const;

 private:
    struct State;
    explicit Attachment(std::unique_ptr<State> state);
    std::unique_ptr<State> state_;
};

}  // namespace seep
