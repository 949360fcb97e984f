// SPDX-License-Identifier: GPL-2.0-only
#pragma once

// Decides how much is followed, so that the probes cost the targets no more than a share of the CPU
// time that they use. Policy only: it is told what has happened and says what to do; `Governing`
// does it (governing.h).
//
// An account in nanoseconds of CPU: the budget's share of what the targets use is paid in, what the
// probes cost is paid out of it. As long as it holds, everything is followed; else the finest of
// these levels whose predicted cost fits:
//
//     exact      every allocation
//     sampled    one in so many bytes, a power of two. What is passed over still enters the kernel,
//                so that this saves half or so of the cost and no more
//     windows    the probes are taken away when the account is empty, and come back when it holds
//                enough for a window again. Windows are a tenth of the recording's age apart, so
//                that a short recording has several and a long one has long ones: what outlives a
//                long window says more
//
// Coarser at the first look that finds the account overdrawn, finer only after some calm. Pure: no
// clock, no kernel. Times in seconds, amounts of CPU in nanoseconds. Not thread-safe.

#include <cstdint>
#include <string>

#include "drain/probe_meter.h"

namespace seep {

/// The budget is of the CPU time that the targets use, but never of less than this share of a core:
/// one percent of a core is nothing to a machine, and exactness is worth it to the user. Below it,
/// as much less is held in reserve.
inline constexpr double least_governed_cpu = 0.2;

struct FollowingLevel {
    bool windows = false;
    std::uint64_t bytes = 0;  ///< Mean bytes between samples; 0: every allocation.
    bool operator==(const FollowingLevel&) const = default;
};

struct GovernorOptions {
    double budget = 0.05;           ///< Share of the targets' CPU time, above 0.
    bool may_sample = true;         ///< Else `first` is kept, but for windows.
    std::uint64_t first_bytes = 0;  ///< The level to begin with.
};

/// What to do now.
struct GovernorDecision {
    FollowingLevel level;
    bool attached = true;    ///< Whether the probes are to be in place.
    double next_look_s = 1;  ///< When to ask again, from now.
    std::string reason;      ///< Of a change of level; else empty.
};

class Governor {
 public:
    explicit Governor(const GovernorOptions& options) : options_(options) {
        level_.bytes = options.first_bytes;
    }

    /// `now_s`: any clock that does not go back, probes in place since the first call. `work`: sums
    /// since then.
    GovernorDecision look(double now_s, const TargetWork& work);

 private:
    /// What happens a second, with the probes in place.
    struct Rates {
        double passing_ns = 0;
        double allocations = 0;
        double bytes = 0;
        void raise_to(const Rates& other);
    };

    void take_in(double seconds, const TargetWork& more);
    [[nodiscard]] double cost_at(const Rates& rates, std::uint64_t bytes) const;
    [[nodiscard]] FollowingLevel finest(const Rates& rates, double allowed_ns) const;
    [[nodiscard]] std::uint64_t window_bytes() const;
    [[nodiscard]] double cycle_s() const;
    void follow_continuously();
    void follow_in_windows();
    void change(FollowingLevel level, std::string reason);
    [[nodiscard]] double next_look() const;

    GovernorOptions options_;
    FollowingLevel level_;
    bool attached_ = true;
    bool begun_ = false;
    double began_s_ = 0;
    double now_s_ = 0;
    double changed_s_ = 0;  ///< When level or attachment last changed.
    TargetWork last_;
    Rates now_;    ///< Since the last look.
    Rates peak_;   ///< The most of each lately: of both below.
    Rates newer_;  ///< The most since newer_since_s_.
    Rates older_;  ///< The most in the time before, as long.
    double newer_since_s_ = 0;
    double following_ns_ = 0;
    double cost_ns_ = 0;     ///< A second, since the last look.
    double allowed_ns_ = 0;  ///< A second: the budget's share of what the targets use lately.
    double cpu_ns_ = 0;      ///< A second, since the last look: all that the targets do.
    double account_ns_ = 0;
    double closed_allowed_ns_ = 0;  ///< allowed_ns_ when the probes were last taken away.
    std::string reason_;
};

}  // namespace seep
