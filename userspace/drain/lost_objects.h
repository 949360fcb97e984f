// SPDX-License-Identifier: GPL-2.0-only
#pragma once

// What is lost together: of objects of several lost blocks (Reachability::objects()), the stacks
// that these come from. Of all objects of one kind a stack is named that has blocks in each of
// them, the same for all their stacks:
//
//     object      stacks of its blocks     named
//     query 1     a b c d                  a: by b, c, d and itself
//     query 2     a b c
//     reply 1     e f                      e: by f and itself
//
// As an object may have blocks of many stacks, it is asked for the company of some of them alone,
// those with the least ids: of objects of one kind, mostly the same. Not thread-safe.

#include <cstddef>
#include <cstdint>
#include <map>
#include <unordered_map>
#include <vector>

#include "base/ids.h"
#include "drain/snapshot.h"

namespace seep {

class LostObjects {
 public:
    /// Of objects, by any number, the stack of each lost block.
    using Parts = std::map<std::size_t, std::vector<StackId>>;
    void add(const Parts& objects);
    /// Nothing more is known of a stack's blocks.
    void forget(StackId stack) { companions_.erase(stack); }
    void clear() { companions_.clear(); }

    /// Names what the lost blocks of each are parts of (StackReachability::object).
    void tell(std::vector<StackReachability>& stacks) const;

 private:
    /// Of the lost blocks of each stack, how many are in objects that have blocks of another.
    std::unordered_map<StackId, std::map<StackId, std::uint64_t>> companions_;
};

}  // namespace seep
