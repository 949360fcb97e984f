// SPDX-License-Identifier: GPL-2.0-only
#include "oracle.h"

#include <dwarf.h>
#include <elfutils/libdw.h>
#include <fmt/format.h>
#include <gelf.h>

#include <algorithm>
#include <cstring>
#include <memory>
#include <optional>

#include "base/handles.h"

namespace seep::test {
namespace {

using ElfHandle = CHandle<Elf, elf_end>;
using DwarfHandle = CHandle<Dwarf, dwarf_end>;
using CfiHandle = CHandle<Dwarf_CFI, dwarf_cfi_end>;
using FrameHandle = CHandle<Dwarf_Frame, std::free>;

struct Op {
    int atom = 0;
    std::int64_t number = 0;
    bool operator==(const Op&) const = default;
};
using Ops = std::vector<Op>;

/// A register plus an offset is DW_OP_bregN, however libdw writes it.
Ops simplified(const Dwarf_Op* ops, std::size_t count) {
    Ops simple;
    for (std::size_t i = 0; i < count; ++i) {
        const bool extended = ops[i].atom == DW_OP_bregx;
        const int atom =
            extended ? DW_OP_breg0 + static_cast<int>(ops[i].number) : int{ops[i].atom};
        simple.push_back(
            {atom, static_cast<std::int64_t>(extended ? ops[i].number2 : ops[i].number)});
    }
    return simple;
}

Ops cfa_ops(Dwarf_Frame* frame) {
    Dwarf_Op* ops = nullptr;
    std::size_t count = 0;
    if (dwarf_frame_cfa(frame, &ops, &count) != 0) return {};
    return simplified(ops, count);
}

struct Register {
    enum class Kind { undefined, same, computed } kind = Kind::computed;
    Ops ops;
};

Register register_ops(Dwarf_Frame* frame, int number) {
    Dwarf_Op memory[3];
    Dwarf_Op* ops = nullptr;
    std::size_t count = 0;
    if (dwarf_frame_register(frame, number, memory, &ops, &count) != 0) return {};
    if (count == 0) return {ops == nullptr ? Register::Kind::same : Register::Kind::undefined, {}};
    return {Register::Kind::computed, simplified(ops, count)};
}

/// The n of "at CFA + n".
std::optional<std::int64_t> offset_from_cfa(const Register& where) {
    const Ops& ops = where.ops;
    if (ops == Ops{{DW_OP_call_frame_cfa, 0}}) return 0;
    if (ops.size() != 2 || ops[0].atom != DW_OP_call_frame_cfa) return std::nullopt;
    if (ops[1].atom != DW_OP_plus_uconst) return std::nullopt;
    return ops[1].number;
}

/// The n of "at register + n", which libdw has begin with a CFA that is not used.
std::optional<std::int64_t> offset_from_register(const Register& where, int number) {
    const Ops& ops = where.ops;
    if (ops.size() != 2 || ops[0].atom != DW_OP_call_frame_cfa) return std::nullopt;
    if (ops[1].atom != DW_OP_breg0 + number) return std::nullopt;
    return ops[1].number;
}

bool fits_16_bits(std::int64_t number) {
    return number >= INT16_MIN && number <= INT16_MAX;
}

void expect_saved(const Register& where, __u8& kind, __s16& offset) {
    kind = SEEP_SAVED_UNKNOWN;
    if (where.kind == Register::Kind::same) kind = SEEP_SAVED_SAME;
    if (const auto at = offset_from_cfa(where); at && fits_16_bits(*at)) {
        kind = SEEP_SAVED_AT_CFA;
        offset = static_cast<__s16>(*at);
    }
    if (const auto at = offset_from_register(where, 6); at && fits_16_bits(*at)) {
        kind = SEEP_SAVED_AT_FP;
        offset = static_cast<__s16>(*at);
    }
}

seep_rule expected_cfa(const Ops& ops) {
    seep_rule rule{};
    rule.cfa = SEEP_CFA_UNSUPPORTED;
    const bool deref = ops.size() > 1 && ops[1].atom == DW_OP_deref;
    const bool add = ops.size() == 3 && ops[2].atom == DW_OP_plus_uconst;
    const int base = ops.empty() ? -1 : ops[0].atom - DW_OP_breg0;
    if (ops.size() == 1) {
        if (base == 7) rule.cfa = SEEP_CFA_SP;
        if (base == 6) rule.cfa = SEEP_CFA_FP;
        if (base == 3) rule.cfa = SEEP_CFA_BX;
    } else if (deref && (ops.size() == 2 || (add && fits_16_bits(ops[2].number)))) {
        if (base == 7) rule.cfa = SEEP_CFA_SP_DEREF;
        if (base == 6) rule.cfa = SEEP_CFA_FP_DEREF;
        if (add) rule.cfa_add = static_cast<__s16>(ops[2].number);
    }
    if (!ops.empty()) rule.cfa_offset = static_cast<__s32>(ops[0].number);
    for (int literal = 0; literal < 16; ++literal) {
        const Ops plt = {{DW_OP_breg7, 8},
                         {DW_OP_breg16, 0},
                         {DW_OP_lit15, 0},
                         {DW_OP_and, 0},
                         {DW_OP_lit0 + literal, 0},
                         {DW_OP_ge, 0},
                         {DW_OP_lit3, 0},
                         {DW_OP_shl, 0},
                         {DW_OP_plus, 0}};
        if (ops != plt) continue;
        rule.cfa = SEEP_CFA_PLT;
        rule.cfa_offset = literal;
    }
    if (rule.cfa != SEEP_CFA_UNSUPPORTED) return rule;
    rule = {};
    rule.cfa = SEEP_CFA_UNSUPPORTED;
    return rule;
}

seep_rule rule_of_kind(seep_cfa kind) {
    seep_rule rule{};
    rule.cfa = static_cast<__u8>(kind);
    return rule;
}

bool is_signal_frame(Dwarf_Frame* frame) {
    return cfa_ops(frame) == Ops{{DW_OP_breg7, 160}, {DW_OP_deref, 0}} &&
           offset_from_register(register_ops(frame, 16), 7) == 168 &&
           offset_from_register(register_ops(frame, 7), 7) == 160 &&
           offset_from_register(register_ops(frame, 6), 7) == 120 &&
           offset_from_register(register_ops(frame, 3), 7) == 128;
}

seep_rule expected_rule(Dwarf_Frame* frame, bool signal_frame) {
    const Register return_address = register_ops(frame, 16);
    if (return_address.kind == Register::Kind::undefined) return rule_of_kind(SEEP_CFA_END);
    if (signal_frame) {
        return rule_of_kind(is_signal_frame(frame) ? SEEP_CFA_SIGNAL : SEEP_CFA_UNSUPPORTED);
    }
    if (offset_from_cfa(return_address) != -8) return rule_of_kind(SEEP_CFA_UNSUPPORTED);
    seep_rule rule = expected_cfa(cfa_ops(frame));
    if (rule.cfa == SEEP_CFA_UNSUPPORTED) return rule;
    expect_saved(register_ops(frame, 6), rule.fp, rule.fp_offset);
    Register bx = register_ops(frame, 3);
    // libdw 0.192 preserves rax where the ABI preserves rbx (backends/x86_64_cfi.c, 0 in place of
    // 3), so that rbx counts as undefined where nothing is said of it.
    if (bx.kind == Register::Kind::undefined) bx.kind = Register::Kind::same;
    expect_saved(bx, rule.bx, rule.bx_offset);
    return rule;
}

/// Function starts as the linker sorted them into .eh_frame_hdr, in the one encoding that linkers
/// use (datarel, sdata4).
std::vector<std::uint64_t> function_starts(Elf* elf) {
    std::vector<std::uint64_t> starts;
    std::size_t count = 0;
    elf_getphdrnum(elf, &count);
    for (std::size_t i = 0; i < count; ++i) {
        GElf_Phdr header;
        if (gelf_getphdr(elf, static_cast<int>(i), &header) == nullptr) continue;
        if (header.p_type != PT_GNU_EH_FRAME) continue;
        const Elf_Data* data = elf_getdata_rawchunk(elf, static_cast<std::int64_t>(header.p_offset),
                                                    header.p_filesz, ELF_T_BYTE);
        const auto* bytes = data == nullptr ? nullptr : static_cast<const char*>(data->d_buf);
        if (bytes == nullptr || data->d_size < 12) continue;
        if (bytes[2] != DW_EH_PE_udata4 || bytes[3] != (DW_EH_PE_datarel | DW_EH_PE_sdata4))
            continue;
        for (std::size_t at = 12; at + 8 <= data->d_size; at += 8) {
            std::int32_t start = 0;
            std::memcpy(&start, bytes + at, sizeof start);
            starts.push_back(header.p_vaddr + static_cast<std::uint64_t>(std::int64_t{start}));
        }
    }
    return starts;
}

/// Addresses at which the table has rows.
std::vector<std::uint64_t> row_starts(const UnwindTable& table) {
    const auto half_word = [&](std::size_t first, std::size_t index) {
        return static_cast<std::uint32_t>(table.words[first + index / 2] >> (index % 2 * 32));
    };
    std::vector<std::uint64_t> starts;
    for (std::uint64_t block = 0; block < table.blocks; ++block) {
        for (std::uint32_t row = half_word(0, block); row < half_word(0, block + 1); ++row) {
            starts.push_back(table.base + (block << SEEP_BLOCK_SHIFT) +
                             (half_word(table.rows, row) >> 16));
        }
    }
    return starts;
}

class Comparer {
 public:
    /// `debug_cfi`: for what the other says nothing of; null if there is none.
    Comparer(const UnwindTable& table, Dwarf_CFI* cfi, Dwarf_CFI* debug_cfi)
        : table_(table), cfi_(cfi), debug_cfi_(debug_cfi) {}

    /// Compares libdw's rows from the address up to `end`, or to where it knows none.
    void compare_function(std::uint64_t address, std::uint64_t end) {
        while (address < end) address = std::max(compare_row(address), address + 1);
    }
    /// Compares at an address where only the table may have a row.
    void compare_extra_row(std::uint64_t address) {
        if (!std::ranges::binary_search(seen_, address)) compare_row(address);
    }
    void sort_seen() { std::ranges::sort(seen_); }
    [[nodiscard]] const Comparison& result() const { return result_; }

 private:
    /// Where the row at the address ends; the end of all addresses if there is none.
    std::uint64_t compare_row(std::uint64_t address) {
        Dwarf_Frame* raw_frame = nullptr;
        if (dwarf_cfi_addrframe(cfi_, address, &raw_frame) != 0 &&
            (debug_cfi_ == nullptr || dwarf_cfi_addrframe(debug_cfi_, address, &raw_frame) != 0)) {
            compare_at(address, {});
            return UINT64_MAX;
        }
        const FrameHandle frame(raw_frame);
        Dwarf_Addr start = 0;
        Dwarf_Addr end = 0;
        bool signal_frame = false;
        dwarf_frame_info(frame.get(), &start, &end, &signal_frame);
        const seep_rule expected = expected_rule(frame.get(), signal_frame);
        ++result_.rows;
        seen_.push_back(address);
        compare_at(address, expected);
        compare_at(end - 1, expected);
        return end;
    }

    void compare_at(std::uint64_t address, const seep_rule& expected) {
        const seep_rule found = find_rule(table_, address);
        if (std::memcmp(&found, &expected, sizeof found) == 0) return;
        // Of Go's calls of C the table knows better (go_calls.h).
        if (found.cfa == SEEP_CFA_FP_ELSEWHERE) return;
        if (result_.disagreements++ > 0) return;
        result_.first =
            fmt::format("at {:#x}: {}, libdw: {}", address, text_of(found), text_of(expected));
    }

    const UnwindTable& table_;
    Dwarf_CFI* cfi_;
    Dwarf_CFI* debug_cfi_;
    std::vector<std::uint64_t> seen_;
    Comparison result_;
};

}  // namespace

std::string text_of(const seep_rule& rule) {
    return fmt::format("cfa={} {}+{} fp={} {} bx={} {}", rule.cfa, rule.cfa_offset, rule.cfa_add,
                       rule.fp, rule.fp_offset, rule.bx, rule.bx_offset);
}

Comparison compare_with_libdw(const UnwindTable& table, int fd, std::size_t stride) {
    elf_version(EV_CURRENT);
    const ElfHandle elf(elf_begin(fd, ELF_C_READ_MMAP, nullptr));
    Dwarf_CFI* const cfi = dwarf_getcfi_elf(elf.get());
    const CfiHandle owner(cfi);
    if (cfi == nullptr) return {0, 1, "libdw finds no CFI"};
    const DwarfHandle dwarf(dwarf_begin_elf(elf.get(), DWARF_C_READ, nullptr));
    Comparer comparer(table, cfi, dwarf == nullptr ? nullptr : dwarf_getcfi(dwarf.get()));
    std::vector<std::uint64_t> functions = function_starts(elf.get());
    functions.push_back(UINT64_MAX);
    for (std::size_t i = 0; i + 1 < functions.size(); i += stride) {
        comparer.compare_function(functions[i], functions[i + 1]);
    }
    comparer.sort_seen();
    const std::vector<std::uint64_t> rows = row_starts(table);
    for (std::size_t i = 0; i < rows.size(); i += stride) comparer.compare_extra_row(rows[i]);
    return comparer.result();
}

}  // namespace seep::test
