// SPDX-License-Identifier: GPL-2.0-only
#include "output/pprof_tables.h"

#include <algorithm>
#include <limits>

#include "base/text.h"
#include "output/pprof_fields.h"

namespace seep {
namespace {

using protozero::pbf_writer;

/// How many of the frames, from the first on, are one location: functions inlined into one another
/// and the one that owns the code.
std::size_t location_length(std::span<const ReportFrame> frames) {
    std::size_t length = 1;
    while (length < frames.size() && frames[length - 1].inlined &&
           frames[length].object == frames[0].object && frames[length].offset == frames[0].offset)
        ++length;
    return length;
}

/// The id of a thing in a table, which is its place there; new things come last.
template <typename Thing>
std::uint64_t id_in(std::map<Thing, std::uint64_t>& table, Thing thing) {
    return table.try_emplace(std::move(thing), table.size() + 1).first->second;
}

}  // namespace

PprofTables::PprofTables(const std::vector<ObjectRecord>& objects) {
    text("");  // the format wants it to be the first
    mappings_.reserve(objects.size());
    for (const ObjectRecord& object : objects) {
        Mapping mapping;
        mapping.is_file = object.kind == ObjectKind::file;
        mapping.path = text(object.path);
        mapping.build_id = text(object.build_id);
        mappings_.push_back(mapping);
    }
}

std::int64_t PprofTables::text(std::string_view untrusted) {
    std::string safe = printable(untrusted);
    const auto index = static_cast<std::int64_t>(strings_.size());
    const auto [known, is_new] = string_index_.try_emplace(safe, index);
    if (is_new) strings_.push_back(std::move(safe));
    return known->second;
}

std::vector<std::uint64_t> PprofTables::locations(const ReportStack& stack) {
    std::vector<std::uint64_t> ids;
    std::span<const ReportFrame> frames = stack.frames;
    while (!frames.empty()) {
        const std::size_t length = location_length(frames);
        ids.push_back(location(frames.first(length)));
        frames = frames.subspan(length);
    }
    if (stack.truncated) {
        const ReportFrame cut{.function = "[truncated]"};
        ids.push_back(location({&cut, 1}));
    }
    return ids;
}

std::uint64_t PprofTables::location(std::span<const ReportFrame> frames) {
    const ReportFrame& frame = frames.front();
    Location location;
    location.object = frame.object;
    location.address = frame.offset - (frame.is_call && frame.offset > 0 ? 1 : 0);
    for (const ReportFrame& part : frames) {
        const std::string name = name_of(part);
        if (name.empty()) continue;
        location.lines.push_back({function(name, part.file), part.line});
    }
    if (frame.object != 0) {
        Mapping& mapping = mappings_.at(frame.object - 1);
        mapping.used = true;
        mapping.functions = mapping.functions && !location.lines.empty();
        mapping.inlines = mapping.inlines || location.lines.size() > 1;
        for (const ReportFrame& part : frames) {
            mapping.files = mapping.files && !part.file.empty();
            mapping.lines = mapping.lines && part.line != 0;
        }
    }
    return id_in(locations_, std::move(location));
}

std::string PprofTables::name_of(const ReportFrame& frame) const {
    const bool in_file = frame.object != 0 && mappings_.at(frame.object - 1).is_file;
    return in_file ? frame.function : frame_name(frame);
}

std::uint64_t PprofTables::function(const std::string& name, const std::string& file) {
    return id_in(functions_, {text(name), text(file)});
}

void PprofTables::write_mapping(pbf_writer& profile, std::uint32_t object) const {
    using namespace pprof;
    const Mapping& mapping = mappings_.at(object - 1);
    pbf_writer message(profile, profile::mapping);
    message.add_uint64(mapping::id, object);
    message.add_uint64(mapping::memory_limit, std::numeric_limits<std::uint64_t>::max());
    message.add_int64(mapping::filename, mapping.path);
    message.add_int64(mapping::build_id, mapping.build_id);
    message.add_bool(mapping::has_functions, mapping.functions);
    message.add_bool(mapping::has_filenames, mapping.files);
    message.add_bool(mapping::has_line_numbers, mapping.lines);
    message.add_bool(mapping::has_inline_frames, mapping.inlines || mapping.lines);
}

void PprofTables::write(pbf_writer& profile, std::uint32_t main_object) const {
    using namespace pprof;
    // The first mapping is the program's own, by pprof's convention.
    if (main_object != 0 && mappings_.at(main_object - 1).used) write_mapping(profile, main_object);
    for (std::uint32_t object = 1; object <= mappings_.size(); ++object)
        if (object != main_object && mappings_[object - 1].used) write_mapping(profile, object);
    for (const auto& [location, id] : locations_) {
        pbf_writer message(profile, profile::location);
        message.add_uint64(location::id, id);
        if (location.object != 0) message.add_uint64(location::mapping_id, location.object);
        message.add_uint64(location::address, location.address);
        for (const Line& line : location.lines) {
            pbf_writer part(message, location::line);
            part.add_uint64(line::function_id, line.function);
            part.add_int64(line::line, line.line);
        }
    }
    for (const auto& [function, id] : functions_) {
        pbf_writer message(profile, profile::function);
        message.add_uint64(function::id, id);
        message.add_int64(function::name, function.name);
        message.add_int64(function::system_name, function.name);
        message.add_int64(function::filename, function.file);
    }
    for (const std::string& string : strings_) profile.add_string(profile::string_table, string);
}

}  // namespace seep
