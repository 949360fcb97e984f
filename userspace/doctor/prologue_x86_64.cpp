// SPDX-License-Identifier: GPL-2.0-only
#include <algorithm>
#include <array>
#include <optional>
#include <span>

#include "doctor/prologue.h"
#include "target/elf_reading.h"

namespace seep {
namespace {

// Compilers schedule other instructions in between, but not many.
constexpr int max_instructions = 12;

constexpr std::array<std::uint8_t, 1> push_rbp{0x55};
// mov %rsp,%rbp in both of its encodings.
constexpr std::array<std::uint8_t, 3> mov_rsp_rbp{0x48, 0x89, 0xe5};
constexpr std::array<std::uint8_t, 3> mov_rsp_rbp_reversed{0x48, 0x8b, 0xec};

bool is(const ObjectFile& object, const Instruction& instruction,
        std::span<const std::uint8_t> bytes) {
    std::array<std::uint8_t, 3> code{};
    const auto offset = object.offset_of_address(instruction.address);
    return instruction.next - instruction.address == bytes.size() && offset &&
           read_exactly(object.fd(), code.data(), bytes.size(), *offset) &&
           std::equal(bytes.begin(), bytes.end(), code.begin());
}

bool goes_on(const Instruction& instruction) {
    return instruction.kind == InstructionKind::plain || instruction.kind == InstructionKind::nop;
}

}  // namespace

Prologue PrologueReader::read(std::uint64_t function) {
    bool saved = false;
    std::uint64_t address = function;
    for (int i = 0; i < max_instructions; ++i) {
        const auto instruction = code_.decode(address);
        if (!instruction || !goes_on(*instruction)) break;
        if (saved && (is(object_, *instruction, mov_rsp_rbp) ||
                      is(object_, *instruction, mov_rsp_rbp_reversed))) {
            return Prologue::frame_pointer;
        }
        if (!saved && instruction->moves_stack) {
            if (!is(object_, *instruction, push_rbp)) return Prologue::other;
            saved = true;
        }
        address = instruction->next;
    }
    return saved ? Prologue::other : Prologue::no_stack;
}

}  // namespace seep
