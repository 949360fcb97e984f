// SPDX-License-Identifier: GPL-2.0-only
#include "output/flame_tree.h"

#include <algorithm>
#include <numeric>
#include <string_view>
#include <unordered_map>

namespace seep {
namespace {

/// A frame with all its children, by index into the tree; a child comes after its parent.
struct Node {
    std::string_view name;
    std::vector<std::size_t> children;
    std::int64_t value = 0;
    std::int64_t count = 0;
    std::int64_t base = 0;
    bool ends_stack = false;
    bool kept = false;
};

class Tree {
 public:
    Tree() : nodes_(1) { nodes_[0].kept = true; }

    void add(const FoldedStack& stack) {
        visit(stack, [&](Node& node) {
            node.value = saturating_add(node.value, stack.value);
            node.count = saturating_add(node.count, stack.count);
        });
    }

    void add_base(const FoldedStack& stack) {
        visit(stack, [&](Node& node) { node.base = saturating_add(node.base, stack.value); });
    }

    /// A parent is as wide as its children or wider and comes first, so that what is kept hangs
    /// together.
    void keep_widest(std::size_t max_frames) {
        std::vector<std::size_t> order(nodes_.size() - 1);
        std::iota(order.begin(), order.end(), 1);
        const std::size_t kept = std::min(max_frames, order.size());
        const auto middle = order.begin() + static_cast<std::ptrdiff_t>(kept);
        std::nth_element(order.begin(), middle, order.end(), [&](std::size_t a, std::size_t b) {
            return nodes_[a].value != nodes_[b].value ? nodes_[a].value > nodes_[b].value : a < b;
        });
        for (auto at = order.begin(); at != middle; ++at) nodes_[*at].kept = true;
    }

    /// What is kept and above 0, in pre-order. Stacks may be deep: no recursion.
    std::vector<FlameFrame> layout() {
        std::vector<FlameFrame> frames;
        struct Pending {
            std::size_t node;
            FlameFrame frame;
        };
        std::vector<Pending> pending{{0, frame_of(nodes_[0])}};
        pending[0].frame.kind = FrameKind::root;
        while (!pending.empty()) {
            Pending next = std::move(pending.back());
            pending.pop_back();
            std::vector<Pending> children;
            FlameFrame merged{.kind = FrameKind::merged};
            std::int64_t start = next.frame.start;
            for (const std::size_t child : widest_first(next.node)) {
                const Node& node = nodes_[child];
                if (node.value == 0) continue;
                FlameFrame frame = frame_of(node);
                if (!node.kept) {
                    merge(merged, frame);
                    continue;
                }
                frame.depth = next.frame.depth + 1;
                frame.start = start;
                start = saturating_add(start, frame.value);
                children.push_back({child, std::move(frame)});
            }
            frames.push_back(std::move(next.frame));
            if (merged.siblings > 0) {
                merged.depth = frames.back().depth + 1;
                merged.start = start;
                children.push_back({no_node, std::move(merged)});
            }
            std::move(children.rbegin(), children.rend(), std::back_inserter(pending));
        }
        return frames;
    }

 private:
    static constexpr std::size_t no_node = ~std::size_t{0};

    template <typename Change>
    void visit(const FoldedStack& stack, Change change) {
        std::size_t at = 0;
        change(nodes_[at]);
        for (const std::string& name : stack.frames) {
            at = child(at, name);
            change(nodes_[at]);
        }
        nodes_[at].ends_stack = true;
    }

    std::size_t child(std::size_t parent, std::string_view name) {
        const std::size_t id = name_ids_.try_emplace(name, name_ids_.size()).first->second;
        const std::uint64_t key = (std::uint64_t{parent} << 32) | id;
        const auto [found, added] = children_.try_emplace(key, nodes_.size());
        if (added) {
            nodes_[parent].children.push_back(nodes_.size());
            nodes_.push_back({.name = name});
        }
        return found->second;
    }

    std::vector<std::size_t> widest_first(std::size_t node) const {
        if (node == no_node) return {};
        std::vector<std::size_t> children = nodes_[node].children;
        std::sort(children.begin(), children.end(), [&](std::size_t a, std::size_t b) {
            return nodes_[a].value != nodes_[b].value ? nodes_[a].value > nodes_[b].value
                                                      : nodes_[a].name < nodes_[b].name;
        });
        return children;
    }

    static FlameFrame frame_of(const Node& node) {
        FlameFrame frame{.name = std::string(node.name),
                         .value = node.value,
                         .count = node.count,
                         .base = node.base};
        if (node.name == "[truncated]") {
            frame.kind = FrameKind::truncated;
        } else if (node.ends_stack) {
            frame.kind = FrameKind::allocator;
        } else if (node.name.starts_with('[')) {
            frame.kind = FrameKind::unknown;
        }
        return frame;
    }

    static void merge(FlameFrame& into, const FlameFrame& frame) {
        into.value = saturating_add(into.value, frame.value);
        into.count = saturating_add(into.count, frame.count);
        into.base = saturating_add(into.base, frame.base);
        ++into.siblings;
    }

    std::vector<Node> nodes_;
    std::unordered_map<std::string_view, std::size_t> name_ids_;
    std::unordered_map<std::uint64_t, std::size_t> children_;  ///< By parent and name id.
};

}  // namespace

std::vector<FlameFrame> flame_tree(const std::vector<FoldedStack>& stacks,
                                   const std::vector<FoldedStack>* base, std::size_t max_frames) {
    Tree tree;
    for (const FoldedStack& stack : stacks) {
        if (stack.value > 0) tree.add(stack);
    }
    if (base != nullptr) {
        for (const FoldedStack& stack : *base) tree.add_base(stack);
    }
    tree.keep_widest(max_frames);
    return tree.layout();
}

}  // namespace seep
