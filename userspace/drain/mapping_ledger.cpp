// SPDX-License-Identifier: GPL-2.0-only
#include "drain/mapping_ledger.h"

#include <algorithm>
#include <limits>
#include <utility>

#include "drain/lifetime_bucket.h"

namespace seep {
namespace {

/// As in the kernel's ledger of blocks: units of 256 bytes^2, rounded up (bpf/ledger.bpf.h).
std::uint64_t square_in_256ths(std::uint64_t bytes) {
    const std::uint64_t capped =
        std::min<std::uint64_t>(bytes, std::numeric_limits<std::uint32_t>::max());
    return (capped * capped + 255) >> 8;
}

/// As decode_mapping_call() tells it of a call. Shared memory without a file is one of /dev/zero's
/// to the kernel, which also grows the mapping of the first thread's stack by itself.
bool is_fillable(const Mapping& mapping) {
    if (mapping.path == "[stack]") return false;
    const bool no_file =
        mapping.file.inode == 0 || (mapping.path == "/dev/zero" && mapping.deleted);
    return !mapping.shared || no_file;
}

}  // namespace

void MappingLedger::add_mapped(const Region& region, std::uint64_t bytes) {
    switch (region.owner) {
        case Owner::earlier:
            mapped_.earlier += bytes;
            break;
        case Owner::allocator:
            mapped_.allocator += bytes;
            break;
        case Owner::program:
            mapped_.program += bytes;
            if (region.thread_stack) mapped_.thread_stacks += bytes;
            break;
    }
}

void MappingLedger::take_mapped(const Region& region, std::uint64_t bytes) {
    add_mapped(region, 0 - bytes);
}

MappingLedger::Sum& MappingLedger::sum_of(StackId stack) {
    Sum& sum = sums_[stack];
    if (!std::exchange(sum.changed, true)) changed_.push_back(stack);
    return sum;
}

MappingLedger::RegionId MappingLedger::begin_region(const MappingCaller& by, bool thread_stack) {
    if (!by.stack && !by.allocator) return earlier_region;
    do ++last_region_;
    while (last_region_ == 0 || regions_.contains(last_region_));
    const Owner owner = by.allocator ? Owner::allocator : Owner::program;
    regions_.emplace(last_region_, Region{by.stack, owner, thread_stack, by.time_us, 0});
    if (owner == Owner::program) {
        Sum& sum = sum_of(by.stack);
        ++sum.totals.allocated_count;
        sum.births_us += by.time_us;
    }
    return last_region_;
}

void MappingLedger::fill(std::uint64_t start, Range& range, RegionId& region,
                         const MappingCaller& by) {
    if (region == 0) region = begin_region(by, range.thread_stack);
    const std::uint64_t bytes = range.end - start;
    Region& born = regions_.at(region);
    range.region = region;
    born.bytes += bytes;
    add_mapped(born, bytes);
    if (born.owner != Owner::program) return;
    Totals& totals = sum_of(born.stack).totals;
    totals.allocated_bytes += bytes;
    totals.allocated_squares += square_in_256ths(bytes);
}

void MappingLedger::drain(std::uint64_t start, Range& range, std::uint64_t time_us) {
    const RegionId id = std::exchange(range.region, 0);
    if (id == 0) return;
    const std::uint64_t bytes = range.end - start;
    Region& region = regions_.at(id);
    region.bytes -= bytes;
    take_mapped(region, bytes);
    const bool over = region.bytes == 0 && id != earlier_region;
    if (region.owner == Owner::program) {
        Sum& sum = sum_of(region.stack);
        sum.totals.freed_bytes += bytes;
        sum.totals.freed_squares += square_in_256ths(bytes);
        if (over) {
            ++sum.totals.freed_count;
            sum.births_us -= region.born_us;
            ++sum.lifetimes[lifetime_bucket(time_us - std::min(region.born_us, time_us))];
        }
    }
    if (over) regions_.erase(id);
}

void MappingLedger::split_at(std::uint64_t address) {
    auto after = ranges_.upper_bound(address);
    if (after == ranges_.begin()) return;
    auto& [start, range] = *std::prev(after);
    if (start == address || range.end <= address) return;
    ranges_.emplace_hint(after, address, range);
    range.end = address;
}

std::vector<MappingLedger::Piece> MappingLedger::remove(std::uint64_t start, std::uint64_t end,
                                                        std::uint64_t time_us, Removal why) {
    split_at(start);
    split_at(end);
    std::vector<Piece> removed;
    auto at = ranges_.lower_bound(start);
    while (at != ranges_.end() && at->first < end) {
        if (why == Removal::unmapped && at->second.owed_unmappings > 0) {
            --at->second.owed_unmappings;
            ++at;
            continue;
        }
        removed.push_back({at->first, at->second});
        drain(at->first, at->second, time_us);
        at = ranges_.erase(at);
    }
    return removed;
}

void MappingLedger::place(Piece piece, bool fixed, RegionId& region, const MappingCaller& by) {
    const std::uint64_t end = piece.range.end;
    const bool surprising = !fixed && by.time_us > known_us_;
    std::vector<Piece> parts;
    for (const Piece& old : remove(piece.start, end, by.time_us, Removal::replaced)) {
        const unsigned owed = old.range.owed_unmappings + (surprising ? 1U : 0U);
        if (owed == 0) continue;
        if (piece.start < old.start) {
            parts.push_back(piece);
            parts.back().range.end = old.start;
        }
        parts.push_back(piece);
        parts.back().start = old.start;
        parts.back().range.end = old.range.end;
        parts.back().range.owed_unmappings = static_cast<std::uint16_t>(
            std::min<unsigned>(owed, std::numeric_limits<std::uint16_t>::max()));
        piece.start = old.range.end;
    }
    if (piece.start < end) parts.push_back(piece);
    if (ranges_.size() + parts.size() > max_ranges) {
        ++refused_;
        return;
    }
    for (Piece& part : parts) {
        if (part.range.fillable && part.range.writable) fill(part.start, part.range, region, by);
        ranges_.insert_or_assign(part.start, part.range);
    }
}

void MappingLedger::protect(const MappingCall& call, const MappingCaller& by) {
    split_at(call.start);
    split_at(call.end);
    RegionId region = 0;
    for (auto at = ranges_.lower_bound(call.start); at != ranges_.end() && at->first < call.end;
         ++at) {
        Range& range = at->second;
        range.writable = call.writable;
        const bool memory = range.fillable && range.writable;
        if (memory && range.region == 0) fill(at->first, range, region, by);
        if (!memory) drain(at->first, range, by.time_us);
    }
}

void MappingLedger::remap(const MappingCall& call, const MappingCaller& by) {
    if (call.start == call.old_start && call.end <= call.old_end && !call.keeps_old) {
        remove(call.end, call.old_end, by.time_us, Removal::unmapped);
        return;
    }
    std::vector<Piece> moved;
    if (call.keeps_old || call.old_start == call.old_end) {
        // An old length of 0 asks for a second mapping of shared memory.
        const auto after = ranges_.upper_bound(call.old_start);
        if (after != ranges_.begin()) {
            const auto& [start, range] = *std::prev(after);
            if (range.end > call.old_start) moved.push_back({call.old_start, range});
        }
    } else {
        moved = remove(call.old_start, call.old_end, by.time_us, Removal::unmapped);
    }
    // What was not known to be there is taken for what is mostly moved about.
    if (moved.empty()) {
        Range usual;
        usual.fillable = true;
        usual.writable = true;
        moved.push_back({call.old_start, usual});
    }
    RegionId region = 0;
    for (std::size_t i = 0; i < moved.size(); ++i) {
        const bool last = i + 1 == moved.size();
        Piece piece{i == 0 ? call.start : moved[i].start - call.old_start + call.start,
                    moved[i].range};
        piece.range.end =
            last ? call.end : std::min(call.end, moved[i + 1].start - call.old_start + call.start);
        piece.range.region = 0;
        piece.range.owed_unmappings = 0;
        if (piece.start < piece.range.end) place(piece, call.fixed, region, by);
    }
}

void MappingLedger::set_heap_end(std::uint64_t end, const MappingCaller& by) {
    const std::uint64_t old_end = std::exchange(heap_end_, end);
    if (old_end == 0) return;
    if (end < old_end) remove(end, old_end, by.time_us, Removal::unmapped);
    if (end <= old_end) return;
    RegionId region = 0;
    Range heap;
    heap.end = end;
    heap.fillable = true;
    heap.writable = true;
    place({old_end, heap}, /*fixed=*/false, region, by);
}

void MappingLedger::apply(const MappingCall& call, const MappingCaller& by) {
    RegionId region = 0;
    Range range;
    switch (call.kind) {
        case MappingCall::Kind::map:
            range.end = call.end;
            range.fillable = call.fillable;
            range.writable = call.writable;
            range.thread_stack = call.thread_stack;
            place({call.start, range}, call.fixed, region, by);
            break;
        case MappingCall::Kind::unmap:
            remove(call.start, call.end, by.time_us, Removal::unmapped);
            break;
        case MappingCall::Kind::protect:
            protect(call, by);
            break;
        case MappingCall::Kind::remap:
            remap(call, by);
            break;
        case MappingCall::Kind::brk:
            set_heap_end(call.end, by);
            break;
    }
}

void MappingLedger::adopt(const Mapping& mapping, std::uint64_t time_us) {
    split_at(mapping.start);
    split_at(mapping.end);
    std::uint64_t at = mapping.start;
    const bool memory = is_fillable(mapping) && mapping.writable;
    const auto fit = [&](std::uint64_t start, Range& range) {
        RegionId region = earlier_region;
        range.fillable = is_fillable(mapping);
        range.writable = mapping.writable;
        range.owed_unmappings = 0;
        if (memory && range.region == 0) fill(start, range, region, {});
        if (!memory) drain(start, range, time_us);
    };
    const auto fill_gap = [&](std::uint64_t end) {
        if (at >= end) return;
        Range gap;
        gap.end = end;
        fit(at, gap);
        ranges_.insert_or_assign(at, gap);
    };
    for (auto known = ranges_.lower_bound(mapping.start);
         known != ranges_.end() && known->first < mapping.end; ++known) {
        fill_gap(known->first);
        fit(known->first, known->second);
        at = known->second.end;
    }
    fill_gap(mapping.end);
}

void MappingLedger::synchronize(std::span<const Mapping> mappings, std::uint64_t known_us) {
    known_us_ = known_us;
    heap_end_ = 0;
    std::uint64_t at = 0;
    for (const Mapping& mapping : mappings) {
        remove(at, mapping.start, known_us, Removal::replaced);
        adopt(mapping, known_us);
        at = mapping.end;
        if (mapping.path == "[heap]") heap_end_ = std::max(heap_end_, mapping.end);
    }
    remove(at, std::numeric_limits<std::uint64_t>::max(), known_us, Removal::replaced);
}

std::vector<StackTotals> MappingLedger::take_changed() {
    std::vector<StackTotals> changed;
    for (const StackId stack : std::exchange(changed_, {})) {
        Sum& sum = sums_.at(stack);
        sum.changed = false;
        StackTotals& told = changed.emplace_back(StackTotals{stack, sum.totals, sum.lifetimes});
        if (const std::uint64_t live = sum.totals.live_count(); live > 0)
            told.totals.mean_birth_us = sum.births_us / live;
    }
    return changed;
}

}  // namespace seep
