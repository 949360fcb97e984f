// SPDX-License-Identifier: GPL-2.0-only

// Objects and processes of this machine, examined.

#include <gmock/gmock.h>
#include <unistd.h>

#include <algorithm>

#include "doctor/object_diagnosis.h"
#include "doctor/target_diagnosis.h"
#include "support.h"

namespace seep::test {
namespace {

using testing::HasSubstr;

constexpr std::string_view allocator_source =
    "static char arena[1 << 20]; static unsigned long used;\n"
    "void *malloc(unsigned long size) { void *p = arena + used; used += size; return p; }\n"
    "void *realloc(void *p, unsigned long size) { (void)p; return malloc(size); }\n"
    "void free(void *p) { (void)p; }\n";

TEST(ObjectDiagnosisTest, AllocatorWithItsProbes) {
    const ObjectDiagnosis found = diagnose_object(
        build("x.c", allocator_source, "-shared -fPIC -O1 -fno-builtin -Wl,--build-id"));
    EXPECT_EQ(found.problem, "");
    EXPECT_EQ(found.allocator, "allocator in object");
    EXPECT_EQ(found.build_id.size(), 40U);
    EXPECT_TRUE(std::ranges::any_of(found.probes.plans, [](const ProbePlan& plan) {
        return plan.function.symbol == "malloc" && plan.exit == ExitProbe::return_probe;
    }));
}

TEST(ObjectDiagnosisTest, WhatNamesItsFunctions) {
    const auto diagnose = [](const char* flags) {
        return diagnose_object(build("x.c", "int f(void) { return 1; }", flags));
    };
    EXPECT_EQ(diagnose("-shared -fPIC").symbols, Symbols::full);
    EXPECT_EQ(diagnose("-shared -fPIC").debug_info, DebugInfoPlace::none);
    EXPECT_EQ(diagnose("-shared -fPIC -g").debug_info, DebugInfoPlace::in_file);
    EXPECT_EQ(diagnose("-shared -fPIC -s").symbols, Symbols::dynamic);
    EXPECT_EQ(diagnose("-s -static -nostdlib -Wl,-e,f").symbols, Symbols::none);
    EXPECT_EQ(diagnose("-shared -fPIC").allocator, "");
}

TEST(ObjectDiagnosisTest, CodeWithoutCallFrameInformation) {
    const auto sizes = [](const std::string& source) {
        return diagnose_object(build("x.c", source, "-shared -fPIC -nostdlib"))
            .unwind_table.value();
    };
    const std::string covered =
        "int f(int n) { return n * 3 + 1; }\n"
        "__attribute__((aligned(64))) int g(int n) { return f(n) + 1; }\n";
    EXPECT_EQ(sizes(covered).uncovered_bytes, 0U);
    const UnwindTableSize half =
        sizes(covered + "__asm__(\".text; .balign 64; .skip 40000, 0xc3; .balign 64\");");
    EXPECT_EQ(half.uncovered_bytes, 40'000U);
    EXPECT_GT(half.code_bytes, half.uncovered_bytes);
}

TEST(TargetDiagnosisTest, ThisProcess) {
    TargetExaminer examiner;
    const TargetDiagnosis target = examiner.examine(getpid());
    ASSERT_FALSE(target.refused) << target.refused->message;
    EXPECT_EQ(target.process.pid, getpid());
    EXPECT_EQ(target.process.user, geteuid());
    EXPECT_GT(target.memory.rss_bytes, 0U);
    const auto libc = std::ranges::find_if(
        target.objects, [](const auto& object) { return object->allocator == "glibc"; });
    ASSERT_NE(libc, target.objects.end());
    EXPECT_GE(target.probes(), (*libc)->probes.plans.size());
    EXPECT_GE((*libc)->probes.plans.size(), 5U);
}

TEST(TargetDiagnosisTest, ObjectsAreExaminedOnce) {
    TargetExaminer examiner;
    const TargetDiagnosis first = examiner.examine(getpid());
    const TargetDiagnosis second = examiner.examine(getpid());
    EXPECT_EQ(first.objects, second.objects);
}

TEST(TargetDiagnosisTest, NoSuchProcess) {
    TargetExaminer examiner;
    const TargetDiagnosis target = examiner.examine(1 << 30);
    ASSERT_TRUE(target.refused);
    EXPECT_EQ(target.refused->kind, ErrorKind::untraceable);
    EXPECT_THAT(target.refused->message, HasSubstr("no process"));
    EXPECT_EQ(target.probes(), 0U);
}

}  // namespace
}  // namespace seep::test
