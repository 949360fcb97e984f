// SPDX-License-Identifier: GPL-2.0-only

// Broken files: whatever the parsers make of them, they come back, and stay within the file.

#include <fcntl.h>
#include <gtest/gtest.h>
#include <sys/mman.h>
#include <unistd.h>

#include <fstream>
#include <iterator>
#include <random>

#include "support.h"

namespace seep {
namespace {

using Bytes = std::vector<char>;

Bytes read_all(const std::string& path) {
    std::ifstream in(path, std::ios::binary);
    return {std::istreambuf_iterator<char>(in), {}};
}

/// Goes the whole way with the file; the number of plans.
std::size_t digest(const Bytes& bytes) {
    UniqueFd fd(memfd_create("hostile", MFD_CLOEXEC));
    EXPECT_EQ(write(fd.get(), bytes.data(), bytes.size()), static_cast<ssize_t>(bytes.size()));
    auto object = ObjectFile::open(std::move(fd), "hostile", {});
    if (!object) return 0;
    auto found = find_allocator_functions(*object);
    if (!found) return 0;
    allocator_name(*object, *found);
    auto plans = plan_probes(*object, *found);
    if (!plans) return 0;
    for (const ProbePlan& plan : plans->plans) EXPECT_LT(plan.entry.file_offset, bytes.size());
    return plans->plans.size();
}

/// A small allocator with a PLT, unwind tables and packed debug data.
Bytes sample() {
    const test::Workshop workshop;
    return read_all(
        workshop.build("a.cpp", R"(
        #include <cstdlib>
        #include <new>
        char pool[4096]; unsigned long top;
        extern "C" void *malloc(size_t n) { return n > 99 ? nullptr : pool + (top += n); }
        extern "C" void free(void *p) { if (p == pool) top = 0; }
        extern "C" void *realloc(void *p, size_t n) { free(p); return malloc(n); }
        void *operator new(size_t n) { if (n > 99) throw std::bad_alloc(); return pool + n; }
        void operator delete(void *p) noexcept { top += p == pool; }
    )",
                       "g++ -O2 -fPIC -shared -o {out} {src} && xz -kc {out} > {out}.xz && "
                       "objcopy --add-section .gnu_debugdata={out}.xz {out}"));
}

TEST(Hostile, TruncatedFiles) {
    const Bytes whole = sample();
    ASSERT_GE(digest(whole), 4U);
    for (std::size_t size = 0; size < whole.size(); size += 97) {
        digest(Bytes(whole.begin(), whole.begin() + static_cast<std::ptrdiff_t>(size)));
    }
}

TEST(Hostile, FlippedBits) {
    const Bytes whole = sample();
    std::mt19937 random(20260101);
    for (int round = 0; round < 1500; ++round) {
        Bytes broken = whole;
        for (int flip = 0; flip < 1 + round % 16; ++flip) {
            broken[random() % broken.size()] ^= static_cast<char>(1U << random() % 8);
        }
        digest(broken);
    }
}

// Headers and tables lie at both ends of the file: hit them more often than chance does.
TEST(Hostile, WildHeaders) {
    const Bytes whole = sample();
    std::mt19937 random(20260102);
    constexpr std::size_t header_bytes = 64 + 12 * 56;
    const std::size_t section_bytes = 40 * 64;
    for (int round = 0; round < 1500; ++round) {
        Bytes broken = whole;
        for (int change = 0; change < 3; ++change) {
            const bool front = random() % 2 == 0;
            const std::size_t at = front ? 16 + random() % (header_bytes - 16)
                                         : broken.size() - 1 - random() % section_bytes;
            broken[at] = random() % 3 == 0 ? static_cast<char>(0xff) : static_cast<char>(random());
        }
        digest(broken);
    }
}

}  // namespace
}  // namespace seep
