// SPDX-License-Identifier: GPL-2.0-only
#include "output/folded.h"

#include <fmt/format.h>

#include <algorithm>
#include <array>
#include <limits>
#include <map>

#include "base/text.h"

namespace seep {
namespace {

constexpr std::array value_names{"live", "growth", "allocated", "freed", "count"};

std::int64_t value_of(const ReportStack& stack, StackValue value) {
    switch (value) {
        case StackValue::live:
            return clamped(stack.totals.held_bytes());
        case StackValue::growth:
            return stack.growth.bytes;
        case StackValue::allocated:
            return clamped(stack.totals.allocated_bytes);
        case StackValue::freed:
            return clamped(stack.totals.freed_bytes);
        case StackValue::count:
            break;
    }
    return clamped(stack.totals.held_count());
}

std::int64_t count_of(const ReportStack& stack, StackValue value) {
    if (value == StackValue::allocated) return clamped(stack.totals.allocated_count);
    if (value == StackValue::freed) return clamped(stack.totals.freed_count);
    return clamped(stack.totals.held_count());
}

/// `;` separates frames, so that none may hold one.
std::string folded_name(const ReportFrame& frame) {
    std::string name = printable(frame_name(frame));
    std::replace(name.begin(), name.end(), ';', ':');
    return name;
}

std::vector<std::string> folded_frames(const ReportStack& stack) {
    std::vector<std::string> names;
    names.reserve(stack.frames.size() + 1);
    if (stack.truncated) names.emplace_back("[truncated]");
    for (auto frame = stack.frames.rbegin(); frame != stack.frames.rend(); ++frame) {
        names.push_back(folded_name(*frame));
    }
    return names;
}

}  // namespace

std::int64_t clamped(std::uint64_t value) {
    constexpr std::uint64_t limit = std::numeric_limits<std::int64_t>::max();
    return static_cast<std::int64_t>(std::min(value, limit));
}

std::int64_t saturating_add(std::int64_t a, std::int64_t b) {
    std::int64_t sum = 0;
    if (!__builtin_add_overflow(a, b, &sum)) return sum;
    return a < 0 ? std::numeric_limits<std::int64_t>::min()
                 : std::numeric_limits<std::int64_t>::max();
}

Result<StackValue> parse_stack_value(std::string_view name) {
    const auto* const found = std::find(value_names.begin(), value_names.end(), name);
    if (found == value_names.end()) {
        return Error{ErrorKind::bad_input,
                     fmt::format("not a stack value: '{}'", printable(name, 80)),
                     fmt::format("use one of {}", fmt::join(value_names, ", "))};
    }
    return static_cast<StackValue>(found - value_names.begin());
}

const char* stack_value_name(StackValue value) {
    return value_names.at(static_cast<std::size_t>(value));
}

std::vector<FoldedStack> fold(const Report& report, StackValue value,
                              std::optional<StackKind> kind) {
    std::map<std::vector<std::string>, FoldedStack> folded;
    for (const ReportStack& stack : report.stacks) {
        if (stack.frames.empty() ||
            (kind ? stack.kind != *kind : report.recording.sources.repeats(stack.kind)))
            continue;
        FoldedStack& sum = folded[folded_frames(stack)];
        sum.value = saturating_add(sum.value, value_of(stack, value));
        sum.count = saturating_add(sum.count, count_of(stack, value));
    }
    std::vector<FoldedStack> stacks;
    while (!folded.empty()) {
        auto node = folded.extract(folded.begin());
        if (node.mapped().value <= 0) continue;
        node.mapped().frames = std::move(node.key());
        stacks.push_back(std::move(node.mapped()));
    }
    return stacks;
}

std::string folded_text(const std::vector<FoldedStack>& stacks) {
    std::string text;
    for (const FoldedStack& stack : stacks) {
        text += fmt::format("{} {}\n", fmt::join(stack.frames, ";"), stack.value);
    }
    return text;
}

}  // namespace seep
