// SPDX-License-Identifier: GPL-2.0-only
#include "drain/lost_blocks.h"

#include <spdlog/spdlog.h>

#include <algorithm>
#include <iterator>
#include <map>
#include <set>
#include <utility>

#include "base/clock.h"

namespace seep {
namespace {

/// 40 bytes each while they are looked for.
constexpr std::size_t most_blocks = std::size_t{1} << 17;
/// For later searches.
constexpr std::size_t most_followed_of_stack = 64;
constexpr std::size_t most_followed = 8192;
constexpr std::size_t most_stacks = 8192;
/// A pointer to a younger block may be in a register.
constexpr std::int64_t least_age_ns = 1'000'000'000;
/// Of a stack, for those that are looked at again not to be asked: more are hardly a program's that
/// has them in hand.
constexpr std::uint64_t enough_lost = 10;
/// Of the first search, and then so many times that of the one before; likewise of the last.
constexpr std::int64_t first_age_ns = 8'000'000'000;
constexpr double between = 1.75;
constexpr std::int64_t least_last_age_ns = 3'000'000'000;
constexpr double before_last = 1.2;
/// Of the time since attach, what a search may take; of that since the last search, where a window
/// goes on for as long, at the cost of its probes.
constexpr double most_time = 0.01;
constexpr double most_window_time = 0.004;
/// The first one through all of the heap.
constexpr double most_first_s = 1;
/// Of what of the heap was lost, what may have been freed later: the program hides its pointers.
constexpr double most_freed = 0.02;

double seconds(std::int64_t ns) {
    return static_cast<double>(ns) / 1e9;
}

std::int64_t born_ns(const seep_live& block) {
    return static_cast<std::int64_t>(block.born & ~SEEP_BORN_EXACT) * 1000;
}

std::uint64_t weighted_bytes(const seep_live& block) {
    return static_cast<std::uint64_t>(static_cast<double>(block.bytes) *
                                      static_cast<double>(block.weight) / 0x1p32);
}

/// Whether it is one of some in order.
bool is_among(const std::vector<OutstandingBlock>& blocks, const OutstandingBlock& block) {
    const auto found =
        std::ranges::lower_bound(blocks, block.address, {}, &OutstandingBlock::address);
    return found != blocks.end() && found->address == block.address &&
           found->block.born == block.block.born;
}

BlockRange range_of(const OutstandingBlock& block) {
    return {block.address, block.block.bytes};
}
BlockRange range_of(const RevisitedBlock& block) {
    return {block.address, block.bytes};
}

/// Ascending and apart: of two at one place, one was freed meanwhile.
template <typename Block>
void order(std::vector<Block>& blocks) {
    std::ranges::sort(blocks, {}, &Block::address);
    std::uint64_t end = 0;
    std::erase_if(blocks, [&](const Block& block) {
        const BlockRange range = range_of(block);
        if (range.address < end) return true;
        end = range.address + std::max<std::uint64_t>(range.bytes, 1);
        return false;
    });
}

template <typename Block>
std::vector<BlockRange> ranges_of(const std::vector<Block>& blocks) {
    std::vector<BlockRange> ranges;
    ranges.reserve(blocks.size());
    for (const Block& block : blocks) ranges.push_back(range_of(block));
    return ranges;
}

}  // namespace

LostBlocks::LostBlocks(const KernelObject& kernel) : kernel_(&kernel) {}

bool LostBlocks::is_due(Occasion occasion, std::int64_t now_ns, std::uint64_t bytes) const {
    const auto attached_ns = static_cast<std::int64_t>(kernel_->attach_time_ns());
    if (occasion == Occasion::window_end)
        return now_ns - attached_ns >= first_age_ns &&
               reading_.seconds_for(bytes) <=
                   most_window_time * seconds(now_ns - std::max(searched_ns_, attached_ns));
    return is_due_after(searched_ns_, occasion, now_ns, bytes);
}

bool LostBlocks::is_due_again(Occasion occasion, std::int64_t now_ns, std::uint64_t bytes) const {
    return is_due_after(searched_again_ns_, occasion, now_ns, bytes);
}

double LostBlocks::most_s(Occasion occasion, std::int64_t now_ns) const {
    const double age = seconds(now_ns - static_cast<std::int64_t>(kernel_->attach_time_ns()));
    const double most = most_time * age;
    return occasion == Occasion::end ? std::max(most, most_last_reading_s(age)) : most;
}

Through LostBlocks::affordable(Occasion occasion, std::int64_t now_ns, std::uint64_t bytes) const {
    const double first_s = lost_of_heap_.empty() ? most_first_s : 0;
    return reading_with_heap_.seconds_for(bytes) <= std::max(most_s(occasion, now_ns), first_s)
               ? Through::heap
               : Through::asked;
}

bool LostBlocks::is_due_after(std::int64_t last_ns, Occasion occasion, std::int64_t now_ns,
                              std::uint64_t bytes) const {
    const bool is_last = occasion == Occasion::end;
    const auto attached_ns = static_cast<std::int64_t>(kernel_->attach_time_ns());
    const double age = seconds(now_ns - attached_ns);
    const double least = last_ns == 0
                             ? seconds(is_last ? least_last_age_ns : first_age_ns)
                             : (is_last ? before_last : between) * seconds(last_ns - attached_ns);
    return age >= least && reading_.seconds_for(bytes) <= most_s(occasion, now_ns);
}

void LostBlocks::search(Occasion occasion, std::uint64_t bytes, const PidOfSlot& pid_of,
                        const StackOfId& stack_of) {
    searched_ns_ = monotonic_ns();
    // What was found when all frees were seen is of other blocks.
    if (!std::exchange(in_window_, occasion == Occasion::window_end) && in_window_) {
        stacks_.clear();
        objects_.clear();
        born_within_us_ = 0;
    }
    const auto now_us =
        (static_cast<std::uint64_t>(searched_ns_) - kernel_->attach_time_ns()) / 1000;
    if (in_window_)
        born_within_us_ += now_us - std::min(now_us, kernel_->window_began_us());
    else
        born_within_us_ = now_us - std::min<std::uint64_t>(now_us, least_age_ns / 1000);
    auto outstanding = read_outstanding(*kernel_, most_blocks);
    if (!outstanding) {
        spdlog::debug("{}", outstanding.error().message);
        return;
    }
    std::map<std::uint32_t, std::vector<OutstandingBlock>> by_slot;
    all_known_ = outstanding->all && kernel_->follows_all();
    for (const OutstandingBlock& block : outstanding->blocks)
        if (!in_window_ || kernel_->is_of_this_window(block.block))
            by_slot[block.process_slot].push_back(block);
    // Blocks of one window are held by others of it, and a search lengthens it.
    const Through through = in_window_ ? Through::asked : affordable(occasion, searched_ns_, bytes);
    bool searched = false;
    for (auto& [slot, blocks] : by_slot)
        if (const pid_t pid = pid_of(slot);
            pid != 0 && search(pid, std::move(blocks), through, stack_of))
            searched = true;
    if (searched) learn_speed(through, searched_ns_, bytes, outstanding->blocks.size());
}

void LostBlocks::learn_speed(Through through, std::int64_t since_ns, std::uint64_t bytes,
                             std::size_t blocks) {
    const bool with_heap = through == Through::heap;
    const double took = seconds(monotonic_ns() - since_ns);
    spdlog::debug("searched {} bytes{} for {} blocks in {:.3g} s", bytes,
                  with_heap ? ", through all of the heap," : "", blocks, took);
    (with_heap ? reading_with_heap_ : reading_).learn(bytes, took);
}

bool LostBlocks::search(pid_t pid, std::vector<OutstandingBlock> blocks, Through through,
                        const StackOfId& stack_of) {
    order(blocks);
    const auto reached = pointers_.search(pid, ranges_of(blocks), through);
    if (!reached) return false;
    if (!blocks.empty()) count_heap(blocks.front().process_slot, *reached);
    std::vector<OutstandingBlock> lost;
    ObjectOf object_of;
    for (std::size_t i = 0; i < blocks.size(); ++i) {
        if (reached->is_reached[i]) continue;
        lost.push_back(blocks[i]);
        if (reached->objects[i]) object_of[blocks[i].address] = *reached->objects[i];
    }
    Result<void> kept = keep_outstanding(*kernel_, lost);
    // Most of what is as young as a window is freed soon.
    if (kept && in_window_) kept = keep_outstanding(*kernel_, blocks);
    if (!kept) {
        spdlog::debug("{}", kept.error().message);
        return false;
    }
    follow_up(blocks, lost);
    count(blocks, lost, object_of, stack_of);
    return true;
}

void LostBlocks::follow_up(const std::vector<OutstandingBlock>& blocks,
                           const std::vector<OutstandingBlock>& lost) {
    if (followed_.empty() || blocks.empty()) return;
    const auto is_here = [&](const Followed& followed) {
        return followed.block.process_slot == blocks.front().process_slot;
    };
    std::vector<OutstandingBlock> there;  // though not lost
    for (const Followed& followed : followed_)
        if (is_here(followed) && !is_among(lost, followed.block)) there.push_back(followed.block);
    if (const Result<void> kept = keep_outstanding(*kernel_, there); !kept) return;
    std::ranges::sort(there, {}, &OutstandingBlock::address);
    std::erase_if(followed_, [&](Followed& followed) {
        if (!is_here(followed)) return false;
        const bool is_there = is_among(there, followed.block);
        // Those of earlier windows are not looked for, but may be seen to be free.
        const bool is_lost = is_among(lost, followed.block) || (in_window_ && is_there);
        // Reached, by what may be no pointer; or not looked for, as there are too many.
        if (!is_lost && is_there) return true;
        StackReachability& stack = stacks_[followed.stack];
        stack.stack = followed.stack;
        if (!std::exchange(followed.told, true)) ++stack.followed;
        if (is_lost) return false;
        ++stack.refuted;
        untold_.insert(followed.stack);
        return true;
    });
}

void LostBlocks::count(const std::vector<OutstandingBlock>& blocks,
                       const std::vector<OutstandingBlock>& lost, const ObjectOf& object_of,
                       const StackOfId& stack_of) {
    std::vector<OutstandingBlock> known;
    std::map<StackId, std::size_t> followed;
    for (const Followed& each : followed_) {
        known.push_back(each.block);
        ++followed[each.stack];
    }
    std::ranges::sort(known, {}, &OutstandingBlock::address);
    const auto attached_ns = static_cast<std::int64_t>(kernel_->attach_time_ns());
    const auto age_ns = [&](const OutstandingBlock& block) {
        return searched_ns_ - attached_ns - born_ns(block.block);
    };
    std::set<StackId> counted;
    const auto stack_with = [&](const OutstandingBlock& block) -> StackReachability* {
        const StackId id = stack_of(StackId(block.block.stack));
        if ((age_ns(block) < least_age_ns && !in_window_) || id == StackId() ||
            (!stacks_.contains(id) && stacks_.size() >= most_stacks))
            return nullptr;
        StackReachability& stack = stacks_[id];
        stack.stack = id;
        if (!counted.insert(id).second) return &stack;
        untold_.insert(id);
        stack.all_known = all_known_;
        if (!in_window_) {
            stack.looked = stack.lost = stack.lost_bytes = stack.lost_age_us = 0;
            objects_.forget(id);
        }
        return &stack;
    };
    for (const OutstandingBlock& block : blocks)
        if (StackReachability* const stack = stack_with(block)) ++stack->looked;
    std::map<StackId, std::int64_t> ages_ns;
    LostObjects::Parts objects;
    for (const OutstandingBlock& block : lost) {
        StackReachability* const stack = stack_with(block);
        if (stack == nullptr) continue;
        ++stack->lost;
        stack->lost_bytes += weighted_bytes(block.block);
        ages_ns[stack->stack] += age_ns(block);
        if (const auto object = object_of.find(block.address); object != object_of.end())
            objects[object->second].push_back(stack->stack);
        if (is_among(known, block) || followed_.size() >= most_followed ||
            followed[stack->stack] >= most_followed_of_stack)
            continue;
        ++followed[stack->stack];
        followed_.push_back({block, stack->stack});
    }
    objects_.add(objects);
    for (auto& [id, stack] : stacks_) {
        if (counted.contains(id) || (in_window_ && stack.lost > 0)) {
            stack.born_within_us = born_within_us_;
            untold_.insert(id);
        }
    }
    if (in_window_) return;
    for (const auto& [id, age] : ages_ns)
        stacks_[id].lost_age_us =
            static_cast<std::uint64_t>(age / 1000) / std::max<std::uint64_t>(stacks_[id].lost, 1);
}

void LostBlocks::search_again(Occasion occasion, const std::vector<RevisitedBlock>& blocks,
                              std::uint64_t bytes, const PidOfSlot& pid_of) {
    searched_again_ns_ = monotonic_ns();
    const Through through = affordable(occasion, searched_again_ns_, bytes);
    for (auto& [id, stack] : again_) stack.looked = stack.lost = 0;
    objects_again_.clear();
    std::map<std::uint32_t, std::vector<RevisitedBlock>> by_slot;
    for (const RevisitedBlock& block : blocks) by_slot[block.process_slot].push_back(block);
    bool searched = false;
    for (auto& [slot, all] : by_slot)
        if (const pid_t pid = pid_of(slot); pid != 0 && search_again(pid, std::move(all), through))
            searched = true;
    if (searched) learn_speed(through, searched_again_ns_, bytes, blocks.size());
}

bool LostBlocks::search_again(pid_t pid, std::vector<RevisitedBlock> blocks, Through through) {
    order(blocks);
    const auto reached = pointers_.search(pid, ranges_of(blocks), through);
    if (!reached) return false;
    const std::uint32_t slot = blocks.front().process_slot;
    count_heap(slot, *reached);
    std::map<std::pair<std::uint32_t, std::uint64_t>, StackId> lost;
    LostObjects::Parts objects;
    for (std::size_t i = 0; i < blocks.size(); ++i) {
        StackReachability& stack = again_[blocks[i].stack];
        stack.stack = blocks[i].stack;
        stack.all_known = reached->in_heap[i] && (stack.looked == 0 || stack.all_known);
        ++stack.looked;
        if (reached->is_reached[i]) continue;
        ++stack.lost;
        lost.emplace(std::pair(slot, blocks[i].address), blocks[i].stack);
        if (reached->objects[i]) objects[*reached->objects[i]].push_back(stack.stack);
    }
    objects_again_.add(objects);
    for (const auto& [place, id] : lost_again_) {
        if (place.first != slot) continue;
        const bool is_there =
            std::ranges::binary_search(blocks, place.second, {}, &RevisitedBlock::address);
        if (is_there && !lost.contains(place)) continue;  // reached, by what may be no pointer
        ++again_[id].followed;
        if (!is_there) ++again_[id].refuted;
    }
    std::erase_if(lost_again_, [&](const auto& each) { return each.first.first == slot; });
    lost_again_.merge(lost);
    for (const auto& [id, stack] : again_)
        if (stack.looked > 0) untold_.insert(id);
    return true;
}

void LostBlocks::count_heap(std::uint32_t process_slot, const Reached& reached) {
    if (!reached.lost_of_heap) return;
    std::vector<BlockRange>& before = lost_of_heap_[process_slot];
    std::vector<BlockRange> freed;
    std::ranges::set_difference(before, reached.heap, std::back_inserter(freed));
    const bool was_lost =
        static_cast<double>(freed.size()) <= 1 + most_freed * static_cast<double>(before.size());
    before = *reached.lost_of_heap;
    spdlog::debug("{} of {} blocks of the heap are lost; of those before, {} were freed",
                  before.size(), reached.heap.size(), freed.size());
    if (!was_lost) return;
    auto& sizes = lost_of_heaps_[process_slot];
    sizes.clear();
    for (const BlockRange& block : before) {
        const std::uint64_t bytes = chunk_of(block.bytes);
        sizes[size_class(bytes)] += {1, bytes};
    }
}

std::vector<StackReachability> LostBlocks::take() {
    std::vector<StackReachability> by_searches;
    std::vector<StackReachability> by_later_ones;
    for (const StackId id : std::exchange(untold_, {})) {
        const StackReachability& seen = stacks_[id];
        const auto again = again_.find(id);
        const bool tells_more = seen.lost < enough_lost && again != again_.end() &&
                                again->second.looked > 0 && again->second.lost >= seen.lost;
        StackReachability& told =
            tells_more ? by_later_ones.emplace_back(again->second) : by_searches.emplace_back(seen);
        told.stack = id;
    }
    objects_.tell(by_searches);
    objects_again_.tell(by_later_ones);
    by_searches.insert(by_searches.end(), by_later_ones.begin(), by_later_ones.end());
    return by_searches;
}

void LostBlocks::forget(std::uint32_t process_slot, const std::vector<StackId>& stacks) {
    std::erase_if(followed_, [&](const Followed& followed) {
        return followed.block.process_slot == process_slot;
    });
    std::erase_if(lost_again_, [&](const auto& each) { return each.first.first == process_slot; });
    lost_of_heap_.erase(process_slot);
    for (const StackId id : stacks) {
        stacks_.erase(id);
        objects_.forget(id);
        again_.erase(id);
        objects_again_.forget(id);
        untold_.erase(id);
    }
}

}  // namespace seep
