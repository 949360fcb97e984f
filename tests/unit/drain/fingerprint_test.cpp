// SPDX-License-Identifier: GPL-2.0-only
#include "drain/fingerprint.h"

#include <gtest/gtest.h>

#include <cstring>
#include <string>

namespace seep {
namespace {

constexpr std::uint64_t address = 0x5555'5577'1230;

std::string bytes_of(const std::vector<std::uint64_t>& words) {
    std::string bytes(words.size() * sizeof(std::uint64_t), '\0');
    std::memcpy(bytes.data(), words.data(), bytes.size());
    return bytes;
}

std::optional<Fingerprint> fingerprint_beside(const std::string& sibling,
                                              const std::string& contents) {
    const std::vector<std::string_view> siblings{sibling};
    return fingerprint(address, contents, siblings);
}

/// A type's table, an owner, a key, and its name.
const std::string one = bytes_of({0x7f12'3456'7890, 0x5555'5577'9990, 70'001, 0x3130'3037'2d61});
const std::string other = bytes_of({0x7f12'3456'7890, 0x5555'5578'0010, 70'002, 0x3230'3038'2d62});

TEST(Fingerprint, IsOfWhatOthersDoNotHave) {
    const auto print = fingerprint_beside(other, one);
    ASSERT_TRUE(print);
    EXPECT_EQ(recognize(*print, one), Recognition::same);
    EXPECT_EQ(recognize(*print, other), Recognition::gone);
    EXPECT_EQ(recognize(*print, std::string(one.size(), '\0')), Recognition::gone);
    for (const FingerprintWord& word : print->words) EXPECT_GE(word.offset, 8u) << "the type's";
}

TEST(Fingerprint, NeedsAnotherBlockToCompareWith) {
    EXPECT_FALSE(fingerprint(address, one, {}));
}

TEST(Fingerprint, NeedsContentsOfItsOwn) {
    EXPECT_FALSE(fingerprint_beside(one, one));
    EXPECT_FALSE(fingerprint_beside(std::string(64, '\0'), std::string(64, '\0')));
    EXPECT_FALSE(fingerprint_beside(std::string(64, 'x'), std::string(64, 'x')));
    EXPECT_FALSE(fingerprint_beside("ab", "cd"));
}

TEST(Fingerprint, OfSmallNumbersAndPointersIsNotSure) {
    // The ones come again by chance, and the others with what they point to.
    for (const auto& [sibling, contents] :
         {std::pair{bytes_of({1, 2, 3, 4}), bytes_of({5, 6, 7, 8})},
          std::pair{bytes_of({0x5555'5577'0000, 0x7fff'0000'1000}),
                    bytes_of({0x5555'5577'9990, 0x7fff'0000'2000})}}) {
        const auto print = fingerprint_beside(sibling, contents);
        ASSERT_TRUE(print);
        EXPECT_FALSE(print->is_sure);
        EXPECT_EQ(recognize(*print, contents), Recognition::similar);
        EXPECT_EQ(recognize(*print, sibling), Recognition::gone);
    }
    EXPECT_TRUE(fingerprint_beside(other, one)->is_sure);
}

TEST(Fingerprint, AFreeBlocksLinkDoesNotMakeItAnother) {
    const auto print = fingerprint_beside(other, one);
    std::string freed = one;
    std::memset(freed.data(), 0x5a, 16);
    EXPECT_EQ(recognize(*print, freed), Recognition::same);
}

TEST(Fingerprint, ALiveBlocksCountersChange) {
    const std::string before = bytes_of({70'001, 0x3130'3037'2d61, 1'000'001, 2'000'001});
    const auto print =
        fingerprint_beside(bytes_of({70'002, 0x3230'3038'2d62, 1'000'002, 2'000'002}), before);
    EXPECT_EQ(recognize(*print, bytes_of({70'001, 0x3130'3037'2d61, 1'000'777, 2'000'001})),
              Recognition::same);
    EXPECT_EQ(recognize(*print, bytes_of({70'009, 0x3939'3939'3939, 9'000'777, 2'000'001})),
              Recognition::similar);
}

TEST(Fingerprint, AnOwnPointerTellsThatItMayBeThere) {
    const auto print = fingerprint_beside(other, one);
    const std::string changed = bytes_of({0x7f12'3456'7890, 0x5555'5577'9990, 80'001, 0x41414141});
    EXPECT_EQ(recognize(*print, changed), Recognition::similar);
}

TEST(Fingerprint, LooksAtTheBeginningOnly) {
    const std::string tail = std::string(2 * fingerprint_reach, '\0') + one;
    EXPECT_FALSE(fingerprint_beside(std::string(2 * fingerprint_reach, '\0') + other, tail));
    const auto print = fingerprint_beside(other, one);
    EXPECT_EQ(recognize(*print, ""), Recognition::gone) << "not mapped any more";
}

}  // namespace
}  // namespace seep
