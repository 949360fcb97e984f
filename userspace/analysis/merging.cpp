// SPDX-License-Identifier: GPL-2.0-only
#include "analysis/merging.h"

#include <fmt/format.h>

#include <algorithm>
#include <functional>
#include <limits>
#include <map>
#include <string_view>
#include <tuple>
#include <unordered_map>
#include <unordered_set>
#include <utility>

#include "analysis/culprit.h"

namespace seep {

namespace {

/// 64-bit FNV-1a; texts are hashed with their end, so that "ab","c" is not "a","bc".
class Fnv1a {
 public:
    void add(std::string_view text) {
        for (const char c : text) add_byte(static_cast<unsigned char>(c));
        add_byte(0);
    }
    void add(std::uint64_t number) {
        for (int shift = 0; shift < 64; shift += 8) add_byte((number >> shift) & 0xff);
    }
    [[nodiscard]] std::uint64_t value() const { return value_; }

 private:
    void add_byte(std::uint64_t byte) { value_ = (value_ ^ byte) * 0x100000001b3; }
    std::uint64_t value_ = 0xcbf29ce484222325;
};

std::string base_name(const std::string& path) {
    return path.substr(path.rfind('/') + 1);
}

/// Null if nothing was mapped there.
const ObjectRecord* object_of(const LocationRecord& location, const RecordingContents& contents) {
    const auto found = contents.objects.find(location.object);
    return found == contents.objects.end() ? nullptr : &found->second;
}

void add_location(Fnv1a& hash, const LocationRecord& location, const RecordingContents& contents) {
    const ObjectRecord* object = object_of(location, contents);
    const bool has_file = object != nullptr && object->kind != ObjectKind::anonymous;
    if (!has_file && !location.frames.empty() && !location.frames.front().function.empty()) {
        for (const FrameRecord& frame : location.frames) hash.add(frame.function);
        return;
    }
    if (has_file) hash.add(object->build_id.empty() ? base_name(object->path) : object->build_id);
    hash.add(location.address);
}

/// Which instruction comes to a new page first is chance where several run over the memory, as in a
/// memcpy: those of one line are one, and those of one function of a runtime library.
void add_toucher(Fnv1a& hash, const LocationRecord& location, const RecordingContents& contents) {
    const ObjectRecord* object = object_of(location, contents);
    if (object == nullptr || location.frames.empty() || location.frames.front().function.empty()) {
        add_location(hash, location, contents);
        return;
    }
    const std::string module = base_name(object->path);
    hash.add(module);
    for (const FrameRecord& frame : location.frames) {
        hash.add(frame.function);
        if (!is_runtime_module(module)) hash.add(frame.line);
    }
}

bool ended_by(const ProcessRecord& process, std::int64_t time_ns) {
    return process.ended_ns != 0 && process.ended_ns <= time_ns;
}

/// What a stack was when its process ended, given back from the first snapshot after that on.
StackHistory given_back(const StackHistory& stack, std::int64_t ended_ns,
                        const RecordingContents& contents) {
    StackHistory result = stack;
    result.at_end.freed_count = result.at_end.allocated_count;
    result.at_end.freed_bytes = result.at_end.allocated_bytes;
    result.at_end.freed_squares = result.at_end.allocated_squares;
    result.at_end.held_variance = 0;
    result.at_end.lapsed_count = 0;
    result.at_end.lapsed_bytes = 0;
    const auto after =
        std::ranges::lower_bound(contents.snapshots, ended_ns, {}, &SnapshotRecord::time_ns);
    const auto end = static_cast<std::size_t>(after - contents.snapshots.begin());
    std::erase_if(result.live, [&](const LivePoint& point) { return point.snapshot >= end; });
    result.live.push_back({end, 0, 0, 0, result.at_end.allocated_count, 0});
    if (end <= contents.window.first) result.at_start = result.at_end;
    return result;
}

std::map<ProcessId, std::int64_t> attach_times(const RecordingContents& contents) {
    std::map<ProcessId, std::int64_t> times;
    for (const ProcessRecord& process : contents.processes)
        times.emplace(process.id, process.started_ns);
    return times;
}

/// What names the objects that most lost blocks of a group are parts of, as stack_code(), and how
/// many are; 0 if it is not known.
std::pair<std::uint64_t, std::uint64_t> object_of(
    const std::vector<const StackHistory*>& group,
    const std::unordered_map<StackId, std::uint64_t>& code_of) {
    std::map<std::uint64_t, std::uint64_t> parts;
    for (const StackHistory* stack : group)
        if (const auto code = code_of.find(stack->reachability.object); code != code_of.end())
            parts[code->second] += stack->reachability.in_object;
    if (parts.empty()) return {};
    return *std::ranges::max_element(parts, {}, [](const auto& each) { return each.second; });
}

MergedStack merge_group(std::uint64_t id, const std::vector<const StackHistory*>& group,
                        const std::map<ProcessId, std::int64_t>& attached,
                        const std::unordered_map<StackId, std::uint64_t>& code_of) {
    MergedStack merged;
    merged.id = id;
    merged.record = group.front()->record;
    merged.attached_ns = std::numeric_limits<std::int64_t>::max();
    std::vector<const LiveSeries*> series;
    for (const StackHistory* stack : group) {
        accumulate(merged.at_start, stack->at_start);
        accumulate(merged.totals, stack->at_end);
        for (std::size_t i = 0; i < merged.lifetimes.size(); ++i)
            merged.lifetimes[i] += stack->lifetimes[i];
        accumulate(merged.revisits, stack->revisits);
        accumulate(merged.reachability, stack->reachability);
        merged.attached_ns = std::min(merged.attached_ns, attached.at(stack->record.process));
        series.push_back(&stack->live);
    }
    std::tie(merged.lost_object, merged.reachability.in_object) = object_of(group, code_of);
    merged.live = series.size() == 1 ? *series.front() : sum_series(series);
    return merged;
}

}  // namespace

void accumulate(Totals& sum, const Totals& part) {
    // The mean of means, weighted by what they are means of.
    const double count =
        static_cast<double>(sum.held_count()) + static_cast<double>(part.held_count());
    if (count > 0)
        sum.mean_birth_us = static_cast<std::uint64_t>(
            (static_cast<double>(sum.mean_birth_us) * static_cast<double>(sum.held_count()) +
             static_cast<double>(part.mean_birth_us) * static_cast<double>(part.held_count())) /
            count);
    sum.allocated_count += part.allocated_count;
    sum.allocated_bytes += part.allocated_bytes;
    sum.freed_count += part.freed_count;
    sum.freed_bytes += part.freed_bytes;
    sum.allocated_squares += part.allocated_squares;
    sum.freed_squares += part.freed_squares;
    sum.held_variance += part.held_variance;
    sum.lapsed_count += part.lapsed_count;
    sum.lapsed_bytes += part.lapsed_bytes;
}

void accumulate(Looks& sum, const Looks& part) {
    const auto add = [](std::vector<std::uint64_t>& counts,
                        const std::vector<std::uint64_t>& more) {
        counts.resize(std::max(counts.size(), more.size()));
        std::ranges::transform(more, counts, counts.begin(), std::plus());
    };
    add(sum.looked, part.looked);
    add(sum.gone, part.gone);
}

void accumulate(StackRevisits& sum, const StackRevisits& part) {
    accumulate(sum.sure, part.sure);
    accumulate(sum.vague, part.vague);
}

void accumulate(StackReachability& sum, const StackReachability& part) {
    if (part.looked == 0) return;
    sum.all_known = part.all_known && (sum.looked == 0 || sum.all_known);
    const std::uint64_t lost = sum.lost + part.lost;
    if (lost > 0)
        sum.lost_age_us = (sum.lost_age_us * sum.lost + part.lost_age_us * part.lost) / lost;
    sum.born_within_us = std::max(sum.born_within_us, part.born_within_us);
    sum.looked += part.looked;
    sum.lost_bytes += part.lost_bytes;
    sum.lost = lost;
    sum.followed += part.followed;
    sum.refuted += part.refuted;
}

std::uint64_t stack_code(const StackRecord& stack, const RecordingContents& contents) {
    Fnv1a hash;
    bool is_toucher = stack.kind == StackKind::fault;
    for (const LocationId id : stack.locations) {
        const LocationRecord& location = contents.locations.at(id);
        is_toucher ? add_toucher(hash, location, contents) : add_location(hash, location, contents);
        is_toucher = false;
    }
    if (stack.end != StackEnd::complete) hash.add("truncated");
    if (stack.kind != StackKind::heap) hash.add(stack_kind_name(stack.kind));
    return hash.value();
}

std::string id_text(std::uint64_t code) {
    return fmt::format("{:016x}", code);
}

std::vector<const ProcessRecord*> gone_processes(const RecordingContents& contents) {
    const std::int64_t end = contents.snapshots[contents.window.last].time_ns;
    std::vector<const ProcessRecord*> gone;
    bool one_left = false;
    for (const ProcessRecord& process : contents.processes) {
        if (ended_by(process, end))
            gone.push_back(&process);
        else
            one_left = one_left || process.started_ns <= end;
    }
    return one_left ? gone : std::vector<const ProcessRecord*>();
}

std::vector<MergedStack> merge_stacks(const RecordingContents& contents) {
    std::map<ProcessId, std::int64_t> gone;
    for (const ProcessRecord* process : gone_processes(contents))
        gone.emplace(process->id, process->ended_ns);
    std::vector<StackHistory> changed;  // Referred to by the groups: never reallocated.
    changed.reserve(contents.stacks.size());
    std::map<std::uint64_t, std::vector<const StackHistory*>> groups;
    std::unordered_map<StackId, std::uint64_t> code_of;
    for (const StackHistory& stack : contents.stacks) {
        const auto ended = gone.find(stack.record.process);
        const StackHistory* history = &stack;
        if (ended != gone.end())
            history = &changed.emplace_back(given_back(stack, ended->second, contents));
        const std::uint64_t code = stack_code(stack.record, contents);
        code_of.emplace(stack.record.id, code);
        groups[code].push_back(history);
    }
    const std::map<ProcessId, std::int64_t> attached = attach_times(contents);
    std::vector<MergedStack> merged;
    merged.reserve(groups.size());
    for (const auto& [id, group] : groups)
        merged.push_back(merge_group(id, group, attached, code_of));
    return merged;
}

MergedStack sum_of(const std::vector<const MergedStack*>& stacks) {
    MergedStack sum;
    sum.attached_ns = std::numeric_limits<std::int64_t>::max();
    std::vector<const LiveSeries*> series;
    series.reserve(stacks.size());
    for (const MergedStack* stack : stacks) {
        accumulate(sum.at_start, stack->at_start);
        accumulate(sum.totals, stack->totals);
        for (std::size_t i = 0; i < sum.lifetimes.size(); ++i)
            sum.lifetimes[i] += stack->lifetimes[i];
        sum.attached_ns = std::min(sum.attached_ns, stack->attached_ns);
        series.push_back(&stack->live);
    }
    sum.live = sum_series(series);
    return sum;
}

std::vector<ReportFrame> report_frames(const StackRecord& stack, const RecordingContents& contents,
                                       const std::vector<ObjectRecord>& objects) {
    std::vector<ReportFrame> frames;
    for (const LocationId id : stack.locations) {
        const LocationRecord& location = contents.locations.at(id);
        const ObjectRecord* object = object_of(location, contents);
        ReportFrame frame;
        if (object != nullptr) {
            frame.module = base_name(object->path);
            const auto at = std::ranges::lower_bound(objects, object->id, {}, &ObjectRecord::id);
            frame.object = static_cast<std::uint32_t>(at - objects.begin()) + 1;
        }
        frame.offset = location.address;
        frame.is_call = location.is_call;
        if (location.frames.empty()) frames.push_back(frame);
        // What is inlined into the allocator's own function is of no interest to its caller; a page
        // is touched by the program itself.
        const bool allocators = frames.empty() && stack.kind != StackKind::fault;
        const std::size_t first =
            allocators && !location.frames.empty() ? location.frames.size() - 1 : 0;
        for (std::size_t i = first; i < location.frames.size(); ++i) {
            frame.function = location.frames[i].function;
            frame.file = location.frames[i].file;
            frame.line = location.frames[i].line;
            frame.inlined = location.frames[i].inlined;
            frames.push_back(frame);
        }
    }
    return frames;
}

}  // namespace seep
