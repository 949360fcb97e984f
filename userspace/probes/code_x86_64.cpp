// SPDX-License-Identifier: GPL-2.0-only

#include <Zydis/Zydis.h>
#include <unistd.h>

#include <algorithm>

#include "probes/code.h"

namespace seep {
namespace {

constexpr std::uint64_t page_size = 4096;

// Function arguments 1 to 6 of the System V ABI.
constexpr ZydisRegister argument_registers[] = {ZYDIS_REGISTER_RDI, ZYDIS_REGISTER_RSI,
                                                ZYDIS_REGISTER_RDX, ZYDIS_REGISTER_RCX,
                                                ZYDIS_REGISTER_R8,  ZYDIS_REGISTER_R9};

using Bytes = std::span<const std::uint8_t>;

const ZydisDecoder& decoder() {
    static const ZydisDecoder instance = [] {
        ZydisDecoder d;
        ZydisDecoderInit(&d, ZYDIS_MACHINE_MODE_LONG_64, ZYDIS_STACK_WIDTH_64);
        return d;
    }();
    return instance;
}

bool has_operand_size_prefix(const ZydisDecodedInstruction& instruction) {
    const auto* prefixes = instruction.raw.prefixes;
    return std::any_of(prefixes, prefixes + instruction.raw.prefix_count,
                       [](const auto& prefix) { return prefix.value == 0x66; });
}

// arch/x86/kernel/uprobes.c: push_setup_xol_ops() takes 50..57 alone or after 41;
// branch_setup_xol_ops() takes e8, e9, eb, 70..7f and 0f 80..8f unless there is a prefix 66,
// and 90.
bool kernel_emulates(const ZydisDecodedInstruction& instruction, Bytes bytes) {
    const unsigned opcode = instruction.opcode;
    if (instruction.opcode_map == ZYDIS_OPCODE_MAP_0F) {
        return opcode >= 0x80 && opcode <= 0x8f && !has_operand_size_prefix(instruction);
    }
    if (instruction.opcode_map != ZYDIS_OPCODE_MAP_DEFAULT) return false;
    if (opcode >= 0x50 && opcode <= 0x57) {
        return bytes.size() == 1 || (bytes.size() == 2 && bytes[0] == 0x41);
    }
    if (opcode == 0x90) return bytes.size() == 1;
    const bool relative =
        opcode == 0xe8 || opcode == 0xe9 || opcode == 0xeb || (opcode >= 0x70 && opcode <= 0x7f);
    return relative && !has_operand_size_prefix(instruction);
}

// Linux 6.18 patches a 5-byte nop into a call if it does not cross a page (can_optimize()); older
// kernels single-step it, and all of them single-step or emulate other long nops as they please.
bool is_patchable_nop(Bytes bytes, std::uint64_t address) {
    constexpr std::uint8_t nop5[] = {0x0f, 0x1f, 0x44, 0x00, 0x00};
    return std::ranges::equal(bytes, nop5) && address % page_size <= page_size - sizeof nop5;
}

SiteKind site_kind(const ZydisDecodedInstruction& instruction, Bytes bytes, std::uint64_t address) {
    if (kernel_emulates(instruction, bytes)) return SiteKind::emulated;
    return is_patchable_nop(bytes, address) ? SiteKind::nop5 : SiteKind::single_stepped;
}

InstructionKind instruction_kind(const ZydisDecodedInstruction& instruction) {
    switch (instruction.mnemonic) {
        case ZYDIS_MNEMONIC_UD0:
        case ZYDIS_MNEMONIC_UD1:
        case ZYDIS_MNEMONIC_UD2:
        case ZYDIS_MNEMONIC_HLT:
        case ZYDIS_MNEMONIC_INT3:
            return InstructionKind::trap;
        case ZYDIS_MNEMONIC_ENDBR64:
            return InstructionKind::nop;
        default:
            break;
    }
    switch (instruction.meta.category) {
        case ZYDIS_CATEGORY_CALL:
            return InstructionKind::call;
        case ZYDIS_CATEGORY_RET:
            return InstructionKind::ret;
        case ZYDIS_CATEGORY_COND_BR:
            return InstructionKind::branch;
        case ZYDIS_CATEGORY_UNCOND_BR:
            return InstructionKind::jump;
        case ZYDIS_CATEGORY_NOP:
        case ZYDIS_CATEGORY_WIDENOP:
            return InstructionKind::nop;
        default:
            return InstructionKind::plain;
    }
}

/// Notes where a jump or call goes to. Jump tables and register jumps leave both empty.
void note_destination(const ZydisDecodedInstruction& decoded, const ZydisDecodedOperand& operand,
                      Instruction& instruction) {
    const bool direct = operand.type == ZYDIS_OPERAND_TYPE_IMMEDIATE && operand.imm.is_relative;
    const bool fixed_slot = operand.type == ZYDIS_OPERAND_TYPE_MEMORY &&
                            operand.mem.base == ZYDIS_REGISTER_RIP &&
                            operand.mem.index == ZYDIS_REGISTER_NONE;
    ZyanU64 address = 0;
    if (!(direct || fixed_slot) || !ZYAN_SUCCESS(ZydisCalcAbsoluteAddress(
                                       &decoded, &operand, instruction.address, &address))) {
        return;
    }
    (direct ? instruction.target : instruction.slot) = address;
}

/// Which function argument the register carries at the entry; 0 if none.
std::uint8_t argument_number(ZydisRegister wanted) {
    const auto* argument = std::ranges::find(argument_registers, wanted);
    if (argument == std::end(argument_registers)) return 0;
    return static_cast<std::uint8_t>(1 + (argument - argument_registers));
}

void note_writes(const ZydisDecodedOperand& operand, Instruction& instruction) {
    if (operand.type != ZYDIS_OPERAND_TYPE_REGISTER ||
        !(operand.actions & ZYDIS_OPERAND_ACTION_MASK_WRITE)) {
        return;
    }
    const ZydisRegister whole =
        ZydisRegisterGetLargestEnclosing(ZYDIS_MACHINE_MODE_LONG_64, operand.reg.value);
    if (whole == ZYDIS_REGISTER_RSP) instruction.moves_stack = true;
    if (const unsigned number = argument_number(whole); number != 0) {
        instruction.arguments_written |= static_cast<std::uint8_t>(1U << number);
    }
}

void note_copy(const ZydisDecodedInstruction& decoded, const ZydisDecodedOperand& to,
               const ZydisDecodedOperand& from, Instruction& instruction) {
    if (decoded.mnemonic != ZYDIS_MNEMONIC_MOV || to.type != ZYDIS_OPERAND_TYPE_REGISTER ||
        from.type != ZYDIS_OPERAND_TYPE_REGISTER) {
        return;
    }
    const std::uint8_t source = argument_number(from.reg.value);
    const std::uint8_t target = argument_number(to.reg.value);
    if (source == 0 || target == 0) return;
    instruction.copied_from = source;
    instruction.copied_to = target;
}

}  // namespace

std::optional<Instruction> Code::decode(std::uint64_t address) {
    const Bytes available = bytes_at(address);
    ZydisDecodedInstruction decoded;
    ZydisDecodedOperand operands[ZYDIS_MAX_OPERAND_COUNT] = {};
    if (available.empty() ||
        !ZYAN_SUCCESS(ZydisDecoderDecodeFull(&decoder(), available.data(), available.size(),
                                             &decoded, operands))) {
        return std::nullopt;
    }
    const Bytes bytes = available.first(decoded.length);
    Instruction instruction{.address = address,
                            .next = address + decoded.length,
                            .kind = instruction_kind(decoded),
                            .site_kind = site_kind(decoded, bytes, address)};
    if (instruction.kind == InstructionKind::branch || instruction.kind == InstructionKind::jump ||
        instruction.kind == InstructionKind::call) {
        note_destination(decoded, operands[0], instruction);
    }
    for (const auto& operand : std::span(operands, decoded.operand_count)) {
        note_writes(operand, instruction);
    }
    note_copy(decoded, operands[0], operands[1], instruction);
    return instruction;
}

std::span<const std::uint8_t> Code::bytes_at(std::uint64_t address) {
    for (const LoadSegment& segment : object_.segments()) {
        if (!segment.executable || address < segment.address ||
            address - segment.address >= segment.file_size) {
            continue;
        }
        const std::uint64_t into = address - segment.address;
        const std::uint64_t wanted =
            std::min<std::uint64_t>(ZYDIS_MAX_INSTRUCTION_LENGTH, segment.file_size - into);
        const std::uint64_t offset = segment.file_offset + into;
        if (offset < window_offset_ || offset - window_offset_ + wanted > window_size_) {
            const ssize_t got =
                pread(object_.fd(), window_.data(), window_.size(), static_cast<off_t>(offset));
            window_offset_ = offset;
            window_size_ = got > 0 ? static_cast<std::uint64_t>(got) : 0;
        }
        const std::uint64_t skip = offset - window_offset_;
        return std::span(window_).subspan(skip, std::min(wanted, window_size_ - skip));
    }
    return {};
}

}  // namespace seep
