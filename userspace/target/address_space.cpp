// SPDX-License-Identifier: GPL-2.0-only
#include "target/address_space.h"

#include <algorithm>
#include <iterator>
#include <map>

namespace seep {
namespace {

// Remembered parts of unmapped objects; each may keep a file open. A program that loads ever new
// libraries loses the oldest.
constexpr std::size_t max_unmapped = 256;

}  // namespace

AddressSpace::Object AddressSpace::known_object(const FileIdentity& file) const {
    for (const Range& range : ranges_) {
        if (range.object && range.file == file) return range.object;
    }
    return nullptr;
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
        Range range = {mapping.start, mapping.end, mapping.file_offset,
                       mapping.file,  nullptr,     mapping.path == "[vdso]",
                       refreshes_};
        if (mapping.file.inode != 0) {
            const auto [entry, is_new] = objects.try_emplace(mapping.file);
            if (is_new) entry->second = known_object(mapping.file);
            if (is_new && !entry->second) entry->second = open_object(mapping, refreshed);
            range.object = entry->second;
        }
        ranges.push_back(std::move(range));
    }
    return ranges;
}

/// Adds to the mapped `ranges` what of the known ones they leave uncovered.
void AddressSpace::keep_unmapped(std::vector<Range>& ranges) const {
    std::vector<Range> unmapped;
    const auto keep = [&](const Range& range, std::uint64_t start, std::uint64_t end) {
        if (start >= end || !range.object) return;
        unmapped.push_back(range);
        unmapped.back().start = start;
        unmapped.back().end = end;
        unmapped.back().file_offset += start - range.start;
    };
    for (const Range& known : ranges_) {
        std::uint64_t start = known.start;
        for (auto over = std::ranges::upper_bound(ranges, start, {}, &Range::end);
             over != ranges.end() && over->start < known.end; ++over) {
            keep(known, start, over->start);
            start = over->end;
        }
        keep(known, start, known.end);
    }
    if (unmapped.size() > max_unmapped) {
        std::ranges::stable_sort(unmapped, std::ranges::greater(), &Range::last_seen);
        unmapped.resize(max_unmapped);
    }
    ranges.insert(ranges.end(), unmapped.begin(), unmapped.end());
    std::ranges::sort(ranges, {}, &Range::start);
}

Result<AddressSpace::Refreshed> AddressSpace::refresh() {
    const auto mappings = read_mappings(pid_);
    if (!mappings) return mappings.error();
    Refreshed refreshed;
    ++refreshes_;
    std::vector<Range> ranges = read_ranges(*mappings, refreshed);
    keep_unmapped(ranges);
    ranges_ = std::move(ranges);
    return refreshed;
}

AddressSpace::Refreshed AddressSpace::add(const std::vector<Mapping>& mapped) {
    Refreshed refreshed;
    for (const Mapping& mapping : mapped) {
        std::vector<Range> ranges = read_ranges({mapping}, refreshed);
        std::erase_if(ranges_, [&](const Range& known) {
            return known.start < mapping.end && mapping.start < known.end;
        });
        std::ranges::move(ranges, std::back_inserter(ranges_));
    }
    std::ranges::sort(ranges_, {}, &Range::start);
    return refreshed;
}

ResolvedAddress AddressSpace::resolve(std::uint64_t address) const {
    using Kind = ResolvedAddress::Kind;
    const auto range = std::ranges::upper_bound(ranges_, address, {}, &Range::end);
    if (range == ranges_.end() || address < range->start) return {Kind::none, nullptr, address};
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
    for (const Range& range : ranges_) {
        if (range.last_seen != refreshes_) continue;
        code.push_back({range.start, range.end, range.file_offset, range.object, range.vdso});
    }
    return code;
}

}  // namespace seep
