// SPDX-License-Identifier: GPL-2.0-only
#pragma once

// A counter of work that somebody else keeps in a file: requests served, jobs done. The file's
// first word is the count since whenever, in decimal; who writes it replaces or overwrites it.
// Not thread-safe.

#include <cstdint>
#include <string>

#include "base/result.h"

namespace seep {

class WorkFile {
 public:
    /// bad_input if it cannot be read now, or does not begin with a number.
    static Result<WorkFile> open(const std::string& path);

    /// The count. While the file cannot be read (it is just being replaced), the last one. A count
    /// that goes back (its writer was restarted) goes on from the last one.
    std::uint64_t read();
    /// What is wrong, when nothing could be counted for the third time in a row, or a count went
    /// back; once for each, by the last read().
    [[nodiscard]] const std::string& trouble() const { return trouble_; }

 private:
    WorkFile(std::string path, std::uint64_t count) : path_(std::move(path)), seen_(count) {}

    std::string path_;
    std::uint64_t seen_ = 0;   ///< In the file, when it was last read.
    std::uint64_t total_ = 0;  ///< Since open().
    int misses_ = 0;           ///< In a row.
    std::string trouble_;
};

}  // namespace seep
