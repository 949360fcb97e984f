// SPDX-License-Identifier: GPL-2.0-only
#pragma once

// Reads how much work the probes of a process have had since the last reading, and what that cost.
// A few system calls a probe. Not thread-safe.

#include <cstdint>
#include <optional>
#include <span>
#include <unordered_map>

#include "drain/kernel_reader.h"
#include "probes/attachment.h"
#include "probes/cost_model.h"

namespace seep {

/// Sums over time and, added up, over processes. Times are nanoseconds of CPU.
struct TargetWork {
    double cpu_ns = 0;        ///< All that the targets used, the probes' share included.
    double cost_ns = 0;       ///< Of it, the probes' share.
    double passing_ns = 0;    ///< What that would have been with no allocation followed.
    double following_ns = 0;  ///< What an allocation costs more if it is followed; of the last
                              ///< reading, no sum.
    std::uint64_t allocations = 0;
    std::uint64_t bytes = 0;  ///< That they asked for.

    /// Adds the sums of `more`, and takes its following_ns if it has one.
    void add(const TargetWork& more);
};

class ProbeMeter {
 public:
    /// The work since the last reading. `kept`: what the kernel keeps of the process now; `cpu_ns`:
    /// what it has used so far, nothing if that is not known any more.
    TargetWork read(const KernelObject& kernel, std::span<const Attachment* const> attachments,
                    const seep_process_totals& kept, std::optional<std::uint64_t> cpu_ns,
                    const ProbeCosts& costs);
    /// Hits of all probes so far.
    [[nodiscard]] std::uint64_t hits() const { return hits_; }

 private:
    std::unordered_map<std::uint32_t, std::uint64_t> hits_by_slot_;
    std::uint64_t hits_ = 0;
    std::optional<std::uint64_t> last_cpu_ns_;
    seep_process_totals last_{};
    double usual_frames_ = 12;  ///< A guess until stacks have been walked.
};

}  // namespace seep
