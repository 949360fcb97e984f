// SPDX-License-Identifier: GPL-2.0-only
#pragma once

// Executes the instructions of CFI (DWARF 5, 6.4.2). Written here because libdw starts a function's
// program anew for every address that it is asked about: LLVM 14's 861,000 rows take it half a
// second, and take 0.06 s here; a process has a hundred libraries. Tests hold the rows against
// libdw's. Programs are untrusted: whatever they say, execution is linear in their length, and what
// cannot be understood makes the rest of the function one row that is not `known`. Not thread-safe.
//
//     CfaProgram program(function);
//     while (program.next_row()) use(program.row());

#include <cstdint>
#include <vector>

#include "unwind/byte_cursor.h"
#include "unwind/cfa_state.h"
#include "unwind/cfi_entries.h"

namespace seep {

/// A range of addresses at which one state holds.
struct CfaRow {
    std::uint64_t start = 0;
    std::uint64_t end = 0;
    bool known = true;
};

class CfaProgram {
 public:
    explicit CfaProgram(const CfiFunction& function);

    /// Goes to the next row; false at the function's end. Rows cover the function without gaps, in
    /// ascending order.
    bool next_row();
    [[nodiscard]] const CfaRow& row() const { return row_; }
    /// Of the row, if it is known.
    [[nodiscard]] const CfaState& state() const { return state_; }

    /// Executes a CIE's initial instructions into common.initial; false if they make no sense.
    static bool run_initial(CfiCommon& common, Bytes program);

 private:
    CfaProgram(const CfiCommon& common, ByteCursor program, std::uint64_t start, std::uint64_t end);

    void step();
    bool step_location(std::uint8_t opcode);
    bool step_cfa(std::uint8_t opcode);
    bool step_saved(std::uint8_t opcode);
    void define_cfa(std::uint64_t base_register, std::int64_t offset);
    void save(std::uint64_t number, SavedRule rule);
    void save_at(std::uint64_t number, std::uint64_t factored_offset);
    void restore(std::uint64_t number);
    void remember_state();
    void restore_state();
    void advance(std::uint64_t delta);
    void set_location(std::uint64_t location);
    Bytes expression() { return cursor_.block(cursor_.uleb()); }
    [[nodiscard]] std::int64_t scaled(std::uint64_t factored) const;

    const CfiCommon& common_;
    ByteCursor cursor_;
    CfaState state_;
    std::vector<CfaState> remembered_;
    std::uint64_t location_;
    std::uint64_t end_;
    bool malformed_ = false;
    CfaRow row_;
};

}  // namespace seep
