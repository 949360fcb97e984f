// SPDX-License-Identifier: GPL-2.0-only
#include "symbols/demangle.h"

#include <gtest/gtest.h>
#include <pthread.h>

#include <chrono>
#include <functional>
#include <string>
#include <vector>

namespace seep {
namespace {

TEST(DisplayName, DemanglesCpp) {
    EXPECT_EQ(display_name("_Znwm"), "operator new(unsigned long)");
    EXPECT_EQ(display_name("_ZN2ns5Class6methodEi"), "ns::Class::method(int)");
    EXPECT_EQ(display_name("_ZN12_GLOBAL__N_16helperEv"), "(anonymous namespace)::helper()");
}

TEST(DisplayName, LeavesPlainNames) {
    EXPECT_EQ(display_name("malloc"), "malloc");
    EXPECT_EQ(display_name(""), "");
    EXPECT_EQ(display_name("_Zebra"), "_Zebra");
    EXPECT_EQ(display_name("runtime.mallocgc"), "runtime.mallocgc");
    EXPECT_EQ(display_name("caml_cold"), "caml_cold");
    EXPECT_EQ(display_name(".cold"), ".cold");
    EXPECT_EQ(display_name("f.12"), "f.12");
}

TEST(DisplayName, ShowsRustWithoutHashes) {
    EXPECT_EQ(display_name("_ZN4core3fmt5Write9write_fmt17h0123456789abcdefE"),
              "core::fmt::Write::write_fmt");
    EXPECT_EQ(display_name("_RNvCs1234_7mycrate3foo"), "mycrate::foo");
    EXPECT_EQ(display_name("_RNvC7mycrate3foo.llvm.8412"), "mycrate::foo");
}

TEST(DisplayName, DropsVersionsAndCloneSuffixes) {
    EXPECT_EQ(display_name("malloc@@GLIBC_2.2.5"), "malloc");
    EXPECT_EQ(display_name("memcpy@GLIBC_2.14"), "memcpy");
    EXPECT_EQ(display_name("parse.constprop.0"), "parse");
    EXPECT_EQ(display_name("parse.part.0.isra.12.cold"), "parse");
    EXPECT_EQ(display_name("pkg.parse.cold"), "pkg.parse");
    EXPECT_EQ(display_name("_ZN3foo3barEv.cold.7"), "foo::bar()");
}

TEST(DisplayName, DemanglesNamesOfThousandsOfBytes) {
    std::string type = "i";
    for (int i = 0; i < 150; ++i) type = "4ListI" + type + "E";
    const std::string shown = display_name("_Z1f" + type);
    EXPECT_TRUE(shown.starts_with("f(List<List<")) << shown.substr(0, 80);
}

TEST(DisplayName, CutsWhatIsNoNameAnyMore) {
    const std::string mangled = "_Z" + std::string(5'000'000, 'P') + "i";
    EXPECT_EQ(display_name(mangled), mangled.substr(0, max_name_bytes));
}

std::string substitution(int index) {
    if (index == 0) return "S_";
    std::string digits;
    for (int i = index - 1; digits.empty() || i > 0; i /= 36) {
        const int digit = i % 36;
        digits.insert(digits.begin(),
                      static_cast<char>(digit < 10 ? '0' + digit : 'A' + digit - 10));
    }
    return "S" + digits + "_";
}

// A<X,X> with X = A<Y,Y> with Y = ...: every level doubles the text.
std::string doubling_name(const std::string& start, int first, int levels,
                          const std::string& last) {
    std::string name = start;
    for (int i = 0; i < levels; ++i) {
        const std::string argument = substitution(first + i);
        name += (i + 1 == levels ? last : "") + "S1_I" + argument + argument + "E";
    }
    return name;
}

// In a thread with a quarter of the usual stack, so that recursion shows.
void run_with_little_stack(std::function<void()> work) {
    pthread_t thread{};
    const auto start = [](void* argument) -> void* {
        (*static_cast<std::function<void()>*>(argument))();
        return nullptr;
    };
    pthread_attr_t attributes;
    pthread_attr_init(&attributes);
    pthread_attr_setstacksize(&attributes, 2 << 20);
    ASSERT_EQ(pthread_create(&thread, &attributes, start, &work), 0);
    pthread_join(thread, nullptr);
    pthread_attr_destroy(&attributes);
}

// What a level of nesting opens with, times as many as fit.
std::string nested(const std::string& start, const std::string& level, std::size_t bytes) {
    std::string name = start;
    while (name.size() < bytes) name += level;
    return name + "i";
}

std::vector<std::string> hostile_names() {
    std::vector<std::string> names = {
        doubling_name("_Z1fIJiEEv1AIiiE", 2, 40, ""),
        doubling_name("_Z1fIJiEEv1AIiiE", 2, 40, "Dp"),
        doubling_name("_Z1fIJiEEv1AIiiE", 2, 300, "Dp"),
    };
    for (const char* level :
         {"P",    "K",   "F",     "1AI", "A_",  "M1a",       "J",        "X",
          "DT",   "cv",  "Z1f",   "N1a", "dlL", "cl",        "XadL_Z1f", "LZ1fE",
          "U1aI", "T_I", "cvT_I", "I",   "n",   "U7__attrI", "Dp",       "DpT_",
          "v",    "Dv_", "FP",    "MM",  "qu",  "fL",        "ZN1aE"}) {
        for (const char* start : {"_Z1f", "_Z1fI", "_ZN1a", "_Zcv", "_ZNcv", "_Z1fIXE"}) {
            names.push_back(nested(start, level, 1000));
            names.push_back(nested(start, level, 4090));
        }
    }
    for (const char* level : {"B_", "Nv", "INv", "T", "R", "F", "Y", "MC1a", "XC1a", "D"}) {
        names.push_back(nested("_RNvC1a1b", level, 4000));
        names.push_back(nested("_RINvC1a1b", level, 4000));
        names.push_back(nested("_R", level, 4000));
    }
    return names;
}

TEST(DisplayName, TakesLittleTimeAndStackForHostileNames) {
    for (const std::string& name : hostile_names()) {
        SCOPED_TRACE(name.substr(0, 60));
        const auto start = std::chrono::steady_clock::now();
        run_with_little_stack([&] { EXPECT_LE(display_name(name).size(), max_name_bytes); });
        EXPECT_LT(std::chrono::steady_clock::now() - start, std::chrono::seconds(5));
    }
}

TEST(DisplayName, IsItselfAgainAfterAHostileName) {
    (void)display_name(doubling_name("_Z1fIJiEEv1AIiiE", 2, 40, ""));
    EXPECT_EQ(display_name("_ZN2ns5Class6methodEi"), "ns::Class::method(int)");
}

}  // namespace
}  // namespace seep
