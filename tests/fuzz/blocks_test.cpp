// SPDX-License-Identifier: GPL-2.0-only
// The kernel's books of outstanding blocks: what was kept is found once, wherever it has moved.
#include <gtest/gtest.h>

#include <algorithm>
#include <array>
#include <atomic>
#include <random>
#include <thread>
#include <vector>

#include "native_blocks.h"

namespace {

/// Addresses that belong to the same few sets, so that blocks have to move.
std::vector<std::uint64_t> addresses_of_sets(std::size_t count, std::size_t sets) {
    std::vector<std::uint64_t> found;
    std::vector<std::uint32_t> known;
    for (std::uint64_t address = 0x7f0000001000; found.size() < count; address += 16) {
        const std::uint32_t set = native_set_of(address);
        if (known.size() < sets) known.push_back(set);
        if (std::find(known.begin(), known.end(), set) != known.end()) found.push_back(address);
    }
    return found;
}

TEST(Blocks, are_found_once) {
    std::uint64_t stamp = 0;
    EXPECT_FALSE(native_take(0x1000, &stamp));
    EXPECT_TRUE(native_keep(0x1000, 7));
    EXPECT_TRUE(native_take(0x1000, &stamp));
    EXPECT_EQ(stamp, 7U);
    EXPECT_FALSE(native_take(0x1000, &stamp));
    EXPECT_TRUE(native_empty());
}

TEST(Blocks, move_on_oldest_first_and_are_still_found) {
    const auto addresses = addresses_of_sets(20, 1);
    for (std::size_t i = 0; i < addresses.size(); ++i)
        EXPECT_TRUE(native_keep(addresses[i], i + 1));
    EXPECT_EQ(native_moved_on(), 16U);
    for (std::size_t i = 20; i-- > 0;) {
        std::uint64_t stamp = 0;
        EXPECT_TRUE(native_take(addresses[i], &stamp));
        EXPECT_EQ(stamp, i + 1);
        EXPECT_EQ(native_moved_on(), std::min<std::size_t>(i, 16));
    }
    EXPECT_TRUE(native_empty());
}

TEST(Blocks, tell_of_frees_that_went_by_unseen_wherever_the_block_is) {
    const auto addresses = addresses_of_sets(6, 1);
    for (const std::uint64_t address : addresses) EXPECT_TRUE(native_keep(address, 1));
    const std::uint64_t before = native_missed_frees();
    for (const std::uint64_t address : addresses) EXPECT_TRUE(native_keep(address, 2));
    EXPECT_EQ(native_missed_frees() - before, addresses.size());
    for (const std::uint64_t address : addresses) {
        std::uint64_t stamp = 0;
        EXPECT_TRUE(native_take(address, &stamp));
        EXPECT_EQ(stamp, 2U);
    }
    EXPECT_TRUE(native_empty());
}

TEST(Blocks, refuse_what_there_is_no_room_for) {
    const auto addresses = addresses_of_sets(8, 1);
    native_limit(2);
    for (std::size_t i = 0; i < 6; ++i) EXPECT_TRUE(native_keep(addresses[i], i));
    EXPECT_FALSE(native_keep(addresses[6], 6));
    native_limit(4096);
    std::uint64_t stamp = 0;
    for (std::size_t i = 0; i < 6; ++i) EXPECT_TRUE(native_take(addresses[i], &stamp));
    EXPECT_FALSE(native_take(addresses[6], &stamp));
    EXPECT_TRUE(native_empty());
}

/// An allocator's free addresses, and blocks on their way from one thread to another.
TEST(Blocks, are_found_by_whichever_thread_frees_them) {
    constexpr std::size_t threads = 8;
    constexpr std::size_t blocks = 96;
    constexpr int rounds = 10000;
    const auto addresses = addresses_of_sets(blocks, 3);
    struct Slot {
        std::atomic<int> state{0};  // 0 free, 1 being changed, 2 allocated
        std::uint64_t stamp = 0;
    };
    std::array<Slot, blocks> slots;
    std::atomic<std::uint64_t> next{1};
    std::atomic<int> wrong{0};
    std::atomic<int> refused{0};
    const std::uint64_t missed_before = native_missed_frees();
    std::vector<std::thread> running;
    for (std::size_t id = 0; id < threads; ++id)
        running.emplace_back([&, id] {
            std::mt19937 random(static_cast<std::mt19937::result_type>(id));
            for (int i = 0; i < rounds; ++i) {
                const std::size_t at = random() % blocks;
                Slot& slot = slots[at];
                int state = slot.state.load();
                if (state == 1 || !slot.state.compare_exchange_strong(state, 1)) continue;
                std::uint64_t stamp = 0;
                if (state == 2) {
                    if (!native_take(addresses[at], &stamp) || stamp != slot.stamp) ++wrong;
                } else {
                    slot.stamp = next++;
                    // All ways of so few sets may be in the hands of threads that do not run.
                    if (!native_keep(addresses[at], slot.stamp)) ++refused, state = 2;
                }
                slot.state = state == 2 ? 0 : 2;
            }
        });
    for (std::thread& thread : running) thread.join();
    for (std::size_t at = 0; at < blocks; ++at) {
        std::uint64_t stamp = 0;
        if (slots[at].state == 2 &&
            (!native_take(addresses[at], &stamp) || stamp != slots[at].stamp))
            ++wrong;
    }
    EXPECT_EQ(wrong, 0);
    EXPECT_LT(refused, rounds / 10);
    EXPECT_EQ(native_missed_frees(), missed_before);
    EXPECT_TRUE(native_empty());
}

}  // namespace
