// SPDX-License-Identifier: GPL-2.0-only

#include "probes/call_sites.h"

#include <gtest/gtest.h>

#include "support.h"

namespace seep {
namespace {

using test::Workshop;

/// Assembly of a function with call frame information and, in it, the label `back`, to which some
/// call returns, and `site`, where that call is.
struct Callers {
    Workshop workshop;
    std::string path;

    explicit Callers(const std::string& body, bool with_cfi = true)
        : path(workshop.assemble("function callee\n ret\nend callee\nfunction caller\n" +
                                 std::string(with_cfi ? ".cfi_startproc\n" : "") + body +
                                 std::string(with_cfi ? ".cfi_endproc\n" : "") +
                                 "end caller\n.globl site\n.globl back\n")) {}

    [[nodiscard]] std::uint64_t address_of(const std::string& label) const {
        return std::stoull(test::run("nm " + path + " | grep ' " + label + "$'"), nullptr, 16);
    }
    [[nodiscard]] std::optional<ProbePlan> plan() const {
        return plan_call_count(test::open_object(path), address_of("back"));
    }
};

TEST(CallSites, TheCallIsProbedThatReturnsThere) {
    const Callers callers(
        " push %rbx\n .cfi_adjust_cfa_offset 8\n mov $1,%edi\n"
        " site: call callee\n back: pop %rbx\n ret\n");
    const ObjectFile object = test::open_object(callers.path);
    const auto plan = plan_call_count(object, callers.address_of("back"));
    ASSERT_TRUE(plan);
    EXPECT_EQ(plan->entry.address, callers.address_of("site"));
    EXPECT_EQ(plan->entry.file_offset, object.offset_of_address(callers.address_of("site")));
    EXPECT_EQ(plan->entry.kind, SiteKind::emulated);
    EXPECT_EQ(plan->exit, ExitProbe::none);
    EXPECT_EQ(plan->function.function->role, Role::work);
}

TEST(CallSites, AnIndirectCallWouldBeSingleStepped) {
    EXPECT_FALSE(Callers(" site: call *%rax\n back: ret\n").plan());
    EXPECT_FALSE(Callers(" site: call *8(%rax)\n back: ret\n").plan());
    // Its last five bytes look like a direct call.
    EXPECT_FALSE(Callers(" site: .byte 0xff, 0x94, 0xe8, 1, 0, 0, 0\n back: ret\n").plan());
}

TEST(CallSites, NoProbeIsPutIntoTheMiddleOfAnInstruction) {
    // mov $0xe8, ... whose last bytes would be a call.
    EXPECT_FALSE(Callers(" site: movabs $0xe8000000e8000000,%rax\n back: ret\n").plan());
    EXPECT_FALSE(Callers(" site: nop\n back: ret\n").plan());
    // Nor where a return address is not between two instructions.
    const Callers callers(" site: call callee\n .byte 0x48\n back: .byte 0x89, 0xc3\n ret\n");
    EXPECT_FALSE(callers.plan());
}

TEST(CallSites, WithoutCallFrameInformationNobodyKnowsWhereInstructionsBegin) {
    EXPECT_FALSE(Callers(" site: call callee\n back: ret\n", /*with_cfi=*/false).plan());
}

TEST(CallSites, WhatIsNoCodeHasNoCalls) {
    const ObjectFile object = test::open_object(test::library("libc.so.6"));
    for (const std::uint64_t address :
         {std::uint64_t{0}, std::uint64_t{1}, std::uint64_t{1} << 40, ~std::uint64_t{0}})
        EXPECT_FALSE(plan_call_count(object, address)) << address;
}

}  // namespace
}  // namespace seep
