// SPDX-License-Identifier: GPL-2.0-only
#pragma once

// What a process has mapped, which call mapped it, and what has happened at each stack.
//
// Ranges are kept in order, so that a part may be unmapped, replaced or protected:
//
//     mmap at stack A          |AAAAAAAAAAAAAAAA|
//     munmap of a part         |AAAA|    |AAAAAA|     A: 16 pages mapped, 4 unmapped, 1 region
//     mmap over it, stack B    |AAAA|  |BBBBBB|A|     A: 16 mapped, 11 unmapped, 1 region
//
// A *region* is what one call mapped; it is gone when its last byte is. Only memory counts
// (mapping_call.h); it is born at the call that makes it memory: mmap, mprotect of a reservation,
// brk, mremap. A mapping that mremap has grown or moved counts as a new one, as with realloc.
// What was there before attaching belongs to no stack.
//
// Calls are told when they return, so an unmapping may be told after another thread has been given
// the place anew. That the kernel never puts a mapping that is not MAP_FIXED over another shows it:
// such an overlap is owed an unmapping, which then takes nothing away.
//
// Pure: no system calls. Not thread-safe.

#include <cstdint>
#include <map>
#include <span>
#include <unordered_map>
#include <vector>

#include "base/ids.h"
#include "drain/mapping_call.h"
#include "drain/snapshot.h"
#include "target/mappings.h"

namespace seep {

/// Who made a call.
struct MappingCaller {
    StackId stack;              ///< None: not known; what is mapped then counts as from earlier.
    bool allocator = false;     ///< It is the allocator's own memory: in no stack's totals.
    std::uint64_t time_us = 0;  ///< Since attach.
};

class MappingLedger {
 public:
    /// Ranges kept at most. What is mapped beyond is not followed, and counted as refused.
    static constexpr std::size_t max_ranges = std::size_t{1} << 20;

    /// Puts the ledger in step with what is mapped (/proc/PID/maps): when tracing begins, and when
    /// calls were lost. What is gone counts as unmapped; what is new belongs to no stack. Until
    /// `known_us`, calls are about what is in `mappings` already.
    void synchronize(std::span<const Mapping> mappings, std::uint64_t known_us);
    void apply(const MappingCall& call, const MappingCaller& by);

    /// Totals of the stacks at which anything happened since the last time.
    std::vector<StackTotals> take_changed();
    [[nodiscard]] const MappedBytes& mapped() const { return mapped_; }
    /// Ranges that there was no room for.
    [[nodiscard]] std::uint64_t refused() const { return refused_; }

 private:
    enum class Owner : std::uint8_t { earlier, program, allocator };
    using RegionId = std::uint32_t;
    static constexpr RegionId earlier_region = 1;

    struct Region {
        StackId stack;
        Owner owner = Owner::earlier;
        bool thread_stack = false;
        std::uint64_t born_us = 0;
        std::uint64_t bytes = 0;  ///< Still mapped.
    };
    struct Range {
        std::uint64_t end = 0;
        bool fillable = false;
        bool writable = false;
        bool thread_stack = false;
        std::uint16_t owed_unmappings = 0;
        RegionId region = 0;  ///< 0: not memory.
    };
    using Ranges = std::map<std::uint64_t, Range>;
    struct Sum {
        Totals totals;                ///< But for the mean birth.
        std::uint64_t births_us = 0;  ///< Of the live regions, summed.
        Lifetimes lifetimes{};
        bool changed = false;
    };
    /// What was at a place: [start, range.end).
    struct Piece {
        std::uint64_t start = 0;
        Range range;
    };

    void split_at(std::uint64_t address);
    /// Unmapping pays what is owed instead of taking it away; what is replaced is gone either way.
    enum class Removal : std::uint8_t { unmapped, replaced };
    /// Takes what is in [start, end) out; what was taken.
    std::vector<Piece> remove(std::uint64_t start, std::uint64_t end, std::uint64_t time_us,
                              Removal why);
    /// Puts a range where a call has mapped it.
    void place(Piece piece, bool fixed, RegionId& region, const MappingCaller& by);
    void adopt(const Mapping& mapping, std::uint64_t time_us);
    void protect(const MappingCall& call, const MappingCaller& by);
    void remap(const MappingCall& call, const MappingCaller& by);
    void set_heap_end(std::uint64_t end, const MappingCaller& by);

    RegionId begin_region(const MappingCaller& by, bool thread_stack);
    /// The range becomes memory, or is none any more. `region` is begun if there is none yet.
    void fill(std::uint64_t start, Range& range, RegionId& region, const MappingCaller& by);
    void drain(std::uint64_t start, Range& range, std::uint64_t time_us);
    Sum& sum_of(StackId stack);
    void add_mapped(const Region& region, std::uint64_t bytes);
    void take_mapped(const Region& region, std::uint64_t bytes);

    Ranges ranges_;  ///< By start; disjoint.
    std::unordered_map<RegionId, Region> regions_{{earlier_region, {}}};
    std::unordered_map<StackId, Sum> sums_;
    std::vector<StackId> changed_;
    MappedBytes mapped_;
    RegionId last_region_ = earlier_region;
    std::uint64_t heap_end_ = 0;  ///< Of brk; 0: not known yet.
    std::uint64_t known_us_ = 0;
    std::uint64_t refused_ = 0;
};

}  // namespace seep
