// SPDX-License-Identifier: GPL-2.0-only
#include "analysis/truncation.h"

#include <algorithm>
#include <map>
#include <tuple>
#include <utility>

namespace seep {
namespace {

constexpr std::uint64_t worth_a_word = 100;  // one allocation in so many

const ObjectRecord* last_object(const StackRecord& stack, const RecordingContents& contents) {
    if (stack.locations.empty()) return nullptr;
    const auto location = contents.locations.find(stack.locations.back());
    if (location == contents.locations.end()) return nullptr;
    const auto object = contents.objects.find(location->second.object);
    return object == contents.objects.end() ? nullptr : &object->second;
}

Truncation place_of(const StackRecord& stack, const RecordingContents& contents) {
    Truncation place{.module = {}, .generated = false, .reason = stack.end, .allocations = 0};
    const ObjectRecord* const object = last_object(stack, contents);
    if (object == nullptr) return place;
    place.generated = object->kind == ObjectKind::anonymous;
    if (!place.generated) place.module = object->path.substr(object->path.rfind('/') + 1);
    return place;
}

}  // namespace

std::vector<Truncation> truncations(const std::vector<MergedStack>& stacks,
                                    const RecordingContents& contents) {
    std::map<std::tuple<std::string, bool, StackEnd>, std::uint64_t> sums;
    for (const MergedStack& stack : stacks) {
        if (stack.record.end == StackEnd::complete || stack.totals.allocated_count == 0) continue;
        Truncation place = place_of(stack.record, contents);
        sums[{std::move(place.module), place.generated, place.reason}] +=
            stack.totals.allocated_count;
    }
    std::vector<Truncation> result;
    for (const auto& [place, allocations] : sums) {
        const auto& [module, generated, reason] = place;
        result.push_back({module, generated, reason, allocations});
    }
    std::ranges::stable_sort(result, std::ranges::greater{}, &Truncation::allocations);
    return result;
}

std::vector<std::string> truncation_advice(const std::vector<Truncation>& truncated,
                                           std::uint64_t all_allocations) {
    std::uint64_t in_generated_code = 0;
    for (const Truncation& place : truncated)
        if (place.generated && place.reason != StackEnd::too_deep)
            in_generated_code += place.allocations;
    if (in_generated_code == 0 || in_generated_code < all_allocations / worth_a_word) return {};
    return {
        "stacks end in code that was generated while the process ran and keeps no frame pointer: "
        "their callers are not known; Java keeps it with -XX:+PreserveFramePointer"};
}

const char* stack_end_name(StackEnd end) {
    switch (end) {
        case StackEnd::complete:
            return "complete";
        case StackEnd::too_deep:
            return "too_deep";
        case StackEnd::unreadable:
            return "unreadable";
        case StackEnd::broken:
            return "broken";
        case StackEnd::no_mapping:
            return "no_mapping";
        case StackEnd::no_row:
            return "no_row";
        case StackEnd::unsupported:
            break;
    }
    return "unsupported";
}

}  // namespace seep
