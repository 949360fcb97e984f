// SPDX-License-Identifier: GPL-2.0-only
//
// Registers and conventions of x86-64 (System V ABI, AMD64 supplement, 3.6.2).
#include <dwarf.h>

#include <limits>
#include <optional>

#include "unwind/rules.h"

namespace seep {
namespace {

constexpr std::uint64_t dwarf_rbx = 3;
constexpr std::uint64_t dwarf_rbp = 6;
constexpr std::uint64_t dwarf_rsp = 7;
constexpr std::uint64_t dwarf_rip = 16;

// Where struct rt_sigframe keeps registers (arch/x86/include/asm/sigframe.h), from what rsp is when
// the handler has returned: behind the return address follow uc_flags, uc_link, uc_stack and the
// registers in the order of struct sigcontext.
constexpr std::int64_t signal_rbp = 120;
constexpr std::int64_t signal_rbx = 128;
constexpr std::int64_t signal_rsp = 160;
constexpr std::int64_t signal_rip = 168;

/// register + offset
struct Place {
    std::uint64_t base_register = 0;
    std::int64_t offset = 0;
    bool operator==(const Place&) const = default;
};

/// *(place) + add
struct DereferencedPlace {
    Place place;
    std::int64_t add = 0;
};

std::optional<Place> take_place(ByteCursor& expression) {
    const auto opcode = expression.fixed<std::uint8_t>();
    if (opcode < DW_OP_breg0 || opcode > DW_OP_breg31) return std::nullopt;
    const std::int64_t offset = expression.sleb();
    if (!expression.ok()) return std::nullopt;
    return Place{static_cast<std::uint64_t>(opcode - DW_OP_breg0), offset};
}

bool take_opcode(ByteCursor& expression, std::uint8_t opcode) {
    return expression.fixed<std::uint8_t>() == opcode && expression.ok();
}

/// DW_OP_bregN offset
std::optional<Place> as_place(Bytes bytes) {
    ByteCursor expression(bytes);
    const auto place = take_place(expression);
    return expression.at_end() ? place : std::nullopt;
}

/// DW_OP_bregN offset; deref; and perhaps plus_uconst
std::optional<DereferencedPlace> as_dereferenced_place(Bytes bytes) {
    ByteCursor expression(bytes);
    const auto place = take_place(expression);
    if (!place || !take_opcode(expression, DW_OP_deref)) return std::nullopt;
    if (expression.at_end()) return DereferencedPlace{*place, 0};
    if (!take_opcode(expression, DW_OP_plus_uconst)) return std::nullopt;
    const std::uint64_t add = expression.uleb();
    if (!expression.ok() || !expression.at_end()) return std::nullopt;
    return DereferencedPlace{*place, static_cast<std::int64_t>(add)};
}

/// What the linker writes for its PLT, whose entries are 16 bytes and push one word somewhere in
/// them: rsp + 8 + ((rip & 15) >= n) * 8. The n.
std::optional<std::int32_t> as_plt(Bytes bytes) {
    ByteCursor expression(bytes);
    if (take_place(expression) != Place{dwarf_rsp, 8} ||
        take_place(expression) != Place{dwarf_rip, 0} || !take_opcode(expression, DW_OP_lit15) ||
        !take_opcode(expression, DW_OP_and)) {
        return std::nullopt;
    }
    const int literal = expression.fixed<std::uint8_t>() - DW_OP_lit0;
    if (literal < 0 || literal > 15) return std::nullopt;
    for (const std::uint8_t opcode : {DW_OP_ge, DW_OP_lit3, DW_OP_shl, DW_OP_plus}) {
        if (!take_opcode(expression, opcode)) return std::nullopt;
    }
    if (!expression.at_end()) return std::nullopt;
    return literal;
}

template <typename Field>
bool assign(Field& field, std::int64_t number) {
    field = static_cast<Field>(number);
    return field == number;
}

TranslatedRule rule_of_register(const CfaRule& cfa) {
    TranslatedRule translated;
    switch (cfa.base_register) {
        case dwarf_rsp:
            translated.rule.cfa = SEEP_CFA_SP;
            break;
        case dwarf_rbp:
            translated.rule.cfa = SEEP_CFA_FP;
            break;
        case dwarf_rbx:
            translated.rule.cfa = SEEP_CFA_BX;
            break;
        default:
            return unsupported_rule(Unsupported::cfa_register);
    }
    if (assign(translated.rule.cfa_offset, cfa.offset)) return translated;
    return unsupported_rule(Unsupported::offset_range);
}

TranslatedRule rule_of_expression(const CfaRule& cfa) {
    TranslatedRule translated;
    if (const auto plt = as_plt(cfa.expression)) {
        translated.rule.cfa = SEEP_CFA_PLT;
        translated.rule.cfa_offset = *plt;
        return translated;
    }
    const auto at = as_dereferenced_place(cfa.expression);
    if (!at) return unsupported_rule(Unsupported::cfa_expression);
    if (at->place.base_register == dwarf_rsp) {
        translated.rule.cfa = SEEP_CFA_SP_DEREF;
    } else if (at->place.base_register == dwarf_rbp) {
        translated.rule.cfa = SEEP_CFA_FP_DEREF;
    } else {
        return unsupported_rule(Unsupported::cfa_register);
    }
    if (assign(translated.rule.cfa_offset, at->place.offset) &&
        assign(translated.rule.cfa_add, at->add)) {
        return translated;
    }
    return unsupported_rule(Unsupported::offset_range);
}

/// Callee-saved registers of which nothing is said still have the caller's value.
void translate_saved(const SavedRule& saved, std::uint8_t& kind, std::int16_t& offset) {
    kind = SEEP_SAVED_UNKNOWN;
    offset = 0;
    switch (saved.kind) {
        case SavedRule::Kind::unspecified:
        case SavedRule::Kind::same:
            kind = SEEP_SAVED_SAME;
            break;
        case SavedRule::Kind::at_cfa_plus_offset:
            if (assign(offset, saved.offset)) kind = SEEP_SAVED_AT_CFA;
            break;
        case SavedRule::Kind::at_expression: {
            const auto place = as_place(saved.expression);
            const bool at_fp = place && place->base_register == dwarf_rbp;
            if (at_fp && assign(offset, place->offset)) kind = SEEP_SAVED_AT_FP;
            break;
        }
        default:
            break;
    }
    if (kind == SEEP_SAVED_UNKNOWN) offset = 0;
}

bool is_kernels_signal_frame(const CfaState& state) {
    const auto is_at = [&](Followed which, std::int64_t offset) {
        return state.of(which).kind == SavedRule::Kind::at_expression &&
               as_place(state.of(which).expression) == Place{dwarf_rsp, offset};
    };
    const auto cfa = as_dereferenced_place(state.cfa.expression);
    return cfa && cfa->place == Place{dwarf_rsp, signal_rsp} && cfa->add == 0 &&
           is_at(Followed::return_address, signal_rip) && is_at(Followed::sp, signal_rsp) &&
           is_at(Followed::fp, signal_rbp) && is_at(Followed::bx, signal_rbx);
}

}  // namespace

std::optional<Followed> followed_register(std::uint64_t number) {
    switch (number) {
        case dwarf_rbx:
            return Followed::bx;
        case dwarf_rbp:
            return Followed::fp;
        case dwarf_rsp:
            return Followed::sp;
        case dwarf_rip:
            return Followed::return_address;
        default:
            return std::nullopt;
    }
}

TranslatedRule unsupported_rule(Unsupported reason) {
    TranslatedRule translated;
    translated.rule.cfa = SEEP_CFA_UNSUPPORTED;
    translated.reason = reason;
    return translated;
}

TranslatedRule translate_rule(const CfaState& state, bool signal_frame) {
    TranslatedRule translated;
    const SavedRule& return_address = state.of(Followed::return_address);
    if (return_address.kind == SavedRule::Kind::undefined) {
        translated.rule.cfa = SEEP_CFA_END;
        return translated;
    }
    if (signal_frame) {
        if (!is_kernels_signal_frame(state)) return unsupported_rule(Unsupported::signal_frame);
        translated.rule.cfa = SEEP_CFA_SIGNAL;
        return translated;
    }
    if (return_address.kind != SavedRule::Kind::at_cfa_plus_offset || return_address.offset != -8) {
        return unsupported_rule(Unsupported::return_address);
    }
    switch (state.cfa.kind) {
        case CfaRule::Kind::none:
            return unsupported_rule(Unsupported::malformed);
        case CfaRule::Kind::register_plus_offset:
            translated = rule_of_register(state.cfa);
            break;
        case CfaRule::Kind::expression:
            translated = rule_of_expression(state.cfa);
            break;
    }
    if (translated.reason != Unsupported::none) return translated;
    translate_saved(state.of(Followed::fp), translated.rule.fp, translated.rule.fp_offset);
    translate_saved(state.of(Followed::bx), translated.rule.bx, translated.rule.bx_offset);
    return translated;
}

std::string_view name_of(Unsupported reason) {
    constexpr std::array<std::string_view, unsupported_reasons> names = {
        "none",           "CFA register", "CFA expression", "offset range",
        "return address", "signal frame", "malformed",      "too many rules"};
    return names[static_cast<std::size_t>(reason)];
}

}  // namespace seep
