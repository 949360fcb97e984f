// SPDX-License-Identifier: GPL-2.0-only
#include "drain/lost_objects.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <utility>

namespace seep {
namespace {

using testing::ElementsAre;
using testing::Pair;

const StackId a{1}, b{2}, c{3}, d{4}, e{5}, f{6};

std::vector<std::pair<StackId, std::uint64_t>> told(const LostObjects& objects,
                                                    const std::vector<StackId>& stacks) {
    std::vector<StackReachability> all;
    for (const StackId stack : stacks) all.push_back({.stack = stack});
    objects.tell(all);
    std::vector<std::pair<StackId, std::uint64_t>> result;
    for (const StackReachability& stack : all) result.emplace_back(stack.object, stack.in_object);
    return result;
}

TEST(LostObjects, GoByAStackThatAllOfTheirStacksAreWith) {
    LostObjects objects;
    objects.add({{7, {b, a, c, c, d}}, {8, {a, b, c}}, {9, {e, f}}});
    EXPECT_THAT(told(objects, {a, b, c, d, e, f}), ElementsAre(Pair(a, 2), Pair(a, 2), Pair(a, 3),
                                                               Pair(a, 1), Pair(e, 1), Pair(e, 1)));
}

TEST(LostObjects, NotAllHaveAllParts) {
    LostObjects objects;
    // The one with the least id is in one of them, with all blocks of d.
    objects.add({{1, {a, b, c, d}}});
    objects.add({{1, {b, c}}, {2, {b, c}}});
    EXPECT_THAT(told(objects, {a, b, c, d}),
                ElementsAre(Pair(b, 1), Pair(b, 3), Pair(b, 3), Pair(b, 1)));
}

TEST(LostObjects, OfManyStacksAllGoByOne) {
    LostObjects objects;
    std::vector<StackId> stacks;
    for (std::uint64_t id = 100; id > 0; --id) stacks.emplace_back(id);
    objects.add({{1, stacks}});
    for (const auto& [object, parts] : told(objects, stacks)) {
        EXPECT_EQ(object, StackId(1));
        EXPECT_EQ(parts, 1U);
    }
}

TEST(LostObjects, NothingIsKnownOfOthers) {
    LostObjects objects;
    objects.add({{1, {a, b}}});
    objects.forget(b);
    EXPECT_THAT(told(objects, {a, b, c}),
                ElementsAre(Pair(a, 1), Pair(StackId(), 0), Pair(StackId(), 0)));
}

}  // namespace
}  // namespace seep
