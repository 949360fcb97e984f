// SPDX-License-Identifier: GPL-2.0-only
// System calls as the kernel takes them.

#include "drain/mapping_call.h"

#include <gtest/gtest.h>
#include <linux/mman.h>
#include <sys/mman.h>

#include <algorithm>
#include <initializer_list>

namespace seep {
namespace {

constexpr std::uint64_t page = 4096;
constexpr std::uint64_t place = 0x7f0000000000;
using Kind = MappingCall::Kind;

std::optional<MappingCall> decoded(seep_mapping_call_kind kind,
                                   std::initializer_list<std::uint64_t> arguments,
                                   std::uint64_t result = 0) {
    seep_mapping_call call{};
    call.kind = static_cast<std::uint8_t>(kind);
    std::ranges::copy(arguments, call.arguments);
    call.result = result;
    return decode_mapping_call(call, page);
}

std::optional<MappingCall> decoded_mmap(std::uint64_t protection, std::uint64_t flags,
                                        std::uint64_t length = 10) {
    return decoded(SEEP_MMAP, {0, length, protection, flags, ~0ULL}, place);
}

TEST(MappingCallTest, LengthsAreRoundedToPages) {
    const auto call = decoded_mmap(PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, 4097);
    ASSERT_TRUE(call);
    EXPECT_EQ(call->kind, Kind::map);
    EXPECT_EQ(call->start, place);
    EXPECT_EQ(call->end, place + 2 * page);
    EXPECT_TRUE(call->writable && call->fillable);
    EXPECT_FALSE(call->fixed || call->thread_stack);
}

TEST(MappingCallTest, HugePagesAreRoundedToTheirSize) {
    constexpr std::uint64_t flags = MAP_PRIVATE | MAP_ANONYMOUS | MAP_HUGETLB;
    EXPECT_EQ(decoded_mmap(PROT_WRITE, flags)->end, place + (2ULL << 20));
    EXPECT_EQ(decoded_mmap(PROT_WRITE, flags | MAP_HUGE_1GB)->end, place + (1ULL << 30));
}

TEST(MappingCallTest, WhatOthersPayForIsNotFillable) {
    EXPECT_TRUE(decoded_mmap(PROT_WRITE, MAP_PRIVATE)->fillable);
    EXPECT_TRUE(decoded_mmap(PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS)->fillable);
    EXPECT_FALSE(decoded_mmap(PROT_WRITE, MAP_SHARED)->fillable);
    EXPECT_FALSE(decoded_mmap(PROT_WRITE, MAP_SHARED_VALIDATE)->fillable);
    EXPECT_FALSE(decoded_mmap(PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS | MAP_GROWSDOWN)->fillable);
}

TEST(MappingCallTest, FlagsAreUnderstood) {
    const auto call = decoded_mmap(PROT_NONE, MAP_PRIVATE | MAP_ANONYMOUS | MAP_STACK | MAP_FIXED);
    EXPECT_TRUE(call->fixed && call->thread_stack && call->fillable);
    EXPECT_FALSE(call->writable);
    // One that fails rather than replace anything.
    EXPECT_FALSE(decoded_mmap(PROT_NONE, MAP_PRIVATE | MAP_FIXED_NOREPLACE)->fixed);
}

TEST(MappingCallTest, OtherCalls) {
    const auto unmap = decoded(SEEP_MUNMAP, {place, 1});
    EXPECT_EQ(unmap->kind, Kind::unmap);
    EXPECT_EQ(unmap->end, place + page);
    const auto protect = decoded(SEEP_MPROTECT, {place, page, PROT_READ | PROT_WRITE});
    EXPECT_EQ(protect->kind, Kind::protect);
    EXPECT_TRUE(protect->writable);
    const auto remap =
        decoded(SEEP_MREMAP, {place, page, 3 * page, MREMAP_MAYMOVE | MREMAP_FIXED}, 2 * place);
    EXPECT_EQ(remap->old_end, place + page);
    EXPECT_EQ(remap->start, 2 * place);
    EXPECT_EQ(remap->end, 2 * place + 3 * page);
    EXPECT_TRUE(remap->fixed);
    EXPECT_EQ(decoded(SEEP_BRK, {0}, 12345 * page - 1)->end, 12345 * page);
}

TEST(MappingCallTest, NonsenseIsNothing) {
    EXPECT_FALSE(decoded(SEEP_MUNMAP, {place, 0}));
    EXPECT_FALSE(decoded(SEEP_MUNMAP, {place, ~0ULL}));
    EXPECT_FALSE(decoded(SEEP_MUNMAP, {~0ULL - page + 1, 2 * page}));
    EXPECT_FALSE(decoded(static_cast<seep_mapping_call_kind>(77), {place, page}));
}

}  // namespace
}  // namespace seep
