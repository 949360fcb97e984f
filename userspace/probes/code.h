// SPDX-License-Identifier: GPL-2.0-only
#pragma once

// An object's machine code, one instruction at a time, reduced to what the choice of probe sites
// asks of it. The only file that knows a processor is code_x86_64.cpp. Hostile input: any bytes at
// any address are decoded or refused. Not thread-safe (it keeps the part of the file read last).

#include <array>
#include <cstdint>
#include <optional>
#include <span>

#include "target/object_file.h"

namespace seep {

/// What a hit of a probe on this instruction costs, in classes the collector can calibrate.
enum class SiteKind { nop5, emulated, single_stepped };

enum class InstructionKind {
    plain,   ///< Goes on to the next instruction.
    nop,     ///< The same, and does nothing.
    branch,  ///< Conditional: `target`, or the next.
    jump,    ///< `target`, or where `slot` or a register says.
    call,    ///< The same, and normally comes back.
    ret,
    trap,  ///< Does not go on.
};

struct Instruction {
    std::uint64_t address = 0;
    std::uint64_t next = 0;  ///< One past its last byte.
    InstructionKind kind = InstructionKind::plain;
    std::optional<std::uint64_t> target;  ///< Of a direct branch, jump or call.
    std::optional<std::uint64_t>
        slot;  ///< The fixed address an indirect one reads its target from.
    SiteKind site_kind = SiteKind::single_stepped;
    std::uint8_t arguments_written = 0;  ///< Bit n: argument n's register is (perhaps) changed.
    /// It copies the whole of argument copied_from's register to copied_to's; 0 if it is no such
    /// copy.
    std::uint8_t copied_from = 0;
    std::uint8_t copied_to = 0;
    bool moves_stack = false;  ///< Changes the stack pointer.
};

class Code {
 public:
    /// `object` must outlive this.
    explicit Code(const ObjectFile& object) : object_(object) {}

    /// nullopt: not in an executable segment's file part, or no valid instruction.
    std::optional<Instruction> decode(std::uint64_t address);

 private:
    std::span<const std::uint8_t> bytes_at(std::uint64_t address);

    const ObjectFile& object_;
    std::array<std::uint8_t, 4096> window_{};
    std::uint64_t window_offset_ = 0;
    std::uint64_t window_size_ = 0;
};

}  // namespace seep
