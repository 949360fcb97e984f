// SPDX-License-Identifier: GPL-2.0-only

#include "probes/sites.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "support.h"

namespace seep {
namespace {

using test::plan_of;
using test::plans_for;
using test::Workshop;

// A function's body and where in it the probe belongs: at the label `site`.
struct Body {
    const char* what;
    const char* name;
    const char* code;
    SiteKind kind;
};
class EntrySite : public testing::TestWithParam<Body> {};

TEST_P(EntrySite, IsTheCheapestThatEveryCallPassesOnce) {
    const Workshop workshop;
    const std::string name = GetParam().name;
    std::string source = "function " + name + "\n" + GetParam().code + "\nend " + name + "\n";
    for (const char* other : {"malloc", "free"}) {
        if (name == other) continue;
        source += std::string("function ") + other + "\n ret\nend " + other + "\n";
    }
    source += ".globl site\n";
    const std::string path = workshop.assemble(source);
    const std::uint64_t wanted =
        std::stoull(test::run("nm " + path + " | grep ' site$'"), nullptr, 16);
    const ObjectFile object = test::open_object(path);
    const ProbePlan plan = plan_of(plans_for(object), name);
    EXPECT_EQ(plan.entry.address, wanted) << GetParam().what;
    EXPECT_EQ(plan.entry.kind, GetParam().kind) << GetParam().what;
    EXPECT_EQ(plan.entry.file_offset, object.offset_of_address(wanted));
    EXPECT_EQ(plan.note.empty(), plan.entry.kind != SiteKind::single_stepped);
}

constexpr auto emulated = SiteKind::emulated;
constexpr auto stepped = SiteKind::single_stepped;
INSTANTIATE_TEST_SUITE_P(
    Bodies, EntrySite,
    testing::Values(
        Body{"push at the entry", "malloc", "site: push %rbx\n pop %rbx\n ret", emulated},
        Body{"behind endbr64", "malloc", "endbr64\n site: push %r12\n pop %r12\n ret", emulated},
        Body{"conditional jump", "free",
             "test %rdi,%rdi\n site: jz 1f\n push %rbx\n pop %rbx\n 1: ret", emulated},
        Body{"size gone", "malloc", "site: xor %edi,%edi\n push %rbx\n pop %rbx\n ret", stepped},
        Body{"part of the size gone", "malloc", "site: mov $1,%dil\n push %rbx\n pop %rbx\n ret",
             stepped},
        Body{"unneeded argument gone", "malloc", "xor %esi,%esi\n site: push %rbx\n pop %rbx\n ret",
             emulated},
        Body{"second argument gone", "realloc", "site: xor %esi,%esi\n push %rbx\n pop %rbx\n ret",
             stepped},
        Body{"stack moved", "malloc", "site: sub $8,%rsp\n call 1f\n 1: add $16,%rsp\n ret",
             stepped},
        Body{"stepped push before", "malloc", "site: push $1\n push %rbx\n add $16,%rsp\n ret",
             stepped},
        Body{"a loop back to the push", "malloc",
             "site: test %rdi,%rdi\n 1: push %rbx\n pop %rbx\n dec %rdi\n jnz 1b\n ret", stepped},
        Body{"a loop back to before the push", "malloc",
             "site: test %rdi,%rdi\n 1: test %rsi,%rsi\n push %rbx\n pop %rbx\n dec %rdi\n jnz "
             "1b\n ret",
             stepped},
        Body{"a loop behind the push", "malloc",
             "site: push %rbx\n 1: dec %rdi\n jnz 1b\n pop %rbx\n ret", emulated},
        Body{"a jump table might lead back", "malloc",
             "site: test %rdi,%rdi\n push %rbx\n jmp *(%rax,%rdi,8)", stepped},
        Body{"a tail call of another object does not", "free",
             "test %rdi,%rdi\n site: jz 1f\n jmp munmap@plt\n 1: jmp *munmap@GOTPCREL(%rip)",
             emulated},
        Body{"another function starts before the push", "malloc",
             "site: test %rdi,%rdi\n .globl inner\n .type inner,@function\n inner: push %rbx\n pop "
             "%rbx\n "
             "ret",
             stepped},
        Body{"return before the push", "malloc", "site: ret\n push %rbx", stepped},
        Body{"patchable nop", "malloc", "test %rdi,%rdi\n site: .byte 0x0f,0x1f,0x44,0,0\n ret",
             SiteKind::nop5},
        Body{"push rather than a patchable nop", "malloc",
             ".byte 0x0f,0x1f,0x44,0,0\n site: push %rbx\n pop %rbx\n ret", emulated}));

TEST(ArgumentNumbers, FollowAnArgumentThatIsMoved) {
    const Workshop workshop;
    // mimalloc's malloc: the heap takes the size's place.
    const ObjectFile object = test::open_object(workshop.assemble(R"(
        function malloc
            mov %rdi, %rsi
            mov %fs:0, %rdi
            cmp $1024, %rsi
            ja 1f
            ret
        1:  ret
        end malloc
        function calloc
            xchg %rdi, %rsi
            jz 1f
        1:  ret
        end calloc
        function free
            ret
        end free
    )"));
    const ProbePlans plans = plans_for(object);
    const ProbePlan malloc_plan = plan_of(plans, "malloc");
    EXPECT_EQ(malloc_plan.entry.kind, SiteKind::emulated);
    EXPECT_EQ(malloc_plan.function.function->size, 2);
    EXPECT_EQ(malloc_plan.function.function->name, "malloc");
    const ProbePlan calloc_plan = plan_of(plans, "calloc");
    EXPECT_EQ(calloc_plan.entry.address, calloc_plan.function.address);
    EXPECT_EQ(calloc_plan.function.function, find_in_catalogue("calloc").function);
}

TEST(ExitProbes, DependOnWhatTheFunctionDoes) {
    const Workshop workshop;
    const ObjectFile object = test::open_object(workshop.assemble(R"(
        function malloc
            nop
            ret
        end malloc
        function free
            ret
        end free
        function _ZdlPv
            nop
            ret
        end _ZdlPv
        function _Znwm
            push %rbx
            test %rdi, %rdi
            jz 1f
            js 2f
            pop %rbx
        .globl return_1
        return_1:
            ret
        1:  pop %rbx
            jmp slow
        2:  call _ZSt17__throw_bad_allocv@plt
        end _Znwm
        function unrelated
            ret
        end unrelated
        function slow
            test %rdi, %rdi
            jz 3f
        .globl return_2
        return_2:
            rep ret
        3:  jmp through_the_plt@plt
        end slow
        function through_the_plt
            xor %eax, %eax
        .globl return_3
        return_3:
            ret
        end through_the_plt
        function _Znam
            test %rdi, %rdi
            jz 1f
        .globl return_4
        return_4:
            ret
        1:  jmp *%rax
        end _Znam
        function _ZnwmSt11align_val_t
            ud2
        end _ZnwmSt11align_val_t
    )"));
    const std::string symbols = test::run("nm " + object.path());
    const ProbePlans plans = plans_for(object);
    EXPECT_EQ(plan_of(plans, "malloc").exit, ExitProbe::return_probe);
    EXPECT_EQ(plan_of(plans, "free").exit, ExitProbe::none);
    EXPECT_EQ(plan_of(plans, "operator delete(void*)").exit, ExitProbe::none);

    const auto return_address = [&](int number) {
        const std::size_t at = symbols.find(" T return_" + std::to_string(number));
        return std::stoull(symbols.substr(at - 16, 16), nullptr, 16);
    };
    const ProbePlan plan = plan_of(plans, "operator new(unsigned long)");
    EXPECT_EQ(plan.exit, ExitProbe::at_returns);
    std::vector<std::uint64_t> returns;
    for (const ProbeSite& site : plan.returns) returns.push_back(site.address);
    EXPECT_EQ(returns, (std::vector<std::uint64_t>{return_address(1), return_address(2),
                                                   return_address(3)}));
    EXPECT_EQ(plan.note, "");

    const ProbePlan array = plan_of(plans, "operator new[](unsigned long)");
    ASSERT_EQ(array.returns.size(), 1U);
    EXPECT_EQ(array.returns[0].address, return_address(4));
    EXPECT_THAT(array.note, testing::HasSubstr("are not seen"));

    ASSERT_EQ(plans.skipped.size(), 1U);
    EXPECT_THAT(plans.skipped[0],
                testing::StartsWith("operator new(unsigned long, std::align_val_t): it may throw"));
}

// The functions that every program calls must not be single-stepped: that is a factor of 30.
TEST(RealAllocators, AreProbedCheaply) {
    for (const char* name :
         {"libc.so.6", "libjemalloc.so.2", "libtcmalloc.so.4", "libtcmalloc_minimal.so.4",
          "libmimalloc.so.2", "ld-musl-x86_64.so.1"}) {
        const std::string path = test::library(name);
        if (path.empty()) continue;
        const ObjectFile object = test::open_object(path);
        const ProbePlans plans = plans_for(object);
        EXPECT_THAT(plans.skipped, testing::IsEmpty()) << name;
        for (const char* function : {"malloc", "free"}) {
            EXPECT_EQ(plan_of(plans, function).entry.kind, SiteKind::emulated) << name << function;
        }
        for (const ProbePlan& plan : plans.plans) {
            EXPECT_EQ(plan.exit == ExitProbe::at_returns, plan.function.function->may_throw);
            EXPECT_EQ(plan.returns.empty(), plan.exit != ExitProbe::at_returns)
                << plan.function.symbol;
        }
    }
}

TEST(RealAllocators, LeaveTheThrowingOperatorByTheReturnsObjdumpShows) {
    const std::string path = test::library("libjemalloc.so.2");
    if (path.empty()) GTEST_SKIP() << "libjemalloc2 is not installed";
    const ObjectFile object = test::open_object(path);
    const ProbePlan plan = plan_of(plans_for(object), "operator new(unsigned long)");
    for (const ProbeSite& site : plan.returns) {
        const std::string listing =
            test::run("objdump -d --start-address=" + std::to_string(site.address) +
                      " --stop-address=" + std::to_string(site.address + 1) + " " + path);
        EXPECT_THAT(listing, testing::HasSubstr("ret")) << std::hex << site.address;
    }
}

}  // namespace
}  // namespace seep
