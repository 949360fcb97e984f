// SPDX-License-Identifier: GPL-2.0-only
#pragma once

// What the stacks of the heap claim to grow by, a cause at a time, which is held against what all
// of them can have grown by (confirmation.h, bounds.h). Pure.

#include <cstdint>
#include <string>
#include <vector>

#include "analysis/report.h"

namespace seep {

/// Of a cause's claim, what must be true for it to grow at all.
inline constexpr double least_true = 0.5;

/// Blocks that may have a mapping of their own are in no heap (mallopt(3), M_MMAP_THRESHOLD).
inline constexpr double most_in_heap = 120 << 10;

/// Of a few pages, not all of which need be touched: the memory may grow by less.
inline constexpr double large_block = 16 << 10;

/// Of a heap stack that certainly grows, in bytes a second that were asked for; 0 of others.
double requested(const ReportStack& stack);

/// The mean of what it holds, in bytes; 0 if that is nothing.
double block_size(const ReportStack& stack);

/// Whether it may grow by more than the memory, which has only the pages of its large blocks that
/// were used: nothing says that they are freed.
bool may_be_untouched(const ReportStack& stack);

/// Of each of a report's stacks.
struct StackClaims {
    std::vector<Growth> growths;
    /// One for all stacks of a cause, as findings.h puts them together: by lockstep, or by
    /// function.
    std::vector<std::string> causes;
};
StackClaims claims_of(const Report& report);

/// What all claims are held against: what the allocator has in use, or else the anonymous memory,
/// which has what is free and whatever else there is as well, and lacks what was not touched.
struct Witness {
    const char* name;  ///< For a sentence.
    bool is_heap = false;
    Growth growth;
    Growth lately;          ///< In the later half of the window.
    double steps = 0;       ///< In which it grows (ProcessMemory::anonymous_steps).
    double miscounted = 0;  ///< What its count may be off by, in bytes.
    double free_room = 0;   ///< Bytes of it that may have been free, and are filled first.
    /// Of what blocks usually take of it, what may be lost beside them, or found where something
    /// was: it tells no rate better than that.
    double fragmented = 0;
};
Witness witness_of(const Report& report);
/// The anonymous memory, at any rate.
Witness anonymous_memory(const ProcessMemory& memory);

/// By its verdict: it leaks, or may.
bool grows(const ReportStack& stack);

/// Of blocks that had lapsed, those seen to be free later; 0 if none was.
double returned_share(double returned, double lapsed);
/// Whether it is no chance (1 %) that none of so many comes back, where that share of others does.
bool surely_stay(double blocks, double share);

/// The window's length; 1 at least.
double seconds_of(const Report& report);

/// What a growth in the window would come to at another rate, in bytes.
std::int64_t bytes_at(double rate, const Growth& growth);

}  // namespace seep
