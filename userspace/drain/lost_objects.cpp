// SPDX-License-Identifier: GPL-2.0-only
#include "drain/lost_objects.h"

#include <set>
#include <utility>

namespace seep {
namespace {

/// Of an object.
constexpr std::size_t most_asked_for = 8;

}  // namespace

void LostObjects::add(const Parts& objects) {
    for (const auto& [object, parts] : objects) {
        std::set<StackId> asked_for(parts.begin(), parts.end());
        while (asked_for.size() > most_asked_for) asked_for.erase(std::prev(asked_for.end()));
        for (const StackId part : parts)
            for (const StackId companion : asked_for) ++companions_[part][companion];
    }
}

// Of those that its blocks are with most often, the one that most others are with, too.
void LostObjects::tell(std::vector<StackReachability>& stacks) const {
    std::unordered_map<StackId, std::uint64_t> company;
    for (const auto& [stack, all] : companions_)
        for (const auto& [companion, blocks] : all) company[companion] += blocks;
    for (StackReachability& stack : stacks) {
        const auto found = companions_.find(stack.stack);
        if (found == companions_.end()) continue;
        std::pair<std::uint64_t, std::uint64_t> most;
        for (const auto& [companion, blocks] : found->second) {
            const std::pair here{blocks, company.at(companion)};
            if (here <= most) continue;
            most = here;
            stack.object = companion;
            stack.in_object = blocks;
        }
    }
}

}  // namespace seep
