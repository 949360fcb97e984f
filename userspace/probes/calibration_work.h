// SPDX-License-Identifier: GPL-2.0-only
#pragma once

// Work such as servers do between two allocations, to measure what a probe's hit costs in the midst
// of it: a message through a socket and back out of it, and a pass over some data. Between them the
// kernel's code and the data fill the processor's first-level caches, and its predictors forget.
// Some microseconds each time. Not thread-safe.

#include <array>

#include "base/handles.h"
#include "base/result.h"

namespace seep {

class OtherWork {
 public:
    static Result<OtherWork> prepare();
    void do_some();

 private:
    OtherWork(UniqueFd in, UniqueFd out) : in_(std::move(in)), out_(std::move(out)) {}

    UniqueFd in_;
    UniqueFd out_;
    std::array<char, 512> message_{};
    std::array<unsigned char, 1 << 15> data_{};
    unsigned sum_ = 0;
};

}  // namespace seep
