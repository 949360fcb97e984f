// SPDX-License-Identifier: GPL-2.0-only

#include "probes/code.h"

#include <gtest/gtest.h>

#include <sstream>

#include "support.h"

namespace seep {
namespace {

using test::Workshop;

/// Decodes the assembly's function `f` from its start.
std::vector<Instruction> decode_all(std::string_view body) {
    Workshop workshop;
    const std::string path = workshop.assemble(
        "function malloc\n ret\nend malloc\nfunction free\n" + std::string(body) + "\nend free\n");
    const ObjectFile object = test::open_object(path);
    const FoundFunction function = test::plan_of(test::plans_for(object), "free").function;
    Code code(object);
    std::vector<Instruction> all;
    for (std::uint64_t at = function.address; at < function.address + function.size;) {
        const auto instruction = code.decode(at);
        if (!instruction) throw std::runtime_error("not decoded");
        all.push_back(*instruction);
        at = instruction->next;
    }
    return all;
}

TEST(Code, KnowsWhatTheKernelEmulates) {
    const auto code = decode_all(R"(
        push %rbx
        push %r12
        nop
        jmp 1f
    1:  jne 1b
        .byte 0x0f, 0x85, 0, 0, 0, 0
        call 1b)");
    ASSERT_EQ(code.size(), 7U);
    for (const Instruction& instruction : code) {
        EXPECT_EQ(instruction.site_kind, SiteKind::emulated)
            << instruction.address - code[0].address;
    }
}

TEST(Code, KnowsWhatTheKernelSteps) {
    const auto code = decode_all(R"(
        endbr64
        push $1
        push (%rax)
        .byte 0x66, 0x53
        .byte 0x48, 0x53
        nopw (%rax)
        pause
        jrcxz 1f
    1:  call *%rax
        test %rdi, %rdi
        sub $8, %rsp
        ret)");
    ASSERT_EQ(code.size(), 12U);
    for (const Instruction& instruction : code) {
        EXPECT_EQ(instruction.site_kind, SiteKind::single_stepped)
            << instruction.address - code[0].address;
    }
}

TEST(Code, KnowsThePatchableNopUnlessItCrossesAPage) {
    const auto code = decode_all(R"(
        .balign 4096, 0xcc
        .byte 0x0f, 0x1f, 0x44, 0, 0
        ret
        .org . + 4088 - 6, 0xcc
        ret
        ret
        ret
        ret
        .byte 0x0f, 0x1f, 0x44, 0, 0
        ret)");
    std::vector<SiteKind> nops;
    for (const Instruction& instruction : code) {
        if (instruction.kind == InstructionKind::nop &&
            instruction.next - instruction.address == 5) {
            nops.push_back(instruction.site_kind);
        }
    }
    EXPECT_EQ(nops, (std::vector{SiteKind::nop5, SiteKind::single_stepped}));
}

TEST(Code, SeesArgumentsBeingChangedAndCopied) {
    const auto code = decode_all(R"(
        mov %rdi, %rsi
        mov %edi, %edx
        xchg %rcx, %r8
        add $1, %r9d
        mov (%rax), %rdi
        syscall
        ret)");
    ASSERT_EQ(code.size(), 7U);
    EXPECT_EQ(code[0].copied_from, 1);
    EXPECT_EQ(code[0].copied_to, 2);
    EXPECT_EQ(code[0].arguments_written, 1U << 2);
    EXPECT_EQ(code[1].copied_to, 0) << "half a register is no copy";
    EXPECT_EQ(code[1].arguments_written, 1U << 3);
    EXPECT_EQ(code[2].arguments_written, 1U << 4 | 1U << 5);
    EXPECT_EQ(code[3].arguments_written, 1U << 6);
    EXPECT_EQ(code[4].arguments_written, 1U << 1);
    EXPECT_EQ(code[5].arguments_written & 1U << 4, 1U << 4) << "syscall destroys rcx";
}

TEST(Code, AgreesWithObjdump) {
    for (const char* name :
         {"libc.so.6", "libjemalloc.so.2", "libmimalloc.so.2", "libtcmalloc.so.4"}) {
        const std::string path = test::library(name);
        if (path.empty()) continue;
        const ObjectFile object = test::open_object(path);
        Code code(object);
        unsigned compared = 0;
        for (const FoundFunction& function : test::found_in(path)) {
            std::istringstream listing(
                test::run("objdump -d --no-show-raw-insn --start-address=" +
                          std::to_string(function.address) + " --stop-address=" +
                          std::to_string(function.address + function.size) + " " + path));
            for (std::string line; std::getline(listing, line);) {
                std::istringstream words(line);
                std::string address, mnemonic;
                words >> address >> mnemonic;
                if (mnemonic.empty() || address.back() != ':' || line[0] != ' ') continue;
                if (mnemonic == "bnd" || mnemonic == "notrack") words >> mnemonic;
                const auto at = std::stoull(address, nullptr, 16);
                // objdump cuts the last instruction where the symbol ends.
                if (mnemonic == "(bad)" || mnemonic[0] == '.' || mnemonic.starts_with("rex")) break;
                const auto instruction = code.decode(at);
                ASSERT_TRUE(instruction) << line;
                const bool jump = mnemonic.starts_with("jmp");
                EXPECT_EQ(instruction->kind == InstructionKind::jump, jump) << line;
                EXPECT_EQ(instruction->kind == InstructionKind::branch, mnemonic[0] == 'j' && !jump)
                    << line;
                EXPECT_EQ(instruction->kind == InstructionKind::call, mnemonic.starts_with("call"))
                    << line;
                EXPECT_EQ(instruction->kind == InstructionKind::ret, mnemonic.starts_with("ret"))
                    << line;
                ++compared;
            }
        }
        EXPECT_GT(compared, 300U) << path;
    }
}

}  // namespace
}  // namespace seep
