// SPDX-License-Identifier: GPL-2.0-only
#include "analysis/findings.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "analysis/culprit.h"

namespace seep {
namespace {

using testing::ElementsAre;
using testing::HasSubstr;
using testing::IsEmpty;
using testing::Not;
using testing::SizeIs;
using testing::StartsWith;

constexpr double hour = 3600;

/// malloc in libc, the functions in app, then what starts a program.
ReportStack stack_of(const std::vector<std::string>& functions, Verdict verdict,
                     double bytes_per_hour = 3600) {
    ReportStack stack;
    stack.frames.push_back({.function = "malloc", .module = "libc.so.6"});
    for (const std::string& function : functions)
        stack.frames.push_back({.function = function, .module = "app", .offset = 0x10});
    stack.frames.push_back({.function = "__libc_start_call_main", .module = "libc.so.6"});
    stack.frames.push_back({.function = "_start", .module = "app"});
    stack.verdict = verdict;
    stack.growth = {bytes_per_hour / hour, bytes_per_hour / hour / 2, bytes_per_hour / hour * 2,
                    100};
    stack.totals.allocated_count = 200;
    stack.totals.allocated_bytes = 2000;
    return stack;
}

Report report_of(std::vector<ReportStack> stacks) {
    Report report;
    report.targets = {{1, "app", "/usr/bin/app", ""}};
    report.stacks = std::move(stacks);
    for (std::size_t i = 0; i < report.stacks.size(); ++i) report.stacks[i].id = std::to_string(i);
    name_stacks(report);
    return report;
}

std::string named(const std::vector<std::string>& functions) {
    const Report report = report_of({stack_of(functions, Verdict::leak)});
    const ReportStack& stack = report.stacks[0];
    return stack.frames[stack.culprit].function;
}

TEST(QualifiedName, DropsResultParametersAndOwnArguments) {
    const std::pair<const char*, const char*> names[] = {
        {"parse", "parse"},
        {"ns::f(int, std::vector<int>)", "ns::f"},
        {"void ns::f<int, A<B> >(int)", "ns::f"},
        {"int& std::vector<int, A<int> >::emplace<int>(int&&) [clone .cold]",
         "std::vector<int, A<int> >::emplace"},
        {"std::vector<std::pair<int, long> >::push_back(std::pair<int, long>&&)",
         "std::vector<std::pair<int, long> >::push_back"},
        {"(anonymous namespace)::g(char)", "(anonymous namespace)::g"},
        {"operator new(unsigned long)", "operator new"},
        {"Buffer::operator()(int) const", "Buffer::operator()"},
        {"A::operator<(A const&)", "A::operator<"},
        {"<alloc::string::String as core::clone::Clone>::clone",
         "<alloc::string::String as core::clone::Clone>::clone"},
        {"decltype (::new ((void*)(0)) A<int>((declval<B<int>&>)())) std::construct_at<A<int>>(B*)",
         "std::construct_at"},
        {"decltype(auto) ns::g<int>(int)", "ns::g"},
        {"", ""},
        {"f<", "f"},
        {"(", "("},
        {" x", "x"},
    };
    for (const auto& [demangled, name] : names) EXPECT_EQ(qualified_name(demangled), name);
}

TEST(WrapperName, IsToldByItsWords) {
    for (const char* name : {"xmalloc",
                             "PyMem_RawMalloc",
                             "g_malloc0",
                             "zmalloc",
                             "ztrymalloc_usable_internal",
                             "sqlite3Malloc",
                             "ngx_palloc",
                             "xstrdup",
                             "g_strdup_printf",
                             "operator new(unsigned long)",
                             "operator new[](unsigned long)",
                             "Pool::allocate(unsigned long)",
                             "jv_mem_alloc",
                             "void std::vector<int>::_M_realloc_insert<int>(int)",
                             "alloc::raw_vec::finish_grow",
                             "<alloc::string::String as core::clone::Clone>::clone",
                             "<u8 as alloc::vec::spec_from_elem::SpecFromElem>::from_elem",
                             "_start",
                             "_cgo_37f6a3ac0460_Cfunc__Cmalloc",
                             "runtime.asmcgocall.abi0",
                             "main._Cfunc_CString"})
        EXPECT_TRUE(is_wrapper_name(name)) << name;
    for (const char* name : {"parse_header", "main", "allocate_session", "alloc_word_desc",
                             "Cache::insert(std::string const&)", "app::handler::serve",
                             "<app::Page as core::clone::Clone>::clone", ""})
        EXPECT_FALSE(is_wrapper_name(name)) << name;
}

TEST(Culprit, IsTheInnermostFrameWithAPurpose) {
    EXPECT_EQ(named({"parse_header", "main"}), "parse_header");
    EXPECT_EQ(named({"xmalloc", "parse_header", "main"}), "parse_header");
    EXPECT_EQ(named({"operator new(unsigned long)", "std::vector<int>::push_back(int const&)",
                     "fill(int)", "main"}),
              "fill(int)");
    EXPECT_EQ(named({"xmalloc"}), "xmalloc");  // all on the way to the start pass memory on
    EXPECT_EQ(named({}), "__libc_start_call_main");
}

TEST(Findings, SayWhatIsLostByWorkWhereItWasCounted) {
    std::vector<ReportStack> stacks{stack_of({"f", "a"}, Verdict::leak),
                                    stack_of({"f", "b"}, Verdict::leak)};
    stacks[0].growth_per_work = {100, 90, 110};
    stacks[1].growth_per_work = {50, 40, 70};
    const std::vector<Finding> findings = find_causes(report_of(stacks));
    ASSERT_THAT(findings, SizeIs(1));
    ASSERT_TRUE(findings[0].growth_per_work);
    EXPECT_EQ(findings[0].growth_per_work->bytes, 150);
    EXPECT_EQ(findings[0].growth_per_work->low, 130);
    EXPECT_EQ(findings[0].growth_per_work->high, 180);
    EXPECT_THAT(findings[0].sentence, HasSubstr("150 B (130 B to 180 B) per 1,000 units of work"));
}

TEST(Findings, SayWhatIsEstimatedAndWhatIsLost) {
    const auto sentence = [](std::uint64_t lost, std::uint64_t sampling) {
        Report report = report_of({stack_of({"f", "a"}, Verdict::growing)});
        report.stacks[0].reachability.looked = 12;
        report.stacks[0].reachability.lost = lost;
        report.sampling.bytes = sampling;
        return find_causes(report).front().sentence;
    };
    EXPECT_THAT(sentence(0, 0), HasSubstr(", a leak or a cache that fills: 200 blocks live"));
    EXPECT_THAT(sentence(12, 0), Not(HasSubstr("cache")));
    EXPECT_THAT(sentence(12, 0), HasSubstr(", lost: nothing points to them any more"));
    EXPECT_THAT(sentence(0, 1024), HasSubstr(": about 200 blocks live"));
}

TEST(Culprit, OfATouchedPageIsWhoCalledTheAllocatorThatDid) {
    ReportStack page = stack_of({"handle", "main"}, Verdict::leak);
    page.kind = StackKind::fault;
    page.frames[0] = {.function = "tcmalloc::CentralFreeList::Populate()",
                      .module = "libtcmalloc_minimal.so.4.5.10"};
    EXPECT_EQ(report_of({page}).stacks[0].culprit, 1U);
    page.frames[0].module = "app";
    EXPECT_EQ(report_of({page}).stacks[0].culprit, 0U);
}

TEST(Culprit, IsNoFunctionThatTheHeadersOfCDefine) {
    Report report = report_of({stack_of({"getline", "load_config"}, Verdict::leak)});
    report.stacks[0].frames[1].file = "/usr/include/x86_64-linux-gnu/bits/stdio.h";
    name_stacks(report);
    EXPECT_EQ(report.stacks[0].culprit, 1U);  // a function of the program's own, of that name
    report.stacks[0].frames[1].inlined = true;
    name_stacks(report);
    EXPECT_EQ(report.stacks[0].culprit, 2U);
}

TEST(Culprit, IsNotHowNativeCodeGetsToTheJvm) {
    ReportStack stack = stack_of({"jni_GetStringUTFChars", "Java_Svc_hash"}, Verdict::leak);
    stack.frames[1].module = "libjvm.so";
    stack.frames[2].module = "libsvc.so";
    const Report report = report_of({stack});
    EXPECT_EQ(report.stacks[0].frames[report.stacks[0].culprit].function, "Java_Svc_hash");
}

TEST(Culprit, ALongNameIsShownWithoutItsArguments) {
    EXPECT_EQ(brief_name({.function = "std::vector<int>::push_back(int const&)"}),
              "std::vector<int>::push_back");
    EXPECT_EQ(brief_name({.function = "std::map<std::pair<long, std::basic_string<char> >, int, "
                                      "std::less<long> >::operator<(int)"}),
              "std::map<...>::operator<");
}

TEST(Culprit, AFunctionSharedByManyWhoDoNotGrowIsAWrapper) {
    std::vector<ReportStack> stacks{stack_of({"new_text", "leaky", "main"}, Verdict::leak)};
    for (const char* caller : {"a", "b", "c", "d"})
        stacks.push_back(stack_of({"new_text", caller, "main"}, Verdict::steady));
    Report report = report_of(stacks);
    EXPECT_EQ(report.stacks[0].frames[report.stacks[0].culprit].function, "leaky");
    // If it leaks whoever calls it, it is the cause.
    for (ReportStack& stack : report.stacks) stack.verdict = Verdict::leak;
    name_stacks(report);
    EXPECT_EQ(report.stacks[0].frames[report.stacks[0].culprit].function, "new_text");
}

TEST(Culprit, PlacesOfAFewFunctionsThatDoNotGrowMakeAWrapperAsWell) {
    const auto named_with = [](const std::vector<const char*>& callers) {
        std::vector<ReportStack> stacks{stack_of({"new_text", "leaky", "main"}, Verdict::leak)};
        for (const char* caller : callers) {
            stacks.push_back(stack_of({"new_text", caller, "main"}, Verdict::steady));
            stacks.back().frames[2].offset = 0x10 * (stacks.size() + 1);
        }
        const Report report = report_of(std::move(stacks));
        return report.stacks[0].frames[report.stacks[0].culprit].function;
    };
    EXPECT_EQ(named_with({"leaky", "a", "a"}), "leaky");
    EXPECT_EQ(named_with({"a", "a"}), "new_text");
    // What one function alone does at several places is its own affair.
    EXPECT_EQ(named_with({"leaky", "leaky", "leaky"}), "new_text");
}

TEST(Culprit, AFunctionThatAllocatesWhatEachCallerAsksForIsAWrapper) {
    const auto allocates = [](const char* caller, std::uint64_t size, std::uint64_t place) {
        ReportStack stack = stack_of({"getbytes", caller, "main"}, Verdict::growing);
        stack.frames[2].offset = place;
        stack.totals.allocated_bytes = stack.totals.allocated_count * size;
        stack.totals.allocated_squares = stack.totals.allocated_count * ((size * size + 255) / 256);
        return stack;
    };
    const auto named_after = [](const Report& report) {
        return report.stacks[0].frames[report.stacks[0].culprit].function;
    };
    EXPECT_EQ(named_after(report_of({allocates("new_symbol", 24, 1), allocates("name", 16, 2)})),
              "new_symbol");
    // One size for all is its own.
    EXPECT_EQ(named_after(report_of({allocates("new_symbol", 24, 1), allocates("name", 24, 2)})),
              "getbytes");
    // So are sizes that its only caller does not tell.
    EXPECT_EQ(named_after(report_of({allocates("parse", 24, 1), allocates("parse", 16, 1)})),
              "getbytes");
}

TEST(Findings, LeaksComeFirstThenWhatSurelyGrowsMost) {
    const Report report = report_of(
        {stack_of({"cache"}, Verdict::growing, 9e9), stack_of({"small"}, Verdict::leak, 1000),
         stack_of({"large"}, Verdict::leak, 5000), stack_of({"warm"}, Verdict::warming, 9e9),
         stack_of({"still"}, Verdict::steady), stack_of({"unsure"}, Verdict::undetermined, 9e9)});
    std::vector<std::string> order;
    for (const Finding& finding : find_causes(report)) order.push_back(finding.frame.function);
    EXPECT_THAT(order, ElementsAre("large", "small", "cache", "warm"));
}

TEST(Findings, StacksOfOneFunctionOrOneClusterAreOne) {
    Report report = report_of(
        {stack_of({"f", "x"}, Verdict::leak, 1000), stack_of({"f", "y"}, Verdict::leak, 500),
         stack_of({"g", "z"}, Verdict::leak, 300), stack_of({"h", "z"}, Verdict::leak, 200)});
    report.stacks[2].evidence.cluster = report.stacks[3].evidence.cluster = 1;
    report.clusters = {{.frame = {.function = "z"}}};
    const auto findings = find_causes(report);
    ASSERT_THAT(findings, SizeIs(2));
    EXPECT_THAT(findings[0].stacks, ElementsAre("0", "1"));
    EXPECT_DOUBLE_EQ(findings[0].growth.bytes_per_second * hour, 1500);
    EXPECT_DOUBLE_EQ(findings[0].growth.low * hour, 750);
    EXPECT_THAT(findings[1].sentence, StartsWith("`g` (app) and `h` (app), all under `z`, leak "));
}

/// A leak of so many lost blocks, some of which are parts of objects that go by the id of a stack.
ReportStack lost(const std::vector<std::string>& functions, std::uint64_t blocks,
                 const std::string& object, std::uint64_t in_object) {
    ReportStack stack = stack_of(functions, Verdict::leak);
    stack.reachability.looked = stack.reachability.lost = blocks;
    stack.reachability.in_object = in_object;
    stack.evidence.lost_object = object;
    return stack;
}

TEST(Findings, WhatIsLostAsPartsOfTheSameObjectsIsOne) {
    Report report =
        report_of({lost({"names", "new_query", "check"}, 100, "1", 95),
                   lost({"query", "new_query", "check"}, 10, "1", 10),
                   lost({"parts", "parse", "check"}, 30, "1", 30),
                   lost({"other", "check"}, 30, "3", 30), lost({"mixed", "check"}, 100, "1", 80)});
    auto findings = find_causes(report);
    ASSERT_THAT(findings, SizeIs(3));
    EXPECT_THAT(findings[0].stacks, ElementsAre("0", "1", "2"));
    EXPECT_THAT(
        findings[0].sentence,
        StartsWith("`names` (app), `query` (app) and 1 more, all under `check`, leak 10.5"));
    // What only grows may be kept, though some of it is lost.
    report.stacks[2].verdict = Verdict::growing;
    findings = find_causes(report);
    EXPECT_THAT(findings[0].stacks, ElementsAre("0", "1"));
    // A few blocks may be so by chance.
    report.stacks[1].reachability.in_object = report.stacks[1].reachability.lost = 4;
    EXPECT_THAT(find_causes(report), SizeIs(5));
}

TEST(Findings, ObjectsMayBeKnownByWayOfOthers) {
    const Report report =
        report_of({lost({"a", "check"}, 10, "0", 10), lost({"b", "check"}, 10, "0", 10),
                   lost({"c", "check"}, 10, "1", 10)});
    EXPECT_THAT(find_causes(report)[0].stacks, ElementsAre("0", "1", "2"));
    // In a circle.
    const Report circle =
        report_of({lost({"a", "check"}, 10, "1", 10), lost({"b", "check"}, 10, "0", 10)});
    EXPECT_THAT(find_causes(circle), SizeIs(2));
}

TEST(Findings, TheyAreAllUnderTheLastFunctionBeforeTheyPart) {
    Report report = report_of({stack_of({"g", "parse", "handle"}, Verdict::leak),
                               stack_of({"h", "parse", "handle"}, Verdict::leak)});
    for (ReportStack& stack : report.stacks) stack.evidence.cluster = 1;
    report.clusters = {{.shares_callers = false}};
    EXPECT_THAT(find_causes(report)[0].sentence, HasSubstr(", all under `parse`, leak "));
    report.stacks[1].frames[2].offset = 0x20;  // another call
    EXPECT_THAT(find_causes(report)[0].sentence, HasSubstr(", all under `handle`, leak "));
    report.stacks[1].frames[3].offset = 0x20;
    EXPECT_THAT(find_causes(report)[0].sentence, HasSubstr(", all under `parse`, leak "));
}

TEST(Findings, WhatSharesAFrameWithoutANameIsUnderTheNextThatHasOne) {
    Report report = report_of({stack_of({"g", "z", "serve"}, Verdict::leak),
                               stack_of({"h", "z", "serve"}, Verdict::leak)});
    const ReportFrame nameless{.module = "app", .offset = 0xbeef};
    for (ReportStack& stack : report.stacks) {
        stack.evidence.cluster = 1;
        stack.frames[2] = nameless;
    }
    report.clusters = {{.frame = nameless}};
    EXPECT_THAT(find_causes(report)[0].sentence, HasSubstr(", all under `serve`, leak "));
    for (ReportStack& stack : report.stacks) stack.frames[3].function.clear();
    EXPECT_THAT(find_causes(report)[0].sentence, HasSubstr(", all under `[app+0xbeef]`, leak "));
}

TEST(Findings, ThoseOfOneNameAreToldApartByTheirCallers) {
    const Report report = report_of({stack_of({"make", "submit", "serve"}, Verdict::leak),
                                     stack_of({"make", "preload", "serve"}, Verdict::growing),
                                     stack_of({"parse", "serve"}, Verdict::leak)});
    const std::vector<Finding> findings = find_causes(report);
    ASSERT_THAT(findings, SizeIs(3));
    EXPECT_THAT(findings[0].sentence, StartsWith("`make` (app, under `submit`) leaks"));
    EXPECT_THAT(findings[1].sentence, StartsWith("`parse` (app) leaks"));
    EXPECT_THAT(findings[2].sentence, StartsWith("`make` (app, under `preload`) grows"));
}

TEST(Findings, BlocksAndMappingsOfOneFunctionAreTwo) {
    Report report = report_of(
        {stack_of({"f"}, Verdict::growing, 1000), stack_of({"f"}, Verdict::growing, 500)});
    report.stacks[1].kind = StackKind::mapping;
    EXPECT_THAT(find_causes(report), SizeIs(2));
}

TEST(Findings, TheSentenceSaysWhatWhereAndHowMuch) {
    Report report = report_of({stack_of({"xmalloc", "parse", "main"}, Verdict::leak, 2048)});
    report.stacks[0].frames[2].file = "/src/http.c";
    report.stacks[0].frames[2].line = 212;
    EXPECT_EQ(find_causes(report)[0].sentence,
              "`parse` (http.c:212, by `xmalloc`) leaks 2 KiB an hour (1 KiB to 4 KiB): 200 blocks "
              "live, none ever freed");
    report.stacks[0].totals.freed_count = 50;
    EXPECT_THAT(find_causes(report)[0].sentence, HasSubstr("150 blocks live, 25 % of all freed"));
    report.stacks[0].totals.freed_count = 0;
    report.stacks[0].totals.lapsed_count = 200;
    EXPECT_THAT(find_causes(report)[0].sentence,
                HasSubstr("blocks live or lapsed, none seen freed"));
    report.stacks[0].frames[2] = {.module = "app", .offset = 0xbeef};
    EXPECT_THAT(find_causes(report)[0].sentence,
                StartsWith("`[app+0xbeef]` (by `xmalloc`, under `main`) leaks"));
    report.stacks[0].frames[3].function.clear();
    EXPECT_THAT(find_causes(report)[0].sentence, StartsWith("`[app+0xbeef]` (by `xmalloc`) leaks"));
    report.stacks[0].verdict = Verdict::warming;
    EXPECT_THAT(find_causes(report)[0].sentence,
                HasSubstr("grew by 100 B in the window, but slows down or has stopped"));
}

TEST(Findings, WhatIsSuppressedIsNoneAndIsNotDenied) {
    Report report = report_of({stack_of({"f"}, Verdict::leak), stack_of({"g"}, Verdict::steady)});
    report.stacks[0].suppressed = true;
    EXPECT_THAT(find_causes(report), IsEmpty());
    EXPECT_DOUBLE_EQ(suppressed_growth(report), 1);
    EXPECT_EQ(without_findings(report), "Nothing grew for certain but what is suppressed.");
    std::swap(report.stacks[0].suppressed, report.stacks[1].suppressed);
    EXPECT_EQ(suppressed_growth(report), 0);
    EXPECT_EQ(without_findings(report), "Nothing grew for certain.");
}

TEST(Findings, HostileNamesAreMadeHarmless) {
    const Report report =
        report_of({stack_of({"a\x1b[2J\n" + std::string(5000, 'x')}, Verdict::leak)});
    const std::string sentence = find_causes(report)[0].sentence;
    EXPECT_EQ(sentence.find('\x1b'), std::string::npos);
    EXPECT_EQ(sentence.find('\n'), std::string::npos);
    EXPECT_LT(sentence.size(), 400U);
}

TEST(FailCondition, HoldsAboveTheLowerEnd) {
    Report report = report_of({stack_of({"f"}, Verdict::leak, 2048)});  // surely 1024 an hour
    report.findings = find_causes(report);
    const auto holds = [&](const char* text) {
        return failing_finding(report, parse_fail_condition(text).value()) != nullptr;
    };
    EXPECT_TRUE(holds("leak"));
    EXPECT_TRUE(holds("leak:1023"));
    EXPECT_FALSE(holds("leak:1K"));
    EXPECT_TRUE(holds("growing"));
    report.findings[0].verdict = "growing";
    EXPECT_FALSE(holds("leak"));
    EXPECT_TRUE(holds("growing:1000"));
    report.findings[0].verdict = "warming";
    EXPECT_FALSE(holds("growing"));
    report.stacks[0].suppressed = true;
    EXPECT_THAT(find_causes(report), IsEmpty());
}

TEST(FailCondition, RefusesWhatItDoesNotKnow) {
    for (const char* bad : {"", "steady", "leak:", "leak:x", "leak:-1", "leak:1M:2", "leaks"})
        EXPECT_FALSE(parse_fail_condition(bad)) << bad;
}

}  // namespace
}  // namespace seep
