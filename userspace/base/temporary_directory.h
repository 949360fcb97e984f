// SPDX-License-Identifier: GPL-2.0-only
#pragma once

// A directory of our own for files that nobody else is to see, mode 0700, below TMPDIR or /tmp.
// Destruction removes it with all that is in it. Not thread-safe.

#include <string>

#include "base/result.h"

namespace seep {

class TemporaryDirectory {
 public:
    static Result<TemporaryDirectory> create();
    TemporaryDirectory(TemporaryDirectory&& other) noexcept;
    TemporaryDirectory& operator=(TemporaryDirectory&&) = delete;
    ~TemporaryDirectory();

    [[nodiscard]] std::string file(const std::string& name) const { return path_ + "/" + name; }

 private:
    explicit TemporaryDirectory(std::string path) : path_(std::move(path)) {}
    std::string path_;  ///< Empty: moved from.
};

}  // namespace seep
