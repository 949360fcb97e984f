// SPDX-License-Identifier: GPL-2.0-only
#include "drain/revisits.h"

#include <spdlog/spdlog.h>

#include <algorithm>
#include <chrono>
#include <map>
#include <thread>
#include <utility>

#include "drain/lifetime_bucket.h"
#include "target/memory_reading.h"

namespace seep {
namespace {

/// At a time: of a stack, and of all. Each costs 200 bytes here, and a read now and then.
constexpr std::size_t most_of_stack = 256;
constexpr std::size_t most_of_all = 16384;
constexpr std::size_t most_stacks = 8192;
/// More, and the oldest are given up.
constexpr std::size_t most_cohorts = 32768;
/// In a window.
constexpr std::size_t most_chosen_of_stack = 64;
constexpr std::size_t most_chosen = 3072;
/// Of each stack, to tell what its blocks have in common.
constexpr std::size_t samples_of_stack = 4;
/// Of those of a cohort that cannot be taken for others, what may be changed beyond that, if the
/// rest is to stand for it.
constexpr double most_changed = 0.25;
/// What a block of that age has not been filled with yet, it hardly ever is.
constexpr std::chrono::microseconds filling_time{500};

std::size_t bucket_of(std::int64_t age_ns) {
    return lifetime_bucket(static_cast<std::uint64_t>(std::max<std::int64_t>(0, age_ns / 1000)));
}

/// Reads some blocks, process by process. `read(index, contents)`: empty if it is not mapped any
/// more. Those of processes that cannot be read are left out.
template <typename Address, typename Read>
void read_blocks(std::size_t count, const PidOfSlot& pid_of, Address address_of, Read read) {
    struct Batch {
        std::vector<std::size_t> indices;
        std::vector<MemoryPiece> pieces;
    };
    std::map<std::uint32_t, Batch> batches;
    for (std::size_t i = 0; i < count; ++i) {
        const auto [slot, address, bytes] = address_of(i);
        Batch& batch = batches[slot];
        batch.indices.push_back(i);
        batch.pieces.push_back({address, std::min(bytes, fingerprint_reach)});
    }
    for (const auto& [slot, batch] : batches) {
        const pid_t pid = pid_of(slot);
        if (pid == 0) continue;
        auto contents = read_memory(pid, batch.pieces);
        if (!contents) {
            spdlog::debug("{} (process {})", contents.error().message, pid);
            continue;
        }
        for (std::size_t i = 0; i < contents->size(); ++i)
            read(batch.indices[i], std::move((*contents)[i]));
    }
}

struct Place {
    std::uint32_t process_slot;
    std::uint64_t address;
    std::size_t bytes;
};

}  // namespace

Result<Revisits> Revisits::create(const KernelObject& kernel) {
    auto recent = RecentBlocks::map(kernel);
    if (!recent) return recent.error();
    return Revisits(kernel, std::move(*recent));
}

void Revisits::choose(const PidOfSlot& pid_of) {
    chosen_.clear();
    std::unordered_map<std::uint64_t, std::size_t> chosen_of_stack;
    recent_.for_each([&](const RecentBlock& recent) {
        if (chosen_.size() >= most_chosen || !kernel_->is_of_this_window(recent.block)) return;
        std::size_t& of_stack = chosen_of_stack[recent.block.stack];
        const auto known = stacks_.find(StackId(recent.block.stack));
        if (known != stacks_.end() && known->second.watched >= most_of_stack) return;
        if (of_stack >= most_chosen_of_stack) return;
        ++of_stack;
        chosen_.push_back({recent, {}});
    });
    if (chosen_.empty()) return;
    std::this_thread::sleep_for(filling_time);
    read_blocks(
        chosen_.size(), pid_of,
        [&](std::size_t i) {
            const RecentBlock& recent = chosen_[i].recent;
            return Place{recent.process_slot(), recent.address(),
                         static_cast<std::size_t>(recent.block.bytes)};
        },
        [&](std::size_t i, std::string contents) { chosen_[i].contents = std::move(contents); });
}

void Revisits::watch(std::int64_t now_ns, const StackOfId& stack_of) {
    std::erase_if(chosen_, [&](const Block& block) {
        return block.contents.empty() || !recent_.holds(block.recent);
    });
    std::map<StackId, std::vector<const Block*>> by_stack;
    for (const Block& block : chosen_)
        by_stack[stack_of(StackId(block.recent.block.stack))].push_back(&block);
    by_stack.erase(StackId());
    for (const auto& [id, blocks] : by_stack) {
        if (!stacks_.contains(id) && stacks_.size() >= most_stacks) continue;
        Stack& stack = stacks_[id];
        stack.seen.stack = id;
        stack.process_slot = blocks.front()->recent.process_slot();
        Cohort cohort{.stack = id, .process_slot = stack.process_slot, .since_ns = now_ns};
        for (const Block* block : blocks) {
            std::vector<std::string_view> siblings(stack.samples.begin(), stack.samples.end());
            for (const Block* other : blocks)
                if (other != block) siblings.push_back(other->contents);
            auto print = fingerprint(block->recent.address(), block->contents, siblings);
            if (!print || watched_ >= most_of_all || stack.watched >= most_of_stack) continue;
            ++stack.watched;
            ++watched_;
            cohort.watched.push_back(
                {block->recent.address(), block->contents.size(), std::move(*print)});
        }
        if (!cohort.watched.empty()) cohorts_.push_back(std::move(cohort));
        for (const Block* block : blocks) {
            stack.samples.push_back(block->contents);
            if (stack.samples.size() > samples_of_stack) stack.samples.pop_front();
        }
    }
    chosen_.clear();
    for (; cohorts_.size() > most_cohorts; cohorts_.pop_front()) {
        stacks_[cohorts_.front().stack].watched -= cohorts_.front().watched.size();
        watched_ -= cohorts_.front().watched.size();
    }
}

void Revisits::look(const PidOfSlot& pid_of, std::int64_t now_ns) {
    struct Due {
        Cohort* cohort;
        std::size_t block;
    };
    std::vector<Due> due;
    std::vector<Cohort*> cohorts;
    for (Cohort& cohort : cohorts_) {
        if (bucket_of(now_ns - cohort.since_ns) <= cohort.last_bucket) continue;
        cohort.last_bucket = bucket_of(now_ns - cohort.since_ns);
        cohort.unread = cohort.watched.size();
        cohorts.push_back(&cohort);
        for (std::size_t i = 0; i < cohort.watched.size(); ++i) due.push_back({&cohort, i});
    }
    read_blocks(
        due.size(), pid_of,
        [&](std::size_t i) {
            const Watched& watched = due[i].cohort->watched[due[i].block];
            return Place{due[i].cohort->process_slot, watched.address, watched.bytes};
        },
        [&](std::size_t i, const std::string& contents) {
            Cohort& cohort = *due[i].cohort;
            Watched& watched = cohort.watched[due[i].block];
            watched.seen = recognize(watched.fingerprint, contents);
            --cohort.unread;
        });
    for (Cohort* const cohort : cohorts)
        if (cohort->unread == 0) count(*cohort);
}

/// Those that are gone are not read any more.
void Revisits::count(Cohort& cohort) {
    Stack& stack = stacks_[cohort.stack];
    stack.told = false;
    std::uint64_t same = 0;
    std::uint64_t similar = 0;
    std::uint64_t changed = 0;
    for (const Watched& watched : cohort.watched) {
        same += watched.seen == Recognition::same ? 1 : 0;
        similar += watched.seen == Recognition::similar ? 1 : 0;
        changed += watched.seen == Recognition::similar && watched.fingerprint.is_sure ? 1 : 0;
        if (watched.seen != Recognition::gone) continue;
        ++(watched.fingerprint.is_sure ? cohort.gone_surely : cohort.gone_vaguely);
        --stack.watched;
        --watched_;
    }
    std::erase_if(cohort.watched,
                  [](const Watched& watched) { return watched.seen == Recognition::gone; });
    const auto add = [&](Looks& looks, std::uint64_t there, std::uint64_t gone) {
        if (there + gone == 0) return;
        const std::size_t buckets = std::max(looks.looked.size(), cohort.last_bucket + 1);
        looks.looked.resize(buckets);
        looks.gone.resize(buckets);
        looks.looked[cohort.last_bucket] += there + gone;
        looks.gone[cohort.last_bucket] += gone;
    };
    // Those that are the same as ever are not all that is there of the others, or they are.
    const auto sure = static_cast<double>(same + cohort.gone_surely + changed);
    if (static_cast<double>(changed) > most_changed * sure) {
        add(stack.seen.vague, same + similar, cohort.gone_surely + cohort.gone_vaguely);
        return;
    }
    add(stack.seen.sure, same, cohort.gone_surely);
    add(stack.seen.vague, similar, cohort.gone_vaguely);
}

std::vector<StackRevisits> Revisits::take() {
    std::vector<StackRevisits> result;
    for (auto& [id, stack] : stacks_)
        if (!std::exchange(stack.told, true)) result.push_back(stack.seen);
    return result;
}

std::vector<RevisitedBlock> Revisits::still_there() const {
    std::vector<RevisitedBlock> blocks;
    for (const Cohort& cohort : cohorts_) {
        if (cohort.last_bucket == 0) continue;
        for (const Watched& watched : cohort.watched)
            if (watched.fingerprint.is_sure && watched.seen == Recognition::same)
                blocks.push_back(
                    {cohort.stack, cohort.process_slot, watched.address, watched.bytes});
    }
    return blocks;
}

void Revisits::forget(std::uint32_t process_slot) {
    std::erase_if(cohorts_, [&](const Cohort& cohort) {
        if (cohort.process_slot != process_slot) return false;
        watched_ -= cohort.watched.size();
        return true;
    });
    std::erase_if(stacks_, [&](const auto& s) { return s.second.process_slot == process_slot; });
}

}  // namespace seep
