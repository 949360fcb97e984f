// SPDX-License-Identifier: GPL-2.0-only

#include "probes/arguments.h"

#include <algorithm>

namespace seep {

void ArgumentRegisters::pass(const Instruction& instruction) {
    const std::uint8_t copied = argument_in_[instruction.copied_from];
    for (std::size_t number = 1; number < argument_in_.size(); ++number) {
        if (instruction.arguments_written >> number & 1U) argument_in_[number] = 0;
    }
    if (instruction.copied_to != 0) argument_in_[instruction.copied_to] = copied;
}

std::optional<AllocatorFunction> ArgumentRegisters::locate(AllocatorFunction function) const {
    for (std::uint8_t* argument :
         {&function.size, &function.count, &function.pointer, &function.out}) {
        if (*argument == 0) continue;
        const auto* found = std::ranges::find(argument_in_, *argument);
        if (found == argument_in_.end()) return std::nullopt;
        *argument = static_cast<std::uint8_t>(found - argument_in_.begin());
    }
    return function;
}

}  // namespace seep
