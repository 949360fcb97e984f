// SPDX-License-Identifier: GPL-2.0-only

// Broken objects: whatever the compiler makes of them, it comes back, and lookups in the table stay
// within it.
#include <elf.h>
#include <gtest/gtest.h>

#include <cstring>
#include <random>

#include "support.h"
#include "unwind/byte_cursor.h"
#include "unwind/cfi_compiler.h"
#include "unwind/cfi_section.h"

namespace seep {
namespace {

const std::string& sample() {
    static const std::string bytes = test::assemble(R"(
        .text
        .rept 20
        .cfi_startproc
        .cfi_personality 0x9b, handler
        nop
        .cfi_def_cfa_offset 16
        .cfi_offset rbp, -16
        nop
        .cfi_remember_state
        .cfi_def_cfa rbp, 16
        .cfi_escape 0x0f,3,0x76,0x78,0x06
        .cfi_escape 0x10,6,2,0x76,0
        .skip 300, 0x90
        .cfi_restore_state
        .skip 5000, 0x90
        .cfi_def_cfa_offset 8
        nop
        .cfi_endproc
        .endr
        .data
        handler: .quad 0
    )");
    return bytes;
}

/// Whether there is a table; it is searched at its seams.
bool digest(const std::string& bytes) {
    const auto object = test::object_of(bytes);
    if (!object) return false;
    const auto table = compile_unwind_table(*object);
    if (!table) return false;
    EXPECT_GT(table->words.size(), table->rules);
    const std::uint64_t end = table->base + (std::uint64_t{table->blocks} << SEEP_BLOCK_SHIFT);
    for (const std::uint64_t address : {table->base - 1, table->base, end - 1, end}) {
        EXPECT_LE(find_rule(*table, address).cfa, SEEP_CFA_UNSUPPORTED);
    }
    for (std::uint64_t address = table->base; address < end; address += 509) {
        EXPECT_LE(find_rule(*table, address).cfa, SEEP_CFA_UNSUPPORTED);
    }
    return true;
}

TEST(Hostile, truncated_files) {
    ASSERT_TRUE(digest(sample()));
    for (std::size_t size = 0; size < sample().size(); size += 61) digest(sample().substr(0, size));
}

TEST(Hostile, flipped_bits) {
    std::mt19937 random(20260301);
    for (int round = 0; round < 500; ++round) {
        std::string broken = sample();
        for (int flip = 0; flip < 1 + round % 16; ++flip) {
            broken[random() % broken.size()] ^= static_cast<char>(1U << random() % 8);
        }
        digest(broken);
    }
}

TEST(Hostile, wild_frame_information) {
    const auto object = test::object_of(sample());
    ASSERT_TRUE(object);
    const auto sections = read_cfi_sections(*object);
    ASSERT_TRUE(sections);
    const CfiSection* const section = &sections->front();
    const std::size_t start = object->offset_of_address(section->address).value();
    std::mt19937 random(20260302);
    int usable = 0;
    for (int round = 0; round < 5000; ++round) {
        std::string broken = sample();
        for (int change = 0; change < 1 + round % 8; ++change) {
            const std::size_t at = start + random() % section->bytes.size();
            broken[at] = random() % 3 == 0 ? static_cast<char>(0xff) : static_cast<char>(random());
        }
        if (digest(broken)) ++usable;
    }
    EXPECT_GT(usable, 1000);  // else most of the compiler was not reached
}

// With everything that compilers write, and much of it.
TEST(Hostile, wild_frame_information_of_the_c_library) {
    const std::string whole = test::read_file("/lib/x86_64-linux-gnu/libc.so.6");
    const auto object = test::object_of(whole);
    ASSERT_TRUE(object);
    const auto sections = read_cfi_sections(*object);
    ASSERT_TRUE(sections);
    const CfiSection* const section = &sections->front();
    const std::size_t start = object->offset_of_address(section->address).value();
    std::mt19937 random(20260303);
    int usable = 0;
    for (int round = 0; round < 20; ++round) {
        std::string broken = whole;
        for (int change = 0; change < 2000; ++change) {
            broken[start + random() % section->bytes.size()] = static_cast<char>(random());
        }
        if (digest(broken)) ++usable;
    }
    EXPECT_GT(usable, 10);
}

/// A function over code that it does not have, of the given size.
std::string lie_about_size(const std::string& size) {
    return R"(
        .text
        start: nop
        .section .eh_frame,"a",@progbits
        cie: .long cie_end - cie_start
        cie_start: .long 0
        .byte 1
        .asciz "zR"
        .uleb128 1
        .sleb128 -8
        .byte 16
        .uleb128 1
        .byte 0x1c  # 8 bytes, relative
        .byte 0x0c, 7, 8, 0x90, 1
        .balign 8, 0
        cie_end: .long fde_end - fde_start
        fde_start: .long fde_start - cie
        .quad start - .
        .quad )" +
           size + R"(
        .uleb128 0
        .byte 0x04, 0xff, 0xff, 0xff, 0x7f
        .balign 8, 0
        fde_end: .long 0
    )";
}

TEST(Hostile, functions_larger_than_the_file) {
    EXPECT_TRUE(digest(test::assemble(lie_about_size("1"), "-Wl,--no-eh-frame-hdr")));
    for (const auto* size : {"0x100000", "0x7fffffffffffffff", "-1", "0"}) {
        EXPECT_FALSE(digest(test::assemble(lie_about_size(size), "-Wl,--no-eh-frame-hdr")));
    }
}

TEST(Hostile, of_overlapping_functions_the_first_counts) {
    const UnwindTable table = test::table_of(test::assemble(R"(
        .text
        first: nop
        nop
        nop
        .section .eh_frame,"a",@progbits
        .macro entry begin, count, offset
        cie\@: .long cie_end\@ - cie_start\@
        cie_start\@: .long 0
        .byte 1
        .asciz "zR"
        .uleb128 1
        .sleb128 -8
        .byte 16
        .uleb128 1
        .byte 0x1b
        .byte 0x0c, 7, \offset, 0x90, 1
        .balign 8, 0
        cie_end\@: .long fde_end\@ - fde_start\@
        fde_start\@: .long fde_start\@ - cie\@
        .long \begin - .
        .long \count
        .uleb128 0
        .balign 8, 0
        fde_end\@:
        .endm
        entry first+1, 2, 24
        entry first, 2, 16
        .long 0
    )",
                                                            "-Wl,--no-eh-frame-hdr"));
    EXPECT_EQ(find_rule(table, table.base).cfa_offset, 16);
    EXPECT_EQ(find_rule(table, table.base + 1).cfa_offset, 16);
    EXPECT_EQ(find_rule(table, table.base + 2).cfa_offset, 24);
    EXPECT_EQ(find_rule(table, table.base + 3).cfa, SEEP_CFA_UNKNOWN);
}

TEST(ByteCursor, fails_for_good_at_the_end) {
    const unsigned char bytes[] = {0xe5, 0x8e, 0x26, 0x7f, 0x80};
    ByteCursor cursor(bytes, 100);
    EXPECT_EQ(cursor.uleb(), 624485U);  // the example of DWARF 5, 7.6
    EXPECT_EQ(cursor.sleb(), -1);
    EXPECT_EQ(cursor.address(), 104U);
    EXPECT_TRUE(cursor.ok());
    EXPECT_EQ(cursor.uleb(), 0U);
    EXPECT_FALSE(cursor.ok());
    EXPECT_EQ(cursor.fixed<std::uint8_t>(), 0U);
    EXPECT_TRUE(cursor.at_end());
}

TEST(ByteCursor, refuses_numbers_of_more_than_64_bits) {
    const std::string bytes(11, '\x80');
    ByteCursor cursor(Bytes(reinterpret_cast<const unsigned char*>(bytes.data()), bytes.size()));
    cursor.uleb();
    EXPECT_FALSE(cursor.ok());
}

}  // namespace
}  // namespace seep
