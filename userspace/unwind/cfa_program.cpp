// SPDX-License-Identifier: GPL-2.0-only
#include "unwind/cfa_program.h"

#include <dwarf.h>

#include <algorithm>

namespace seep {
namespace {

// Compilers nest once or twice.
constexpr std::size_t max_remembered = 64;

constexpr std::uint8_t primary_mask = 0xc0;
constexpr std::uint8_t operand_mask = 0x3f;

using SavedKind = SavedRule::Kind;

}  // namespace

CfaProgram::CfaProgram(const CfiFunction& function)
    : CfaProgram(*function.common, ByteCursor(function.program, function.program_address),
                 function.start, function.end) {}

CfaProgram::CfaProgram(const CfiCommon& common, ByteCursor program, std::uint64_t start,
                       std::uint64_t end)
    : common_(common),
      cursor_(program),
      state_(common.initial),
      location_(start),
      end_(end),
      row_{.start = start, .end = start} {}

bool CfaProgram::run_initial(CfiCommon& common, Bytes program) {
    // Initial instructions hold for the whole of every function, so none of them may move on.
    CfaProgram machine(common, ByteCursor(program), 0, 1);
    machine.next_row();
    if (!machine.row_.known || machine.location_ != 0) return false;
    common.initial = machine.state_;
    return true;
}

bool CfaProgram::next_row() {
    if (row_.end >= end_) return false;
    row_.start = row_.end;
    while (location_ == row_.start && !malformed_ && !cursor_.at_end()) step();
    row_.known = !malformed_;
    row_.end = location_ > row_.start ? location_ : end_;
    return true;
}

/// Modulo 2^64, which a signed factor and a hostile one both need.
std::int64_t CfaProgram::scaled(std::uint64_t factored) const {
    return static_cast<std::int64_t>(factored * static_cast<std::uint64_t>(common_.data_alignment));
}

void CfaProgram::set_location(std::uint64_t location) {
    if (location < location_) {
        malformed_ = true;
    } else {
        location_ = std::min(location, end_);
    }
}

void CfaProgram::advance(std::uint64_t delta) {
    std::uint64_t bytes = 0;
    std::uint64_t location = 0;
    const bool wraps = __builtin_mul_overflow(delta, common_.code_alignment, &bytes) ||
                       __builtin_add_overflow(location_, bytes, &location);
    set_location(wraps ? end_ : location);
}

void CfaProgram::define_cfa(std::uint64_t base_register, std::int64_t offset) {
    state_.cfa = {CfaRule::Kind::register_plus_offset, base_register, offset, {}};
}

void CfaProgram::save(std::uint64_t number, SavedRule rule) {
    if (const auto which = followed_register(number)) {
        state_.saved[static_cast<std::size_t>(*which)] = rule;
    }
}

void CfaProgram::save_at(std::uint64_t number, std::uint64_t factored_offset) {
    save(number, {SavedKind::at_cfa_plus_offset, scaled(factored_offset), {}});
}

void CfaProgram::restore(std::uint64_t number) {
    if (const auto which = followed_register(number)) save(number, common_.initial.of(*which));
}

void CfaProgram::remember_state() {
    malformed_ |= remembered_.size() == max_remembered;
    if (!malformed_) remembered_.push_back(state_);
}

void CfaProgram::restore_state() {
    malformed_ |= remembered_.empty();
    if (malformed_) return;
    state_ = remembered_.back();
    remembered_.pop_back();
}

void CfaProgram::step() {
    const auto opcode = cursor_.fixed<std::uint8_t>();
    const std::uint8_t operand = opcode & operand_mask;
    switch (opcode & primary_mask) {
        case DW_CFA_advance_loc:
            advance(operand);
            break;
        case DW_CFA_offset:
            save_at(operand, cursor_.uleb());
            break;
        case DW_CFA_restore:
            restore(operand);
            break;
        default:
            malformed_ |= !step_location(opcode) && !step_cfa(opcode) && !step_saved(opcode);
    }
    malformed_ |= !cursor_.ok();
}

bool CfaProgram::step_location(std::uint8_t opcode) {
    switch (opcode) {
        case DW_CFA_nop:
            return true;
        case DW_CFA_set_loc:
            set_location(cursor_.pointer(common_.pointer_encoding));
            return true;
        case DW_CFA_advance_loc1:
            advance(cursor_.fixed<std::uint8_t>());
            return true;
        case DW_CFA_advance_loc2:
            advance(cursor_.fixed<std::uint16_t>());
            return true;
        case DW_CFA_advance_loc4:
            advance(cursor_.fixed<std::uint32_t>());
            return true;
        case DW_CFA_remember_state:
            remember_state();
            return true;
        case DW_CFA_restore_state:
            restore_state();
            return true;
        case DW_CFA_GNU_args_size:  // of use to landing pads only
            cursor_.uleb();
            return true;
        default:
            return false;
    }
}

bool CfaProgram::step_cfa(std::uint8_t opcode) {
    CfaRule& cfa = state_.cfa;
    switch (opcode) {
        case DW_CFA_def_cfa: {
            const std::uint64_t base_register = cursor_.uleb();
            define_cfa(base_register, static_cast<std::int64_t>(cursor_.uleb()));
            return true;
        }
        case DW_CFA_def_cfa_sf: {
            const std::uint64_t base_register = cursor_.uleb();
            define_cfa(base_register, scaled(static_cast<std::uint64_t>(cursor_.sleb())));
            return true;
        }
        case DW_CFA_def_cfa_expression:
            cfa = {CfaRule::Kind::expression, 0, 0, expression()};
            return true;
        default:
            break;
    }
    // The rest changes one half of a rule of this kind.
    if (cfa.kind != CfaRule::Kind::register_plus_offset) return false;
    switch (opcode) {
        case DW_CFA_def_cfa_register:
            cfa.base_register = cursor_.uleb();
            return true;
        case DW_CFA_def_cfa_offset:
            cfa.offset = static_cast<std::int64_t>(cursor_.uleb());
            return true;
        case DW_CFA_def_cfa_offset_sf:
            cfa.offset = scaled(static_cast<std::uint64_t>(cursor_.sleb()));
            return true;
        default:
            return false;
    }
}

bool CfaProgram::step_saved(std::uint8_t opcode) {
    const std::uint64_t number = cursor_.uleb();
    switch (opcode) {
        case DW_CFA_offset_extended:
            save_at(number, cursor_.uleb());
            return true;
        case DW_CFA_offset_extended_sf:
            save_at(number, static_cast<std::uint64_t>(cursor_.sleb()));
            return true;
        case DW_CFA_restore_extended:
            restore(number);
            return true;
        case DW_CFA_undefined:
            save(number, {SavedKind::undefined, 0, {}});
            return true;
        case DW_CFA_same_value:
            save(number, {SavedKind::same, 0, {}});
            return true;
        case DW_CFA_expression:
            save(number, {SavedKind::at_expression, 0, expression()});
            return true;
        case DW_CFA_val_expression:
            expression();
            save(number, {SavedKind::other, 0, {}});
            return true;
        case DW_CFA_register:
        case DW_CFA_val_offset:
        case DW_CFA_val_offset_sf:
            cursor_.uleb();
            save(number, {SavedKind::other, 0, {}});
            return true;
        default:
            return false;
    }
}

}  // namespace seep
