// SPDX-License-Identifier: GPL-2.0-only

// Go's calls of C are found by the code behind them, as several versions of Go have it.
#include "unwind/go_calls.h"

#include <gtest/gtest.h>

#include <vector>

#include "support.h"

namespace seep {
namespace {

using Bytes = std::vector<unsigned char>;

constexpr std::uint64_t address = 0x401000;

std::vector<CodeRule> find(const Bytes& before, const Bytes& behind) {
    std::string code(64, '\x90');
    code.append(before.begin(), before.end());
    code.append(behind.begin(), behind.end());
    code.append(64, '\x90');
    return find_go_calls(code, address);
}

void expect_rule_at_call(const Bytes& call, const Bytes& behind) {
    const auto found = find(call, behind);
    ASSERT_EQ(found.size(), 1U);
    const std::uint64_t last_of_call = address + 64 + call.size() - 1;
    EXPECT_LE(found[0].start, last_of_call);
    EXPECT_GT(found[0].end, last_of_call);
    EXPECT_EQ(found[0].rule.rule.cfa, SEEP_CFA_FP_ELSEWHERE);
    EXPECT_EQ(found[0].rule.rule.cfa_offset, 16);
}

const Bytes call_rax = {0xff, 0xd0};
const Bytes call_near = {0xe8, 1, 2, 3, 4};

TEST(GoCalls, are_found_on_a_goroutines_stack) {
    // Go 1.19: mov 0x30(%rsp),%rdi; mov 8(%rdi),%rsi; sub 0x28(%rsp),%rsi
    expect_rule_at_call(call_rax, {0x48, 0x8b, 0x7c, 0x24, 0x30, 0x48, 0x8b, 0x77, 0x08, 0x48, 0x2b,
                                   0x74, 0x24, 0x28});
    // Go 1.23, position independent: mov $-8,%rcx; mov 8(%rsp),%rdi; mov 8(%rdi),%rsi;
    // sub (%rsp),%rsi
    expect_rule_at_call(call_near, {0x48, 0xc7, 0xc1, 0xf8, 0xff, 0xff, 0xff, 0x48, 0x8b, 0x7c,
                                    0x24, 0x08, 0x48, 0x8b, 0x77, 0x08, 0x48, 0x2b, 0x34, 0x24});
}

TEST(GoCalls, are_found_on_a_threads_stack) {
    // Go 1.19: mov 0x28(%rsp),%rsi; mov %rsi,%rsp; mov %eax,0x18(%rsp)
    expect_rule_at_call(call_rax,
                        {0x48, 0x8b, 0x74, 0x24, 0x28, 0x48, 0x89, 0xf4, 0x89, 0x44, 0x24, 0x18});
    // Go 1.23: mov (%rsp),%rsi; mov %rsi,%rsp; mov %eax,0x20(%rsp)
    expect_rule_at_call(call_near,
                        {0x48, 0x8b, 0x34, 0x24, 0x48, 0x89, 0xf4, 0x89, 0x44, 0x24, 0x20});
}

TEST(GoCalls, are_nothing_that_is_merely_like_them) {
    // mov 8(%rdi),%rsi; sub 8(%rsp),%rsi, and no goroutine before
    EXPECT_TRUE(find({}, {0x48, 0x8b, 0x77, 0x08, 0x48, 0x2b, 0x74, 0x24, 0x08}).empty());
    // mov %rsi,%rsp; mov %eax,8(%rsp), and rsi is not from the stack
    EXPECT_TRUE(find({}, {0x48, 0x89, 0xf4, 0x89, 0x44, 0x24, 0x08}).empty());
}

TEST(GoCalls, at_the_edges_of_the_code_are_not_read_beyond_it) {
    const std::string whole(
        "\x48\x8b\x7c\x24\x30\x48\x8b\x77\x08\x48\x2b\x74\x24\x28\x48\x8b\x34\x24\x48\x89\xf4\x89"
        "\x44\x24\x18");
    for (std::size_t start = 0; start < whole.size(); ++start) {
        for (std::size_t size = 0; size <= whole.size() - start; ++size) {
            for (const CodeRule& found : find_go_calls(whole.substr(start, size), address)) {
                EXPECT_GE(found.start, address);
                EXPECT_LE(found.end, address + size);
            }
        }
    }
}

// Rows of a function that has a call in its middle, and a call that no row is about.
constexpr auto source = R"(
    .section .note.go.buildid, "a", @note
    .long 4, 4, 4
    .asciz "Go\0"
    .long 0
    .text
    .cfi_startproc
    nop; nop; nop; nop; nop; nop; nop; nop; nop
    call *%rax
    mov 0x30(%rsp), %rdi
    mov 8(%rdi), %rsi
    sub 0x28(%rsp), %rsi
    nop
    .cfi_endproc
    nop; nop; nop; nop; nop; nop; nop; nop; nop
    call *%rax
    mov (%rsp), %rsi
    mov %rsi, %rsp
    mov %eax, 0x18(%rsp)
)";

TEST(GoCalls, are_in_the_table_whatever_its_rows_say) {
    const UnwindTable table = test::table_of(test::assemble(source, "-Wl,--no-eh-frame-hdr"));
    const auto cfa = [&](std::uint64_t offset) {
        return find_rule(table, table.base + offset).cfa;
    };
    EXPECT_EQ(cfa(0), SEEP_CFA_SP);
    EXPECT_EQ(cfa(10), SEEP_CFA_FP_ELSEWHERE);
    EXPECT_EQ(cfa(25), SEEP_CFA_SP);
    EXPECT_EQ(cfa(36), SEEP_CFA_FP_ELSEWHERE);
    EXPECT_EQ(cfa(30), SEEP_CFA_UNKNOWN);
    EXPECT_EQ(cfa(38), SEEP_CFA_UNKNOWN);
}

TEST(GoCalls, are_looked_for_in_gos_objects_alone) {
    const std::string other = std::string(source).replace(std::string(source).find("Go"), 2, "No");
    const UnwindTable table = test::table_of(test::assemble(other, "-Wl,--no-eh-frame-hdr"));
    EXPECT_EQ(find_rule(table, table.base + 10).cfa, SEEP_CFA_SP);
}

}  // namespace
}  // namespace seep
