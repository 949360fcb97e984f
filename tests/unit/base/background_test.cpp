// SPDX-License-Identifier: GPL-2.0-only
#include "base/background.h"

#include <gtest/gtest.h>
#include <poll.h>

#include <atomic>
#include <future>
#include <memory>

namespace seep {
namespace {

bool readable(int fd, int timeout_ms) {
    pollfd waiting{fd, POLLIN, 0};
    return poll(&waiting, 1, timeout_ms) == 1;
}

TEST(Background, TellsByItsDescriptorThatTheValueIsThere) {
    Background<std::unique_ptr<int>> work;
    std::promise<int> input;
    EXPECT_FALSE(work.busy());
    EXPECT_FALSE(work.take());
    work.start([&input] { return std::make_unique<int>(input.get_future().get()); });
    EXPECT_TRUE(work.busy());
    EXPECT_FALSE(readable(work.fd(), 0));
    EXPECT_FALSE(work.take());
    input.set_value(7);
    EXPECT_EQ(*work.wait(), 7);
    EXPECT_FALSE(readable(work.fd(), 0));
    EXPECT_FALSE(work.busy());

    work.start([] { return std::make_unique<int>(8); });
    ASSERT_TRUE(readable(work.fd(), 60'000));
    EXPECT_EQ(**work.take(), 8);
    EXPECT_FALSE(readable(work.fd(), 0));
    EXPECT_FALSE(work.take());
}

TEST(Background, WaitsForItsWorkAtItsEnd) {
    std::atomic<bool> done = false;
    {
        Background<int> work;
        work.start([&done] {
            done = true;
            return 0;
        });
    }
    EXPECT_TRUE(done);
}

}  // namespace
}  // namespace seep
