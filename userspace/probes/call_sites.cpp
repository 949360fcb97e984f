// SPDX-License-Identifier: GPL-2.0-only
#include "probes/call_sites.h"

#include <elfutils/libdw.h>
#include <libelf.h>

#include <cstdlib>

#include "base/handles.h"
#include "probes/code.h"

namespace seep {
namespace {

/// Bytes that are decoded at most.
constexpr std::uint64_t most_code = 1 << 16;

/// Where the row of call frame information begins that is about the instruction before.
std::optional<std::uint64_t> row_before(const ObjectFile& object, std::uint64_t return_address) {
    elf_version(EV_CURRENT);
    const CHandle<Elf, elf_end> elf(elf_begin(object.fd(), ELF_C_READ, nullptr));
    if (!elf) return std::nullopt;
    const CHandle<Dwarf_CFI, dwarf_cfi_end> cfi(dwarf_getcfi_elf(elf.get()));
    Dwarf_Frame* found = nullptr;
    if (!cfi || dwarf_cfi_addrframe(cfi.get(), return_address - 1, &found) != 0)
        return std::nullopt;
    const CHandle<Dwarf_Frame, std::free> frame(found);
    Dwarf_Addr start = 0;
    Dwarf_Addr end = 0;
    if (dwarf_frame_info(frame.get(), &start, &end, nullptr) < 0) return std::nullopt;
    if (start >= return_address || return_address - start > most_code) return std::nullopt;
    return start;
}

}  // namespace

std::optional<ProbePlan> plan_call_count(const ObjectFile& object, std::uint64_t return_address) {
    static constexpr AllocatorFunction counted{.name = "call", .role = Role::work};
    if (object.architecture() != Architecture::x86_64) return std::nullopt;
    const auto start = row_before(object, return_address);
    if (!start) return std::nullopt;
    Code code(object);
    auto instruction = code.decode(*start);
    while (instruction && instruction->next < return_address)
        instruction = code.decode(instruction->next);
    if (!instruction || instruction->next != return_address ||
        instruction->kind != InstructionKind::call || !instruction->target ||
        instruction->site_kind != SiteKind::emulated)
        return std::nullopt;
    const auto offset = object.offset_of_address(instruction->address);
    if (!offset) return std::nullopt;
    ProbePlan plan;
    plan.function = {
        &counted, "call", instruction->address, instruction->next - instruction->address, {}};
    plan.entry = {instruction->address, *offset, SiteKind::emulated};
    return plan;
}

}  // namespace seep
