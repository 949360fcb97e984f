// SPDX-License-Identifier: GPL-2.0-only

// Frame pointers are told from code that compilers made with and without them, and from prologues
// written by hand.

#include "doctor/frame_pointers.h"

#include <fmt/format.h>
#include <gtest/gtest.h>

#include "doctor/prologue.h"
#include "probes/elf_tables.h"
#include "support.h"

namespace seep::test {
namespace {

/// Forty functions that call another one, so that each needs the stack.
std::string many_functions() {
    std::string source = "extern int outside(int*);\n";
    for (int i = 0; i < 40; ++i) {
        source += fmt::format(
            "int f{0}(int a, int b) {{ int x[{0} + 2]; x[0] = a; x[1] = b;\n"
            "  for (int i = 0; i < a; ++i) b += outside(x) * i;\n  return b + x[0]; }}\n",
            i);
    }
    return source;
}

FramePointers sample(const std::string& flags) {
    const ObjectFile object =
        build("x.c", many_functions(), "-shared -fPIC -O2 -fcf-protection " + flags);
    return sample_frame_pointers(object, read_elf_tables(object).value().function_starts);
}

TEST(FramePointersTest, ToldFromCompiledCode) {
    const FramePointers with = sample("-fno-omit-frame-pointer");
    EXPECT_EQ(with.kept(), FramePointers::Kept::yes);
    EXPECT_GE(with.keep, 40U);
    const FramePointers without = sample("-fomit-frame-pointer");
    EXPECT_EQ(without.kept(), FramePointers::Kept::no);
    EXPECT_GE(without.sampled, 40U);
}

TEST(FramePointersTest, SharesInWords) {
    using Kept = FramePointers::Kept;
    EXPECT_EQ((FramePointers{0, 0}).kept(), Kept::unknown);
    EXPECT_EQ((FramePointers{100, 0}).kept(), Kept::no);
    EXPECT_EQ((FramePointers{100, 10}).kept(), Kept::no);
    EXPECT_EQ((FramePointers{100, 11}).kept(), Kept::partly);
    EXPECT_EQ((FramePointers{100, 79}).kept(), Kept::partly);
    EXPECT_EQ((FramePointers{100, 80}).kept(), Kept::yes);
    EXPECT_STREQ(kept_name(Kept::partly), "partly");
}

Prologue prologue_of(std::string_view code) {
    const std::string source = fmt::format(
        ".text\n.globl f\n.type f,@function\nf:\n{}\nret\n.section .note.GNU-stack\n", code);
    const ObjectFile object = build("x.s", source, "-shared -nostdlib");
    const auto starts = read_elf_tables(object).value().function_starts;
    EXPECT_EQ(starts.size(), 1U);
    PrologueReader reader(object);
    return reader.read(starts.front());
}

TEST(PrologueTest, FramePointerSetUp) {
    EXPECT_EQ(prologue_of("push %rbp\nmov %rsp,%rbp"), Prologue::frame_pointer);
    EXPECT_EQ(prologue_of("endbr64\npush %rbp\nmov %rsp,%rbp"), Prologue::frame_pointer);
    EXPECT_EQ(prologue_of("push %rbp\n.byte 0x48,0x8b,0xec"), Prologue::frame_pointer);
    EXPECT_EQ(prologue_of("mov %rdi,%rax\npush %rbp\nxor %ecx,%ecx\nmov %rsp,%rbp"),
              Prologue::frame_pointer);
}

TEST(PrologueTest, StackUsedWithout) {
    EXPECT_EQ(prologue_of("push %rbx"), Prologue::other);
    EXPECT_EQ(prologue_of("sub $24,%rsp"), Prologue::other);
    EXPECT_EQ(prologue_of("push %r13"), Prologue::other);
    // rbp as an ordinary register.
    EXPECT_EQ(prologue_of("push %rbp\nmov %rdi,%rbp"), Prologue::other);
    EXPECT_EQ(prologue_of("mov %rsp,%rbp\npush %rbp"), Prologue::other);
}

TEST(PrologueTest, NoStack) {
    EXPECT_EQ(prologue_of("lea 1(%rdi),%eax"), Prologue::no_stack);
    EXPECT_EQ(prologue_of("1: jmp 1b\npush %rbx"), Prologue::no_stack);
    EXPECT_EQ(prologue_of("ud2\npush %rbx"), Prologue::no_stack);
}

TEST(PrologueTest, NoCodeThere) {
    const ObjectFile object = build("x.c", "int x = 1;", "-shared -fPIC -nostdlib");
    PrologueReader reader(object);
    EXPECT_EQ(reader.read(0), Prologue::no_stack);
    EXPECT_EQ(reader.read(~std::uint64_t{0}), Prologue::no_stack);
}

}  // namespace
}  // namespace seep::test
