// SPDX-License-Identifier: GPL-2.0-only
#pragma once

// What probes cost the probed thread, measured on this machine and kernel rather than assumed: the
// figures differ a hundredfold between instructions, kernels, and virtual and real machines.
//
// seep's own programs are attached to functions of seep's own (calibration_code.h) in the way they
// will be attached to the target's, and calls that allocate and free made-up blocks are timed with
// and without. The cost so includes the kernel's trap, the ledger's work, and a stack of two
// frames; what each further frame costs is measured as well. Everything is measured twice: for
// allocations that are followed, and for those that sampling passes over. Calls in a row find all
// that they need in the processor's caches; what one costs more after other work, which then has to
// do without what the call displaced, is measured by itself. probes/cost_model.h makes CPU time of
// it.
//
//     auto costs = measure_probe_costs(kernel);    // before any process is attached to
//     costs->of(kind, exit).call_ns                // of a call whose block is followed
//     costs->passed(kind, exit).call_ns            // of one that is not
//
// Not thread-safe, as the kernel object is not.

#include <array>

#include "base/result.h"
#include "kernel/kernel_object.h"
#include "probes/sites.h"

namespace seep {

/// Nanoseconds of the calling thread.
struct ProbeCost {
    double call_ns = 0;  ///< What a call of the function takes longer with its probes.
    double hit_ns = 0;   ///< The same for each hit that is counted, of which a call may have two.
};

class ProbeCosts {
 public:
    /// For a function whose entry site is of that kind and whose result is seen in that way.
    [[nodiscard]] const ProbeCost& of(SiteKind kind, ExitProbe exit) const {
        return costs_[static_cast<std::size_t>(kind)][static_cast<std::size_t>(exit)];
    }
    [[nodiscard]] ProbeCost& of(SiteKind kind, ExitProbe exit) {
        return costs_[static_cast<std::size_t>(kind)][static_cast<std::size_t>(exit)];
    }
    /// The same for an allocation that is passed over, and the free of a block that is not
    /// followed.
    [[nodiscard]] const ProbeCost& passed(SiteKind kind, ExitProbe exit) const {
        return passed_[static_cast<std::size_t>(kind)][static_cast<std::size_t>(exit)];
    }
    [[nodiscard]] ProbeCost& passed(SiteKind kind, ExitProbe exit) {
        return passed_[static_cast<std::size_t>(kind)][static_cast<std::size_t>(exit)];
    }

    /// For each frame beyond two of a stack that is followed.
    [[nodiscard]] double frame_ns() const { return frame_ns_; }
    void set_frame_ns(double nanoseconds) { frame_ns_ = nanoseconds; }
    /// For each hit that comes after other work, and not after another hit.
    [[nodiscard]] double cold_ns() const { return cold_ns_; }
    void set_cold_ns(double nanoseconds) { cold_ns_ = nanoseconds; }

 private:
    double frame_ns_ = 0;
    double cold_ns_ = 0;
    std::array<std::array<ProbeCost, 3>, 3> costs_{};
    std::array<std::array<ProbeCost, 3>, 3> passed_{};
};

/// Sampling is what it was afterwards. Takes some 50 ms (90 in attach mode single), most of them
/// waiting for the kernel, and detaches in the background. Uses process slot 0, which no process is
/// given, and the last slot for unwind tables, and leaves nothing in the maps that are read: call
/// it while no process is attached to. An error if the kernel does not let seep probe itself.
Result<ProbeCosts> measure_probe_costs(KernelObject& kernel);

}  // namespace seep
