// SPDX-License-Identifier: GPL-2.0-only
#include "target/address_space.h"

#include <algorithm>
#include <bitset>
#include <functional>
#include <iterator>
#include <map>

#include "base/clock.h"

namespace seep {
namespace {

// Of parts of objects that are not mapped any more, and as many of those that were replaced. A
// program that loads ever new libraries loses the oldest.
constexpr std::size_t max_remembered = 256;

}  // namespace

AddressSpace::Object AddressSpace::known_object(const FileIdentity& file,
                                                const Refreshed& refreshed) const {
    for (const auto* known : {&ranges_, &replaced_})
        for (const Range& range : *known)
            if (range.object && range.file == file) return range.object;
    const auto added = std::ranges::find(refreshed.added, file, &ObjectFile::identity);
    return added != refreshed.added.end() ? *added : nullptr;
}

AddressSpace::Object AddressSpace::open_object(const Mapping& mapping, Refreshed& refreshed) {
    auto fd = open_mapped_file(pid_, mapping);
    auto object = fd ? ObjectFile::open(std::move(*fd), mapping.path, mapping.file)
                     : Result<ObjectFile>(fd.error());
    if (!object) {
        if (told_.insert(mapping.file).second) refreshed.unreadable.push_back(object.error());
        return nullptr;
    }
    refreshed.added.push_back(std::make_shared<const ObjectFile>(std::move(*object)));
    return refreshed.added.back();
}

std::vector<AddressSpace::Range> AddressSpace::read_ranges(const std::vector<Mapping>& mappings,
                                                           Refreshed& refreshed) {
    std::map<FileIdentity, Object> objects;
    std::vector<Range> ranges;
    for (const Mapping& mapping : mappings) {
        if (!mapping.executable) continue;
        Range range;
        range.start = mapping.start;
        range.end = mapping.end;
        range.file_offset = mapping.file_offset;
        range.file = mapping.file;
        range.vdso = mapping.path == "[vdso]";
        range.last_seen = refreshes_;
        if (mapping.file.inode != 0) {
            const auto [entry, is_new] = objects.try_emplace(mapping.file);
            if (is_new) entry->second = known_object(mapping.file, refreshed);
            if (is_new && !entry->second) entry->second = open_object(mapping, refreshed);
            range.object = entry->second;
        }
        ranges.push_back(std::move(range));
    }
    return ranges;
}

/// The number of a range among those that have had its place: the one it had before, or the first
/// that is free.
std::uint8_t AddressSpace::occupant_of(const Range& range) {
    std::bitset<most_occupants> taken;
    std::optional<std::uint8_t> before;
    for (const auto* known : {&replaced_, &ranges_})
        for (const Range& other : *known) {
            if (!other.object || !other.overlaps(range)) continue;
            if (other.same_code(range))
                before = other.occupant;
            else
                taken.set(other.occupant);
        }
    if (before && !taken[*before]) return *before;
    std::uint8_t number = 0;
    while (number + 1U < most_occupants && taken[number]) ++number;
    if (taken[number])
        std::erase_if(replaced_, [&](const Range& other) {
            return other.occupant == number && other.overlaps(range);
        });
    return number;
}

/// Puts the range in place of what is known there.
void AddressSpace::occupy(Range range) {
    if (range.object) range.occupant = occupant_of(range);
    std::vector<Range> ranges;
    const auto keep = [](std::vector<Range>& where, Range part, std::uint64_t start,
                         std::uint64_t end) {
        if (start >= end) return;
        part.file_offset += start - part.start;
        part.start = start;
        part.end = end;
        where.push_back(std::move(part));
    };
    for (const Range& known : ranges_) {
        if (!known.overlaps(range)) {
            ranges.push_back(known);
            continue;
        }
        keep(ranges, known, known.start, range.start);
        keep(ranges, known, range.end, known.end);
        if (!known.object) continue;
        if (known.same_code(range)) {
            range.since_ns = known.since_ns;
            range.dated = known.dated;
            continue;
        }
        Range replaced = known;
        replaced.until_ns = range.since_ns;
        keep(replaced_, replaced, std::max(known.start, range.start),
             std::min(known.end, range.end));
    }
    ranges.push_back(std::move(range));
    std::ranges::sort(ranges, {}, &Range::start);
    ranges_ = std::move(ranges);
}

/// What was seen to be there, and nobody knew since when, came at that time.
void AddressSpace::date_back(const Range& range) {
    for (Range& known : ranges_) {
        if (!known.overlaps(range) || !known.same_code(range) || known.dated ||
            known.since_ns <= range.since_ns)
            continue;
        for (Range& before : replaced_)
            if (before.overlaps(known) && before.until_ns == known.since_ns)
                before.until_ns = range.since_ns;
        known.since_ns = range.since_ns;
        known.dated = true;
    }
}

/// When something else took the range's place, if that is known already: the kernel tells in order
/// for each processor alone.
std::optional<std::uint64_t> AddressSpace::replaced_at(const Range& range) const {
    std::optional<std::uint64_t> first;
    for (const auto* known : {&ranges_, &replaced_})
        for (const Range& other : *known)
            if (other.overlaps(range) && other.since_ns > range.since_ns)
                first = std::min(first.value_or(other.since_ns), other.since_ns);
    return first;
}

void AddressSpace::occupy_before(Range range, std::uint64_t until_ns) {
    for (Range& other : replaced_)
        if (other.overlaps(range) && other.since_ns <= range.since_ns &&
            range.since_ns < other.until_ns)
            other.until_ns = range.since_ns;
    range.occupant = occupant_of(range);
    range.until_ns = until_ns;
    replaced_.push_back(std::move(range));
}

/// `now`: the ranges that are mapped, made of `mappings`, one of each that is executable.
/// `last_seen`: of what is not among them.
void AddressSpace::take_in_told(const std::vector<MappedCode>& mapped,
                                const std::vector<Mapping>& mappings, const std::vector<Range>& now,
                                std::uint64_t last_seen, Refreshed& refreshed) {
    for (const auto& [told, time_ns] : mapped) {
        // What is there still need not be opened by its path, which is another in a container.
        const auto is_told = [&, &told = told](const Mapping& mapping) {
            return mapping.executable && mapping.start <= told.start && told.start < mapping.end &&
                   mapping.start - mapping.file_offset == told.start - told.file_offset &&
                   (mapping.file.inode == told.file.inode || mapping.path == told.path);
        };
        const auto same = std::ranges::find_if(mappings, is_told);
        std::vector<Range> ranges;
        if (same != mappings.end()) {
            const auto range = std::ranges::find(now, same->start, &Range::start);
            if (range == now.end()) continue;
            ranges.push_back(*range);
        } else {
            ranges = read_ranges({told}, refreshed);
        }
        for (Range& range : ranges) {
            if (!range.object) continue;
            if (same == mappings.end()) range.last_seen = last_seen;
            range.since_ns = time_ns;
            range.dated = true;
            date_back(range);
            if (const auto until = replaced_at(range))
                occupy_before(std::move(range), *until);
            else
                occupy(std::move(range));
        }
    }
}

/// Each remembered range may keep a file open.
void AddressSpace::forget_before(std::uint64_t time_ns) {
    if (replaced_.empty() && ranges_.size() <= max_remembered) return;
    ++version_;
    std::vector<Range> kept;
    for (auto range = replaced_.rbegin(); range != replaced_.rend(); ++range) {
        const bool is_known = std::ranges::any_of(kept, [&](const Range& other) {
            return other.start <= range->start && range->end <= other.end &&
                   other.occupant == range->occupant && other.same_code(*range);
        });
        if (range->until_ns < time_ns && (is_known || kept.size() >= max_remembered)) continue;
        kept.push_back(std::move(*range));
    }
    std::ranges::reverse(kept);
    replaced_ = std::move(kept);

    const auto is_unmapped = [&](const Range& range) { return range.last_seen != refreshes_; };
    std::vector<std::uint64_t> seen;
    for (const Range& range : ranges_)
        if (is_unmapped(range)) seen.push_back(range.last_seen);
    if (seen.size() <= max_remembered) return;
    std::ranges::nth_element(seen, seen.begin() + max_remembered, std::greater());
    std::erase_if(ranges_, [&](const Range& range) {
        return is_unmapped(range) && range.last_seen <= seen[max_remembered];
    });
}

Result<AddressSpace::Refreshed> AddressSpace::refresh(const std::vector<MappedCode>& mapped) {
    const auto mappings = read_mappings(pid_);
    if (!mappings) return mappings.error();
    Refreshed refreshed;
    ++refreshes_;
    ++version_;
    const std::vector<Range> now = read_ranges(*mappings, refreshed);
    take_in_told(mapped, *mappings, now, refreshes_ - 1, refreshed);
    for (Range range : now) {
        // Of code that nothing has told of (mremap moves it silently) it is known that it replaced
        // something by now, or else nothing.
        const auto replaces = [&](const Range& known) {
            return known.object && known.overlaps(range) && !known.same_code(range);
        };
        if (std::ranges::any_of(ranges_, replaces))
            range.since_ns = static_cast<std::uint64_t>(monotonic_ns());
        occupy(std::move(range));
    }
    std::erase_if(ranges_, [&](const Range& range) {
        return range.last_seen != refreshes_ && !range.object;
    });
    return refreshed;
}

AddressSpace::Refreshed AddressSpace::add(const std::vector<MappedCode>& mapped) {
    Refreshed refreshed;
    ++version_;
    take_in_told(mapped, {}, {}, refreshes_, refreshed);
    return refreshed;
}

const AddressSpace::Range* AddressSpace::last_range(std::uint64_t address) const {
    const auto range = std::ranges::upper_bound(ranges_, address, {}, &Range::end);
    return range != ranges_.end() && range->start <= address ? &*range : nullptr;
}

ResolvedAddress AddressSpace::resolve(std::uint64_t address) const {
    return resolve(address, last_range(address));
}

ResolvedAddress AddressSpace::resolve(std::uint64_t address, std::uint8_t occupant) const {
    const Range* const last = last_range(address);
    if (last != nullptr && last->occupant == occupant) return resolve(address, last);
    const Range* before = nullptr;
    for (const Range& range : replaced_) {
        if (address < range.start || range.end <= address) continue;
        if (occupant == unknown_occupant) return resolve(address, nullptr);
        if (range.occupant == occupant) before = &range;
    }
    return resolve(address, occupant == unknown_occupant ? last : before);
}

ResolvedAddress AddressSpace::resolve(std::uint64_t address, const Range* range) {
    using Kind = ResolvedAddress::Kind;
    if (range == nullptr) return {Kind::none, nullptr, address};
    if (range->vdso) return {Kind::vdso, nullptr, address - range->start};
    if (range->object) {
        const std::uint64_t offset = address - range->start + range->file_offset;
        if (const auto in_object = range->object->address_of_offset(offset)) {
            return {Kind::file, range->object, *in_object};
        }
    }
    return {Kind::anonymous, nullptr, address};
}

std::vector<AddressSpace::Object> AddressSpace::objects() const {
    std::vector<Object> objects;
    for (const Range& range : ranges_) {
        const bool mapped = range.object && range.last_seen == refreshes_;
        if (mapped && std::ranges::find(objects, range.object) == objects.end()) {
            objects.push_back(range.object);
        }
    }
    return objects;
}

std::optional<AddressRange> AddressSpace::vdso() const {
    for (const Range& range : ranges_) {
        if (range.vdso) return AddressRange{range.start, range.end};
    }
    return std::nullopt;
}

std::vector<CodeRange> AddressSpace::code() const {
    std::vector<CodeRange> code;
    for (const Range& range : ranges_)
        if (range.last_seen == refreshes_) code.push_back(range.code());
    return code;
}

std::vector<CodeRange> AddressSpace::code_at(std::uint64_t time_ns) const {
    std::vector<CodeRange> code;
    for (const Range& range : ranges_)
        if (range.since_ns <= time_ns) code.push_back(range.code());
    for (const Range& range : replaced_)
        if (range.since_ns <= time_ns && time_ns < range.until_ns) code.push_back(range.code());
    std::ranges::stable_sort(code, {}, &CodeRange::start);
    return code;
}

std::size_t AddressSpace::epoch(std::uint64_t time_ns) const {
    std::size_t begun = 0;
    for (const auto* known : {&ranges_, &replaced_})
        for (const Range& range : *known)
            begun += static_cast<std::size_t>(range.since_ns <= time_ns) +
                     static_cast<std::size_t>(range.until_ns != 0 && range.until_ns <= time_ns);
    return begun;
}

}  // namespace seep
