// SPDX-License-Identifier: GPL-2.0-only

#include "probes/catalogue.h"

#include <gtest/gtest.h>

#include <filesystem>
#include <fstream>
#include <regex>
#include <set>
#include <string>

namespace seep {
namespace {

struct Expected {
    const char* symbol;
    const char* prefix;
    Role role;
    unsigned size, count, pointer, out;
    bool may_throw;
};

class Catalogue : public testing::TestWithParam<Expected> {};

TEST_P(Catalogue, SaysWhatAFunctionTakes) {
    const Expected& expected = GetParam();
    const CatalogueMatch match = find_in_catalogue(expected.symbol);
    ASSERT_NE(match.function, nullptr);
    EXPECT_EQ(match.prefix, expected.prefix);
    EXPECT_EQ(match.function->role, expected.role);
    EXPECT_EQ(match.function->size, expected.size);
    EXPECT_EQ(match.function->count, expected.count);
    EXPECT_EQ(match.function->pointer, expected.pointer);
    EXPECT_EQ(match.function->out, expected.out);
    EXPECT_EQ(match.function->may_throw, expected.may_throw);
}

constexpr Role A = Role::allocate, R = Role::reallocate, F = Role::free, Z = Role::resize;
INSTANTIATE_TEST_SUITE_P(
    Functions, Catalogue,
    testing::Values(Expected{"malloc", "", A, 1, 0, 0, 0, false},
                    Expected{"calloc", "", A, 2, 1, 0, 0, false},
                    Expected{"realloc", "", R, 2, 0, 1, 0, false},
                    Expected{"reallocarray", "", R, 3, 2, 1, 0, false},
                    Expected{"posix_memalign", "", A, 3, 0, 0, 1, false},
                    Expected{"aligned_alloc", "", A, 2, 0, 0, 0, false},
                    Expected{"memalign", "", A, 2, 0, 0, 0, false},
                    Expected{"pvalloc", "", A, 1, 0, 0, 0, false},
                    Expected{"cfree@GLIBC_2.2.5", "", F, 0, 0, 1, 0, false},
                    Expected{"free_aligned_sized", "", F, 0, 0, 1, 0, false},
                    Expected{"_Znwm", "", A, 1, 0, 0, 0, true},
                    Expected{"_ZnamSt11align_val_t", "", A, 1, 0, 0, 0, true},
                    Expected{"_ZnwmRKSt9nothrow_t", "", A, 1, 0, 0, 0, false},
                    Expected{"_ZdaPvmSt11align_val_t", "", F, 0, 0, 1, 0, false},
                    Expected{"xallocx", "", Z, 2, 0, 1, 0, false},
                    Expected{"_rjem_sdallocx", "_rjem_", F, 0, 0, 1, 0, false},
                    Expected{"je_rallocx", "je_", R, 2, 0, 1, 0, false},
                    Expected{"smallocx_0123abcd", "", A, 1, 0, 0, 0, false},
                    Expected{"tc_new", "tc_", A, 1, 0, 0, 0, true},
                    Expected{"tc_newarray_nothrow", "tc_", A, 1, 0, 0, 0, false},
                    Expected{"tc_delete_sized_aligned", "tc_", F, 0, 0, 1, 0, false},
                    Expected{"mi_new_n", "mi_", A, 2, 1, 0, 0, true},
                    Expected{"mi_heap_recalloc_aligned", "mi_", R, 4, 3, 2, 0, false},
                    Expected{"mi_new_reallocn", "mi_", R, 3, 2, 1, 0, true},
                    Expected{"rpmalloc", "rp", A, 1, 0, 0, 0, false},
                    Expected{"rpmalloc_heap_free", "rp", F, 0, 0, 2, 0, false},
                    Expected{"sn_rust_realloc", "sn_", R, 4, 0, 1, 0, false},
                    Expected{"__libc_memalign", "__libc_", A, 2, 0, 0, 0, false}));

TEST(CatalogueNames, AreWholeAndKeepToTheirFamily) {
    for (const char* symbol : {"", "new", "tc_mallocx", "mi__Znwm", "je_zalloc", "xmalloc", "free_",
                               "rust_alloc", "_Znwj", "_ZN3Foo6mallocEm", "mi_", "x_smallocx_1"}) {
        EXPECT_EQ(find_in_catalogue(symbol).function, nullptr) << symbol;
    }
}

TEST(CatalogueNames, LieInTheCatalogue) {
    const CatalogueMatch match = find_in_catalogue("mi_free");
    EXPECT_GE(match.function, catalogue().data());
    EXPECT_LT(match.function, catalogue().data() + catalogue().size());
}

// mimalloc's header states which arguments are the size, to the compiler: an independent source.
TEST(CatalogueNames, AgreeWithMimallocsHeader) {
    constexpr const char* header = "/usr/include/mimalloc.h";
    if (!std::filesystem::exists(header)) GTEST_SKIP() << header << " is not installed";
    std::ifstream in(header);
    const std::regex declaration(R"((mi_\w+)\([^)]*\).*mi_attr_alloc_size2?\((\d)(?:, *(\d))?\))");
    unsigned seen = 0;
    for (std::string line; std::getline(in, line);) {
        std::smatch match;
        if (!std::regex_search(line, match, declaration) || match[1] == "mi_expand") continue;
        const AllocatorFunction* function = find_in_catalogue(match[1].str()).function;
        ASSERT_NE(function, nullptr) << match[1];
        std::multiset<unsigned> stated{static_cast<unsigned>(std::stoul(match[2]))};
        if (match[3].matched) stated.insert(static_cast<unsigned>(std::stoul(match[3])));
        std::multiset<unsigned> known{function->size};
        if (function->count != 0) known.insert(function->count);
        EXPECT_EQ(known, stated) << match[1];
        const bool nothrow = line.find("mi_attr_noexcept") != std::string::npos;
        EXPECT_EQ(function->may_throw, !nothrow) << match[1];
        ++seen;
    }
    EXPECT_GT(seen, 40U);
}

}  // namespace
}  // namespace seep
