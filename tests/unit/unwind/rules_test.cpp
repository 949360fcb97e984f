// SPDX-License-Identifier: GPL-2.0-only

// Each kind of rule, from a function that the assembler describes so.
#include <gtest/gtest.h>

#include "oracle.h"
#include "support.h"

namespace seep {
namespace {

using test::text_of;

/// The table of functions that begin at the start of .text, one nop a row unless they say
/// otherwise.
class Code {
 public:
    explicit Code(const std::string& body)
        : table_(test::table_of(test::assemble(".text\n" + body + "\n", "-Wl,--no-eh-frame-hdr"))) {
    }

    /// At an offset from the first function.
    [[nodiscard]] std::string rule(std::uint64_t offset) const {
        return text_of(find_rule(table_, table_.base + offset));
    }
    [[nodiscard]] const UnwindTable& table() const { return table_; }
    [[nodiscard]] std::uint64_t unsupported(Unsupported reason) const {
        return table_.counts.unsupported[static_cast<std::size_t>(reason)];
    }

 private:
    UnwindTable table_;
};

std::string function(const std::string& body) {
    return ".cfi_startproc\n nop\n" + body + "\n nop\n.cfi_endproc\n";
}

constexpr auto unknown = "cfa=0 0+0 fp=0 0 bx=0 0";
constexpr auto at_entry = "cfa=1 8+0 fp=0 0 bx=0 0";
constexpr auto unsupported = "cfa=9 0+0 fp=0 0 bx=0 0";

TEST(Rules, follow_stack_and_frame_pointer) {
    const Code code(function(R"(
        .cfi_def_cfa_offset 16
        .cfi_offset rbp, -16
        nop
        .cfi_def_cfa_register rbp
        nop
        .cfi_offset rbx, -24
        nop
        .cfi_def_cfa rbx, 40
        nop
        .cfi_same_value rbx
        .cfi_undefined rbp
    )"));
    EXPECT_EQ(code.rule(0), at_entry);
    EXPECT_EQ(code.rule(1), "cfa=1 16+0 fp=1 -16 bx=0 0");
    EXPECT_EQ(code.rule(2), "cfa=2 16+0 fp=1 -16 bx=0 0");
    EXPECT_EQ(code.rule(3), "cfa=2 16+0 fp=1 -16 bx=1 -24");
    EXPECT_EQ(code.rule(4), "cfa=3 40+0 fp=1 -16 bx=1 -24");
    EXPECT_EQ(code.rule(5), "cfa=3 40+0 fp=3 0 bx=0 0");
}

TEST(Rules, restore_all_of_a_remembered_state) {
    const Code code(function(R"(
        .cfi_remember_state
        .cfi_def_cfa rbp, 16
        .cfi_offset rbx, -24
        nop
        .cfi_restore_state
        nop
        .cfi_offset rbx, -32
        nop
        .cfi_restore rbx
    )"));
    EXPECT_EQ(code.rule(1), "cfa=2 16+0 fp=0 0 bx=1 -24");
    EXPECT_EQ(code.rule(2), at_entry);
    EXPECT_EQ(code.rule(3), "cfa=1 8+0 fp=0 0 bx=1 -32");
    EXPECT_EQ(code.rule(4), at_entry);
}

TEST(Rules, know_the_frames_of_functions_that_align_their_stack) {
    // DW_CFA_def_cfa_expression: breg6 -8, deref; DW_CFA_expression rbp: breg6 0, rbx: breg6 -24
    const Code code(function(R"(
        .cfi_escape 0x0f,3,0x76,0x78,0x06
        .cfi_escape 0x10,6,2,0x76,0
        .cfi_escape 0x10,3,2,0x76,0x68
        nop
        # breg7 16, deref, plus_uconst 24
        .cfi_escape 0x0f,5,0x77,0x10,0x06,0x23,0x18
    )"));
    EXPECT_EQ(code.rule(1), "cfa=5 -8+0 fp=2 0 bx=2 -24");
    EXPECT_EQ(code.rule(2), "cfa=4 16+24 fp=2 0 bx=2 -24");
}

TEST(Rules, know_the_linkers_table_of_calls) {
    // As ld writes it: breg7 8, breg16 0, lit15, and, lit11, ge, lit3, shl, plus.
    const Code code(
        function(".cfi_escape 0x0f,11,0x77,0x08,0x80,0x00,0x3f,0x1a,0x3b,0x2a,0x33,0x24,0x22"));
    EXPECT_EQ(code.rule(1), "cfa=6 11+0 fp=0 0 bx=0 0");
}

TEST(Rules, end_where_the_return_address_is_undefined) {
    const Code code(function(".cfi_offset rbp, -16\n.cfi_undefined rip"));
    EXPECT_EQ(code.rule(0), at_entry);
    EXPECT_EQ(code.rule(1), "cfa=7 0+0 fp=0 0 bx=0 0");
}

/// As the C library describes what a signal handler returns to.
std::string signal_frame(const std::string& rip) {
    return R"(.cfi_startproc simple
        .cfi_signal_frame
        .cfi_escape 0x0f,4,0x77,0xa0,0x01,0x06
        .cfi_escape 0x10,16,3,0x77,)" +
           rip + R"(,0x01
        .cfi_escape 0x10,7,3,0x77,0xa0,0x01
        .cfi_escape 0x10,6,3,0x77,0xf8,0x00
        .cfi_escape 0x10,3,3,0x77,0x80,0x01
        nop
        .cfi_endproc
    )";
}

TEST(Rules, know_the_kernels_signal_frame_and_no_other) {
    EXPECT_EQ(Code(signal_frame("0xa8")).rule(0), "cfa=8 0+0 fp=0 0 bx=0 0");
    const Code other(signal_frame("0xb0"));
    EXPECT_EQ(other.rule(0), unsupported);
    EXPECT_EQ(other.unsupported(Unsupported::signal_frame), 1U);
}

TEST(Rules, say_why_they_are_unsupported) {
    const auto expect = [](const std::string& directive, Unsupported reason) {
        const Code code(function(directive));
        EXPECT_EQ(code.rule(0), at_entry) << directive;
        EXPECT_EQ(code.rule(1), unsupported) << directive;
        EXPECT_EQ(code.unsupported(reason), 1U) << directive;
    };
    expect(".cfi_def_cfa r13, 16", Unsupported::cfa_register);
    expect(".cfi_escape 0x0f,3,0x7a,0x00,0x06", Unsupported::cfa_register);
    expect(".cfi_escape 0x0f,2,0x77,0x08", Unsupported::cfa_expression);
    expect(".cfi_escape 0x0c,7,0x80,0x80,0x80,0x80,0x10", Unsupported::offset_range);
    expect(".cfi_offset rip, -16", Unsupported::return_address);
    expect(".cfi_escape 0x3f", Unsupported::malformed);
    expect(".cfi_escape 0x0b", Unsupported::malformed);  // restores what nobody remembered
}

TEST(Rules, do_not_follow_a_register_that_is_too_far_away) {
    const Code code(function(R"(
        .cfi_offset rbp, -40000
        .cfi_escape 0x10,3,2,0x75,0   # at rdi
        nop
        .cfi_register rbx, rax
        .cfi_val_offset rbp, -16
    )"));
    EXPECT_EQ(code.rule(1), "cfa=1 8+0 fp=3 0 bx=3 0");
    EXPECT_EQ(code.rule(2), "cfa=1 8+0 fp=3 0 bx=3 0");
    EXPECT_EQ(code.table().counts.rows, 3U);  // of which two are one, and the end is the third
}

TEST(Table, knows_nothing_between_and_beyond_functions) {
    const Code code(function("") + ".skip 3, 0x90\n" + function(".cfi_def_cfa_offset 16"));
    EXPECT_EQ(code.rule(1), at_entry);
    EXPECT_EQ(code.rule(2), unknown);
    EXPECT_EQ(code.rule(4), unknown);
    EXPECT_EQ(code.rule(5), at_entry);
    EXPECT_EQ(code.rule(6), "cfa=1 16+0 fp=0 0 bx=0 0");
    EXPECT_EQ(code.rule(7), unknown);
    EXPECT_EQ(code.rule(1 << 20), unknown);
    EXPECT_EQ(text_of(find_rule(code.table(), code.table().base - 1)), unknown);
    EXPECT_EQ(text_of(find_rule(code.table(), UINT64_MAX)), unknown);
}

TEST(Table, has_blocks_without_a_row) {
    const Code code(function(".cfi_def_cfa_offset 16\n.skip 5000, 0x90\n.cfi_def_cfa_offset 24"));
    EXPECT_EQ(code.table().blocks, 5U);
    EXPECT_EQ(code.rule(0), at_entry);
    for (const std::uint64_t offset : {1, 1023, 1024, 2047, 2048, 4096, 5000}) {
        EXPECT_EQ(code.rule(offset), "cfa=1 16+0 fp=0 0 bx=0 0") << offset;
    }
    EXPECT_EQ(code.rule(5001), "cfa=1 24+0 fp=0 0 bx=0 0");
    EXPECT_EQ(code.rule(5002), unknown);
}

TEST(Table, ends_with_its_last_block) {
    const Code code(function(".skip 1022, 0x90"));
    EXPECT_EQ(code.table().blocks, 1U);
    EXPECT_EQ(code.rule(1023), at_entry);
    EXPECT_EQ(code.rule(1024), unknown);
    EXPECT_EQ(code.table().counts.rows, 1U);
}

TEST(Table, has_room_for_65536_rules) {
    const Code code(function(R"(
        .set offset, 16
        .rept 70000
        .cfi_def_cfa_offset offset
        nop
        .set offset, offset + 8
        .endr
    )"));
    // Of the rules of the table, two say that nothing is known; one is the function's first.
    constexpr std::uint64_t fitting = 65536 - 3;
    EXPECT_EQ(code.table().counts.rules, 65536U);
    EXPECT_EQ(code.unsupported(Unsupported::too_many_rules), 70000 - fitting);
    EXPECT_EQ(code.rule(fitting), "cfa=1 524272+0 fp=0 0 bx=0 0");
    EXPECT_EQ(code.rule(fitting + 1), unsupported);
}

TEST(Rules, come_from_debug_frame_where_there_is_no_eh_frame) {
    const std::string body = function(".cfi_def_cfa_offset 16\n .cfi_offset rbx, -16");
    const Code debug(".cfi_sections .debug_frame\n" + body);
    EXPECT_EQ(debug.rule(0), at_entry);
    EXPECT_EQ(debug.rule(1), "cfa=1 16+0 fp=0 0 bx=1 -16");
}

TEST(Rules, come_from_eh_frame_where_both_have_one) {
    const auto both = test::table_of(test::assemble(
        ".text\n.cfi_sections .eh_frame, .debug_frame\n" + function(".cfi_def_cfa_offset 24"),
        "-Wl,--no-eh-frame-hdr"));
    EXPECT_EQ(text_of(find_rule(both, both.base + 1)), "cfa=1 24+0 fp=0 0 bx=0 0");
    EXPECT_EQ(both.counts.functions, 2U);
}

}  // namespace
}  // namespace seep
