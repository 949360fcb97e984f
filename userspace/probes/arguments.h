// SPDX-License-Identifier: GPL-2.0-only
#pragma once

// Where a function's arguments are, some instructions after its entry. Compilers like to move them
// first (mimalloc's malloc puts the size where the second argument was and the heap where the size
// was), and a probe behind that move can still read them:
//
//     ArgumentRegisters registers;      // argument n in register n
//     registers.pass(mov_rdi_to_rsi);   // argument 1 in registers 1 and 2
//     registers.pass(load_of_rdi);      // argument 1 in register 2
//
// Registers are numbered as the arguments they carry at a call. Values only.

#include <array>
#include <cstdint>
#include <optional>

#include "probes/catalogue.h"
#include "probes/code.h"

namespace seep {

class ArgumentRegisters {
 public:
    /// Takes note of what the instruction does to them.
    void pass(const Instruction& instruction);

    /// The function with each argument's number replaced by that of a register which holds it now;
    /// nullopt if one is gone.
    [[nodiscard]] std::optional<AllocatorFunction> locate(AllocatorFunction function) const;

 private:
    std::array<std::uint8_t, 7> argument_in_ = {0, 1, 2, 3, 4, 5, 6};  ///< By register; 0: none.
};

}  // namespace seep
