// SPDX-License-Identifier: GPL-2.0-only

#include "probes/finder.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <algorithm>

#include "support.h"

namespace seep {
namespace {

using test::found_in;
using test::names_of;
using test::Workshop;
using testing::Contains;
using testing::ElementsAre;
using testing::IsEmpty;
using testing::IsSupersetOf;
using testing::Not;
using testing::UnorderedElementsAre;

constexpr std::string_view c_program = R"(
#include <stdlib.h>
int main(int n, char** v) { void* p = realloc(malloc(n), 9); free(p); return v == p; }
)";
constexpr std::string_view cxx_program = R"(
#include <new>
int main(int n, char**) { delete[] new (std::nothrow) char[n]; delete new int(n); }
)";

std::string name_of(const std::string& path) {
    return allocator_name(test::open_object(path), found_in(path));
}

TEST(Finder, NamesGlibcsFunctionsByTheirPlainNames) {
    const std::string libc = test::library("libc.so.6");
    EXPECT_THAT(names_of(found_in(libc)),
                UnorderedElementsAre("malloc", "free", "calloc", "realloc", "reallocarray",
                                     "aligned_alloc", "posix_memalign", "valloc", "pvalloc"));
    EXPECT_EQ(name_of(libc), "glibc");
}

TEST(Finder, IsOrderedAndGivesEachAddressOnce) {
    for (const char* name : {"libc.so.6", "libtcmalloc.so.4", "libmimalloc.so.2"}) {
        const std::string path = test::library(name);
        if (path.empty()) continue;
        const auto found = found_in(path);
        for (std::size_t i = 1; i < found.size(); ++i) {
            EXPECT_LT(found[i - 1].address, found[i].address);
        }
    }
}

TEST(Finder, LeavesLibstdcxxOutBecauseItCallsMalloc) {
    EXPECT_THAT(found_in(test::library("libstdc++.so.6")), IsEmpty());
}

TEST(Finder, FindsNothingInWhatIsNoAllocator) {
    EXPECT_THAT(found_in("/bin/bash"), IsEmpty());
    EXPECT_THAT(found_in("/lib64/ld-linux-x86-64.so.2"), IsEmpty());
}

TEST(Finder, FindsJemallocsOwnOperators) {
    const std::string path = test::library("libjemalloc.so.2");
    if (path.empty()) GTEST_SKIP() << "libjemalloc2 is not installed";
    const auto names = names_of(found_in(path));
    EXPECT_THAT(names, IsSupersetOf({"malloc", "free", "mallocx", "rallocx", "xallocx", "sdallocx",
                                     "operator new(unsigned long)",
                                     "operator delete(void*, unsigned long)"}));
    EXPECT_THAT(names, Not(Contains("operator delete(void*)"))) << "a jump to free";
    EXPECT_EQ(name_of(path), "jemalloc");
}

TEST(Finder, FindsTcmallocsOwnOperators) {
    for (const char* name : {"libtcmalloc.so.4", "libtcmalloc_minimal.so.4"}) {
        const std::string path = test::library(name);
        if (path.empty()) GTEST_SKIP() << "libgoogle-perftools4 is not installed";
        EXPECT_THAT(names_of(found_in(path)),
                    IsSupersetOf({"malloc", "free", "operator new(unsigned long)",
                                  "operator new(unsigned long, std::align_val_t)",
                                  "operator delete(void*, unsigned long)",
                                  "tc_malloc_skip_new_handler", "pvalloc"}));
        EXPECT_EQ(name_of(path), "tcmalloc");
    }
}

TEST(Finder, FindsMimallocsOwnNamesBesideThePlainOnes) {
    const std::string path = test::library("libmimalloc.so.2");
    if (path.empty()) GTEST_SKIP() << "libmimalloc2.0 is not installed";
    const auto names = names_of(found_in(path));
    EXPECT_THAT(names, IsSupersetOf({"malloc", "free", "calloc", "operator new(unsigned long)",
                                     "mi_heap_malloc", "mi_heap_realloc", "mi_pvalloc"}));
    EXPECT_THAT(names, Not(Contains("mi_rezalloc"))) << "a jump to mi_heap_rezalloc";
    EXPECT_EQ(name_of(path), "mimalloc");
}

TEST(Finder, FindsMuslsFunctions) {
    const std::string path = test::library("ld-musl-x86_64.so.1");
    if (path.empty()) GTEST_SKIP() << "musl is not installed";
    EXPECT_THAT(names_of(found_in(path)), IsSupersetOf({"malloc", "free", "realloc", "calloc"}));
    EXPECT_EQ(name_of(path), "musl");
}

TEST(Finder, FindsOnlyMallocInAStaticCxxProgram) {
    const Workshop workshop;
    const std::string path = workshop.build("a.cpp", cxx_program, "g++ -O2 -static -o {out} {src}");
    const auto names = names_of(found_in(path));
    EXPECT_THAT(names, IsSupersetOf({"malloc", "free", "calloc", "realloc"}));
    EXPECT_THAT(names, Not(Contains(testing::HasSubstr("operator"))));
    EXPECT_EQ(name_of(path), "glibc");
}

TEST(Finder, FindsHiddenJemallocInAProgram) {
    const std::string archive = test::library("libjemalloc.a");
    if (archive.empty()) GTEST_SKIP() << "libjemalloc-dev is not installed";
    const Workshop workshop;
    // Everything local, as in a program linked with a version script.
    const std::string path = workshop.build(
        "a.cpp", cxx_program,
        "echo '{{ local: *; }};' > {src}.map && g++ -O2 -Wl,--version-script={src}.map -o {out} "
        "{src} " +
            archive);
    const std::string symbols = test::run("nm " + path);
    ASSERT_THAT(symbols, testing::HasSubstr(" t malloc\n"));
    EXPECT_THAT(names_of(found_in(path)),
                IsSupersetOf({"malloc", "free", "operator new(unsigned long)"}));
    EXPECT_EQ(name_of(path), "jemalloc");
}

TEST(Finder, ReadsCompressedDebugData) {
    const Workshop workshop;
    const std::string path =
        workshop.build("a.c", c_program,
                       "gcc -static -o {out} {src} && xz -kc {out} > {out}.xz && strip {out} && "
                       "objcopy --add-section .gnu_debugdata={out}.xz {out}");
    EXPECT_THAT(names_of(found_in(path)), IsSupersetOf({"malloc", "free", "realloc"}));
    test::run("objcopy --remove-section .gnu_debugdata " + path);
    EXPECT_THAT(found_in(path), IsEmpty()) << "or the test proves nothing";
}

TEST(Finder, TakesFamiliesOnlyWhole) {
    const Workshop workshop;
    EXPECT_THAT(found_in(workshop.assemble("function free\n ret\nend free\n")), IsEmpty());
    EXPECT_THAT(found_in(workshop.assemble("function malloc\n ret\nend malloc\n"
                                           "function je_free\n ret\nend je_free\n")),
                IsEmpty());
    EXPECT_THAT(found_in(workshop.assemble("function free\n ret\nend free\n"
                                           "function _Znwm\n nop\n ret\nend _Znwm\n")),
                IsEmpty())
        << "a program's own free() is not the other half of its operator new";
    EXPECT_THAT(
        names_of(found_in(workshop.assemble("function je_malloc\n nop\n ret\nend je_malloc\n"
                                            "function je_free\n ret\nend je_free\n"))),
        ElementsAre("je_malloc", "je_free"));
}

TEST(Finder, TakesLocalNamesOnlyFromAFamilyThatReallocates) {
    const Workshop workshop;
    constexpr std::string_view two = R"(
        .type malloc, @function
        malloc: nop
            ret
        .type free, @function
        free: ret
    )";
    EXPECT_THAT(found_in(workshop.assemble(two)), IsEmpty());
    const std::string three = std::string(two) + ".type realloc, @function\nrealloc: nop\n ret\n";
    EXPECT_THAT(names_of(found_in(workshop.assemble(three))),
                ElementsAre("malloc", "free", "realloc"));
}

TEST(Finder, PassesOverIfuncsAndUndefinedSymbols) {
    const Workshop workshop;
    EXPECT_THAT(found_in(workshop.assemble(R"(
        .globl malloc
        .type malloc, @gnu_indirect_function
        malloc: ret
        function free
            jmp realloc@plt
        end free
    )")),
                IsEmpty());
}

// What decides is whether some way leads to a return without the other function.
struct Wrapper {
    const char* what;
    const char* body;  // of operator new, beside a malloc of its own
    bool left_out;
};
class Wrappers : public testing::TestWithParam<Wrapper> {};

TEST_P(Wrappers, AreLeftOut) {
    const Workshop workshop;
    const auto found = found_in(workshop.assemble(std::string(R"(
        function malloc
            nop
            ret
        end malloc
        function free
            ret
        end free
        function helper
            ret
        end helper
        function _ZdlPv
            nopw (%rax)
            ret
        end _ZdlPv
        function _Znwm
        )") + GetParam().body + "\nend _Znwm\n"));
    const auto names = names_of(found);
    EXPECT_THAT(names, IsSupersetOf({"malloc", "free", "operator delete(void*)"}));
    EXPECT_EQ(std::ranges::count(names, "operator new(unsigned long)"), GetParam().left_out ? 0 : 1)
        << GetParam().what;
}

INSTANTIATE_TEST_SUITE_P(
    Bodies, Wrappers,
    testing::Values(
        Wrapper{"tail call", "jmp malloc@plt", true},
        Wrapper{"call", "call malloc@plt\n ret", true},
        Wrapper{"call through the GOT", "call *malloc@GOTPCREL(%rip)\n ret", true},
        Wrapper{"jump through the GOT", "jmp *malloc@GOTPCREL(%rip)", true},
        Wrapper{"another object's malloc", "jmp mi_malloc@plt", true},
        Wrapper{"a loop around the call", "1: call malloc@plt\n test %rax, %rax\n jz 1b\n ret",
                true},
        Wrapper{"both ways call",
                "test %rdi, %rdi\n jz 1f\n jmp malloc@plt\n 1: call malloc@plt\n ret", true},
        Wrapper{"the other way throws",
                "test %rdi, %rdi\n js 1f\n jmp malloc@plt\n 1: call _ZSt17__throw_bad_allocv@plt",
                true},
        Wrapper{"the other way traps", "test %rdi, %rdi\n js 1f\n jmp malloc@plt\n 1: ud2", true},
        Wrapper{"through an unlisted function's tail call", "jmp 1f\n nop\n 1: jmp malloc@plt",
                true},
        Wrapper{"slow path only", "test %rdi, %rdi\n jz malloc@plt\n mov %rdi, %rax\n ret", false},
        Wrapper{"slow path calls", "test %rdi, %rdi\n jz 1f\n ret\n 1: call malloc@plt\n ret",
                false},
        Wrapper{"calls something else", "call helper@plt\n ret", false},
        Wrapper{"calls another role", "call free@plt\n ret", false},
        Wrapper{"leaves by a pointer", "jmp *%rax", false},
        Wrapper{"calls itself", "test %rdi, %rdi\n jz 1f\n call _Znwm@plt\n 1: ret", false},
        Wrapper{"does nothing known", ".byte 0x06", false}));

TEST(Finder, RefusesOtherProcessors) {
    const Workshop workshop;
    const std::string path = workshop.assemble(
        "function malloc\n nop\n ret\nend malloc\nfunction free\n ret\nend free\n");
    ASSERT_THAT(found_in(path), Not(IsEmpty()));
    constexpr const char* to_aarch64 =
        "printf '\\267\\000' | dd conv=notrunc status=none bs=1 seek=18 of=";
    test::run(to_aarch64 + path);
    EXPECT_THAT(found_in(path), IsEmpty());
}

constexpr std::string_view worker = R"(
namespace app {
struct Server { void handle(int); void handle(long); void handle_all(int); };
void Server::handle(int) {}
void Server::handle(long) {}
void Server::handle_all(int) {}
namespace { __attribute__((used)) void poll() {} }
}
void part() __asm__("step.part.0"); void part() {}
void copy() __asm__("step.isra.0"); void copy() {}
extern "C" void serve() {}
int main() {}
)";

std::vector<std::string> work_named(const std::string& path, std::string_view name) {
    return names_of(find_work_functions(test::open_object(path), name).value());
}

TEST(Finder, FindsFunctionsOfWorkByAnyOfTheirNames) {
    const Workshop workshop;
    const std::string path = workshop.build("worker.cpp", worker, "c++ -o {out} {src}");
    EXPECT_THAT(work_named(path, "serve"), ElementsAre("serve"));
    EXPECT_THAT(work_named(path, "app::Server::handle"),
                UnorderedElementsAre("app::Server::handle(int)", "app::Server::handle(long)"));
    EXPECT_THAT(work_named(path, "app::Server::handle(long)"),
                ElementsAre("app::Server::handle(long)"));
    EXPECT_THAT(work_named(path, "_ZN3app6Server6handleEi"),
                ElementsAre("app::Server::handle(int)"));
    EXPECT_THAT(work_named(path, "app::poll"), ElementsAre("app::(anonymous namespace)::poll()"));
    EXPECT_THAT(work_named(path, "step"), ElementsAre("step.isra.0"));
    EXPECT_THAT(work_named(path, "handle"), IsEmpty());
    EXPECT_THAT(work_named(path, "malloc"), IsEmpty()) << "imported, not defined";
}

}  // namespace
}  // namespace seep
