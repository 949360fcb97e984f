// SPDX-License-Identifier: GPL-2.0-only
#include "probes/calibration_code.h"

// Nine functions of 32 bytes, by kind and within it by way to see the result; the return
// instruction is the last byte of each.
asm(R"asm(
    .pushsection .text
    .macro seep_calibration_functions first, second=
    .rept 3
    0:
    \first
    \second
    mov %rsi, %rax
    .fill 31 - (. - 0b), 1, 0x90
    ret
    .endr
    .endm

    .balign 32
    .type seep_calibration_code, @function
seep_calibration_code:
    seep_calibration_functions ".byte 0x0f, 0x1f, 0x44, 0, 0"
    seep_calibration_functions "push %rbx" "pop %rbx"
    seep_calibration_functions "test %rdi, %rdi"
    .size seep_calibration_code, . - seep_calibration_code

    .balign 32
    .type seep_calibration_descend, @function
seep_calibration_descend:
    push %rbx
    test %rdi, %rdi
    jz 1f
    dec %rdi
    call seep_calibration_descend
    pop %rbx
    ret
1:  mov %rsi, %rax
    mov %rdx, %rdi
    mov %rcx, %rsi
    call *%rax
    pop %rbx
    ret
seep_calibration_descend_end:
    .size seep_calibration_descend, . - seep_calibration_descend
    .popsection
)asm");

extern "C" const std::byte seep_calibration_code[];
extern "C" void* seep_calibration_descend(std::size_t, void* (*)(std::size_t, void*), std::size_t,
                                          void*);
extern "C" const std::byte seep_calibration_descend_end[];

namespace seep {

CalibrationFunction calibration_function(SiteKind kind, ExitProbe exit) {
    constexpr std::uintptr_t size = 32;
    constexpr std::uintptr_t ways = 3;
    const std::uintptr_t index =
        static_cast<std::uintptr_t>(kind) * ways + static_cast<std::uintptr_t>(exit);
    const std::uintptr_t entry =
        reinterpret_cast<std::uintptr_t>(seep_calibration_code) + index * size;
    return {reinterpret_cast<void* (*)(std::size_t, void*)>(entry), entry, entry + size - 1};
}

CalibrationStack calibration_stack() {
    // Wherever it calls, one register has been pushed.
    constexpr seep_rule rule{.cfa_offset = 16,
                             .cfa_add = 0,
                             .fp_offset = 0,
                             .bx_offset = -16,
                             .cfa = SEEP_CFA_SP,
                             .fp = SEEP_SAVED_SAME,
                             .bx = SEEP_SAVED_AT_CFA,
                             .pad = {}};
    return {seep_calibration_descend, reinterpret_cast<std::uintptr_t>(seep_calibration_descend),
            reinterpret_cast<std::uintptr_t>(seep_calibration_descend_end), rule};
}

}  // namespace seep
