// SPDX-License-Identifier: GPL-2.0-only
#pragma once

// Work beside a loop over poll(): one function at a time runs on a thread of its own, and a
// descriptor tells when its value can be taken.
//
//     Background<Result<Report>> analysis;
//     analysis.start([=] { return load_report(request); });
//     poll(analysis.fd()); if (auto report = analysis.take()) show(*report);
//
// All members are called by one thread. Destruction waits for what is under way: what the function
// uses must live as long as this.

#include <sys/eventfd.h>

#include <cstdint>
#include <future>
#include <optional>
#include <utility>

#include "base/handles.h"

namespace seep {

template <typename T>
class Background {
 public:
    Background() : done_(eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK)) {}

    /// Readable once the function has returned; until take() is called.
    [[nodiscard]] int fd() const { return done_.get(); }
    /// From start() to take().
    [[nodiscard]] bool busy() const { return value_.valid(); }

    /// Not while busy.
    template <typename Function>
    void start(Function function) {
        value_ = std::async(std::launch::async, [fd = fd(), function = std::move(function)] {
            T value = function();
            eventfd_write(fd, 1);
            return value;
        });
    }

    /// What the function returned, once; empty if it has not returned yet.
    std::optional<T> take() {
        eventfd_t count = 0;
        if (eventfd_read(fd(), &count) != 0) return std::nullopt;
        return value_.get();
    }
    /// The same, waiting for it. While busy.
    T wait() {
        T value = value_.get();
        eventfd_t count = 0;
        eventfd_read(fd(), &count);
        return value;
    }

 private:
    UniqueFd done_;
    std::future<T> value_;  ///< Of std::async: its destructor waits. Before done_ is closed.
};

}  // namespace seep
