// SPDX-License-Identifier: GPL-2.0-only
#pragma once

// Files that wait to be delivered, oldest first, in a directory of their own: bounded in bytes, the
// oldest go to make room and are counted. What an earlier run left is there. One file an entry,
// written under another name first, so that one that is there is whole:
//
//     000001763662000-000001763662060-000007.pb.gz     from, until (Unix time), number
//
// Not thread-safe.

#include <cstdint>
#include <deque>
#include <optional>
#include <string>
#include <string_view>

#include "base/handles.h"
#include "base/result.h"

namespace seep {

class Spool {
 public:
    struct Entry {
        std::string name;
        std::int64_t from = 0;
        std::int64_t until = 0;
        std::uint64_t bytes = 0;
    };

    /// Makes the directory (mode 0700) if it is not there. bad_input if it cannot be used, or
    /// another recorder uses it.
    static Result<Spool> open(const std::string& directory, std::uint64_t max_bytes);

    /// An error: nothing was added.
    Result<void> add(std::string_view content, std::int64_t from, std::int64_t until);
    [[nodiscard]] const Entry* oldest() const {
        return entries_.empty() ? nullptr : &entries_.front();
    }
    [[nodiscard]] Result<std::string> read(const Entry& entry) const;
    /// Removes an entry; one that went to make room meanwhile is no error.
    void remove(const Entry& entry);

    [[nodiscard]] std::size_t size() const { return entries_.size(); }
    /// Entries that went to make room.
    [[nodiscard]] std::uint64_t dropped() const { return dropped_; }

 private:
    Spool(std::string directory, std::uint64_t max_bytes, UniqueFd lock)
        : directory_(std::move(directory)), max_bytes_(max_bytes), lock_(std::move(lock)) {}
    [[nodiscard]] std::string path(const std::string& name) const {
        return directory_ + "/" + name;
    }
    void find_entries();
    void make_room(std::uint64_t bytes);

    std::string directory_;
    std::uint64_t max_bytes_;
    UniqueFd lock_;  ///< The directory, locked.
    std::deque<Entry> entries_;
    std::uint64_t bytes_ = 0;
    std::uint64_t dropped_ = 0;
    std::uint64_t number_ = 0;
};

}  // namespace seep
