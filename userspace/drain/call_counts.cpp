// SPDX-License-Identifier: GPL-2.0-only
#include "drain/call_counts.h"

#include <spdlog/spdlog.h>

#include <algorithm>
#include <chrono>
#include <thread>
#include <utility>

#include "base/clock.h"
#include "drain/governor.h"
#include "drain/tracer.h"
#include "probes/call_sites.h"
#include "target/process.h"
#include "target/process_counters.h"

namespace seep {
namespace {

/// Beyond, no more are chosen, and no more calls are kept.
constexpr std::size_t most_stacks = 1024;
constexpr std::size_t most_calls = 48;
/// Further out are loops and threads that are entered once.
constexpr std::size_t most_frames = 24;
/// A trial ends after so many hits or so long, and is looked at that often. There are as many at a
/// time, a look of the governor's apart.
constexpr std::uint64_t trial_hits = 1'000;
constexpr std::int64_t trial_ns = 40'000'000;
constexpr std::chrono::milliseconds trial_look(2);
constexpr int most_trials = 3;
/// While allocations are recorded, others wait for it.
constexpr int most_trials_while_sampled = 1;
/// What has not happened for so long hardly ever does.
constexpr std::uint64_t never_ns = 5'000'000'000;
/// What leaves a block each time is made at most so many times as often as the stack gets blocks,
/// and a few more that a window tears, or by chance; it is looked at until as many as the latter
/// should have come.
constexpr double most_more = 1.25;
constexpr double torn_calls = 2;
constexpr double few_calls = 5;
/// What is made as often tells the pace of a process: windows are short, and slow it down.
constexpr double enough_a_second = 500;
constexpr std::uint64_t enough_calls = 100;
/// Of the target's CPU time, while a call is counted: what slows it down by less is left out of
/// account, or nearly.
constexpr double cheap_share = 0.05;
/// And the most, for want of another (most_counting in analysis/call_pace.cpp).
constexpr double most_share = 0.12;
/// Of what counting may cost, what is set aside for calls that only tell a pace.
constexpr double part_for_pace = 0.25;
/// From when on what is counted tells better than the trial what it costs.
constexpr std::uint64_t least_known_ns = 200'000'000;
/// What costs more than it may is counted for so long at a time.
constexpr std::chrono::milliseconds sample(20);
constexpr double sample_s = std::chrono::duration<double>(sample).count();

}  // namespace

void CallCounts::choose(const std::vector<HeldStack>& stacks, bool any_freed) {
    blocks_are_new_ = true;
    const auto kept = std::ranges::count_if(
        calls_, [](const auto& entry) { return entry.second.state == State::kept; });
    for (Wanted& wanted : wanted_)
        for (const auto& [stack, blocks, weight] : stacks)
            if (stack.id == wanted.stack) wanted.blocks = std::max(wanted.blocks, blocks);
    for (const auto& [stack, blocks, weight] : stacks) {
        if (chosen_.size() >= most_stacks || static_cast<std::size_t>(kept) >= most_calls) return;
        if (any_freed && knows_pace(stack.process_slot)) continue;
        if (stack.end != StackEnd::complete || stack.addresses.size() < 2) continue;
        if (!chosen_.emplace(stack.id, stack.process_slot).second) continue;
        Wanted wanted{.stack = stack.id,
                      .process_slot = stack.process_slot,
                      .blocks = blocks,
                      .weight = weight,
                      .frames = {},
                      .only_for_pace = any_freed};
        for (const std::uint64_t frame : std::span(stack.addresses).subspan(1)) {
            if ((frame & SEEP_FRAME_EXACT) != 0 || frame_address(frame) == 0) break;
            if (wanted.frames.size() < most_frames) wanted.frames.push_back(frame);
        }
        wanted_.push_back(std::move(wanted));
    }
}

void CallCounts::read(Call& call, std::int64_t now_ns) {
    const std::uint64_t hits =
        probe_hits(*kernel_, call.attachment->probes().front().slot).value_or(call.hits);
    const std::uint64_t more = hits - std::min(hits, call.hits);
    const auto elapsed = static_cast<std::uint64_t>(now_ns - call.since_ns);
    call.hits = hits;
    call.since_ns = now_ns;
    if (!call.attached) return;
    if (phase_ == Phase::observed || phase_ == Phase::sampled) {
        call.count.observed_calls += more;
        call.count.observed_ns += elapsed;
    } else if (phase_ == Phase::unobserved) {
        call.count.unobserved_calls += more;
        call.count.unobserved_ns += elapsed;
    }
}

void CallCounts::account() {
    for (auto& [key, call] : calls_)
        if (call.attachment) read(call, monotonic_ns());
}

void CallCounts::enter(Phase phase) {
    account();
    phase_ = phase;
}

void CallCounts::attach(Call& call) {
    if (call.attached || !call.attachment->attach_again()) return;
    read(call, monotonic_ns());
    call.attached = true;
}

void CallCounts::attach_all() {
    for (auto& [key, call] : calls_)
        if (call.state == State::kept) attach(call);
}

template <typename Which>
void CallCounts::detach_if(Which which) {
    std::vector<Attachment*> attachments;
    for (auto& [key, call] : calls_) {
        if (!call.attached || !which(call)) continue;
        read(call, monotonic_ns());
        call.attached = false;
        attachments.push_back(call.attachment.get());
    }
    if (!attachments.empty()) Attachment::detach_together(attachments);
}

void CallCounts::detach_dear() {
    detach_if([](const Call& call) { return call.is_dear(); });
}

void CallCounts::detach_all() {
    detach_if([](const Call&) { return true; });
}

/// Puts a probe on the call that returns to a frame, if it is one that can be probed, and sees how
/// often it is hit.
void CallCounts::begin(const Key& key, const TracedProcess& process, double hit_ns, Call& call) {
    call.state = State::unusable;
    call.count.process = process.id;
    call.count.frame = key.second;
    const ResolvedAddress where =
        process.space.resolve(frame_address(key.second) - 1, frame_occupant(key.second));
    if (where.kind != ResolvedAddress::Kind::file || has_shadow_stack(process.process.pid()))
        return;
    const auto plan = plan_call_count(*where.object, where.address + 1);
    if (!plan) return;
    auto attachment = Attachment::attach(*kernel_, process.process.pid(), key.first, *where.object,
                                         {*plan}, *slots_);
    if (!attachment) {
        spdlog::debug("calls are not counted: {}", attachment.error().message);
        return;
    }
    call.object = where.object;
    call.attachment = std::make_unique<Attachment>(std::move(*attachment));
    read(call, monotonic_ns());
    call.attached = true;
    const std::int64_t began_ns = call.since_ns;
    while (call.since_ns - began_ns < trial_ns && call.hits < trial_hits) {
        std::this_thread::sleep_for(trial_look);
        read(call, monotonic_ns());
    }
    const double a_second =
        static_cast<double>(call.hits) * 1e9 / static_cast<double>(call.since_ns - began_ns);
    call.share = a_second * hit_ns / cpu_[key.first].a_second;
    call.state = call.share > cheap_share ? State::dear : State::kept;
}

bool CallCounts::knows_pace(std::uint32_t process_slot) const {
    return std::ranges::any_of(calls_, [&](const auto& entry) {
        const auto& [key, call] = entry;
        const CallCount& count = call.count;
        return key.first == process_slot && call.state == State::kept &&
               count.unobserved_calls >= enough_calls &&
               static_cast<double>(count.unobserved_calls) * 1e9 >=
                   enough_a_second * static_cast<double>(count.unobserved_ns);
    });
}

/// The first that happens and is not too dear serves for the pace. What leaves a block each time is
/// made no more often than the stack gets blocks: in windows, or between them, where a call further
/// in tells how many it must have got.
CallCounts::Use CallCounts::use_of(const Call& call, const Wanted& wanted) const {
    if (call.state != State::kept) return Use::further_out;
    if (phase_ == Phase::sampled && !blocks_are_new_) return Use::wait;
    const CallCount& now = call.count;
    const CallCount& then = wanted.at_frame.count;
    if (now.observed_calls + now.unobserved_calls == 0 &&
        (wanted.dear != 0 || !wanted.only_for_pace))
        return at_usual_pace(now).ns < never_ns ? Use::wait : Use::further_out;
    if (wanted.only_for_pace) return Use::counted;
    auto calls = static_cast<double>(now.observed_calls - then.observed_calls);
    auto blocks = static_cast<double>(wanted.blocks - wanted.at_frame.blocks);
    const auto frequent = calls_.find({wanted.process_slot, wanted.frequent});
    if (frequent != calls_.end()) {
        const CallCount& inner = frequent->second.count;
        calls += static_cast<double>(now.unobserved_calls - then.unobserved_calls);
        blocks += wanted.blocks_a_call * static_cast<double>(inner.unobserved_calls) /
                  static_cast<double>(std::max<std::uint64_t>(inner.unobserved_ns, 1)) *
                  static_cast<double>(now.unobserved_ns - then.unobserved_ns);
    }
    const double few = few_calls * wanted.weight;
    const bool are_exact =
        frequent == calls_.end() && wanted.weight <= 1 && phase_ != Phase::sampled;
    if (calls > most_more * blocks + (are_exact ? torn_calls : few)) return Use::further_out;
    return blocks < few ? Use::wait : Use::counted;
}

/// A call that no other stack needs is not counted any more.
void CallCounts::pass(Wanted& wanted, Call& call, std::uint64_t frame) {
    if (call.state == State::dear && call.share <= most_share) wanted.dear = frame;
    wanted.frames.erase(wanted.frames.begin());
    if (call.state != State::kept) return;
    const std::uint64_t seen = call.count.observed_calls - wanted.at_frame.count.observed_calls;
    if (wanted.frequent == 0 && seen > 0 && phase_ != Phase::sampled) {
        wanted.frequent = frame;
        wanted.blocks_a_call =
            static_cast<double>(wanted.blocks - wanted.at_frame.blocks) / static_cast<double>(seen);
    } else if (!call.found) {
        call.state = State::dear;
    }
}

/// On the frame of a call that was tried, or 0: that there is none.
void CallCounts::settle(Wanted& wanted, std::uint64_t frame) {
    wanted.found = true;
    if (wanted.frequent != 0 && wanted.frequent != frame && knows_pace(wanted.process_slot)) {
        Call& frequent = calls_[{wanted.process_slot, wanted.frequent}];
        if (!frequent.found) frequent.state = State::dear;
    }
    if (frame == 0) return;
    Call& call = calls_[{wanted.process_slot, frame}];
    call.found = true;
    call.only_for_pace = call.only_for_pace && (wanted.only_for_pace || frame == wanted.frequent);
}

/// After so many trials it goes on the next time.
void CallCounts::look_for(Wanted& wanted, const ProcessOfSlot& process_of, double hit_ns,
                          int& trials) {
    while (!wanted.found) {
        if (wanted.only_for_pace && knows_pace(wanted.process_slot)) return settle(wanted, 0);
        if (wanted.frames.empty()) {
            if (wanted.frequent == 0 && wanted.dear != 0 && phase_ != Phase::sampled &&
                !knows_pace(wanted.process_slot)) {
                calls_[{wanted.process_slot, wanted.dear}].state = State::kept;
                return settle(wanted, wanted.dear);
            }
            return settle(wanted, wanted.frequent);
        }
        const std::uint64_t frame = wanted.frames.front();
        const Key key{wanted.process_slot, frame};
        if (!calls_.contains(key)) {
            const TracedProcess* const process = process_of(wanted.process_slot);
            if (process == nullptr || trials == 0) return;
            begin(key, *process, hit_ns, calls_[key]);
            --trials;
        }
        Call& call = calls_[key];
        if (wanted.at_frame.count.frame != frame) wanted.at_frame = {call.count, wanted.blocks};
        switch (use_of(call, wanted)) {
            case Use::counted:
                return settle(wanted, frame);
            case Use::wait:
                return;
            case Use::further_out:
                pass(wanted, call, frame);
        }
    }
}

/// An equal part of the allowance for each that needs it; what some need less of, others get, and
/// what is left is returned.
double CallCounts::allot(double allowance, bool only_for_pace) {
    std::vector<Call*> kept;
    for (auto& [key, call] : calls_)
        if (call.state == State::kept && call.only_for_pace == only_for_pace) kept.push_back(&call);
    std::ranges::sort(kept, {}, &Call::share);
    for (std::size_t i = 0; i < kept.size(); ++i) {
        kept[i]->allowance =
            std::min(kept[i]->share, allowance / static_cast<double>(kept.size() - i));
        allowance -= kept[i]->allowance;
    }
    return allowance;
}

/// The calls that leave something each time come first: all of them count, while some tell a pace.
void CallCounts::allot(double allowance) {
    const double for_pace = part_for_pace * allowance;
    allot(for_pace + allot(allowance - for_pace, false), true);
}

/// What each process uses a second, since the last time.
void CallCounts::read_cpu(const ProcessOfSlot& process_of, std::int64_t now_ns) {
    const auto read_one = [&](std::uint32_t slot) {
        CpuTime& cpu = cpu_[slot];
        if (cpu.read_ns == now_ns) return;
        const TracedProcess* const process = process_of(slot);
        const auto used_ns = process != nullptr ? process_cpu_ns(process->process.pid())
                                                : Result<std::uint64_t>(cpu.used_ns);
        if (cpu.read_ns != 0 && used_ns)
            cpu.a_second = static_cast<double>(*used_ns - std::min(*used_ns, cpu.used_ns)) * 1e9 /
                           static_cast<double>(now_ns - cpu.read_ns);
        cpu.used_ns = used_ns.value_or(cpu.used_ns);
        cpu.read_ns = now_ns;
    };
    for (const Wanted& wanted : wanted_) read_one(wanted.process_slot);
    for (const auto& [key, call] : calls_) read_one(key.first);
}

/// Windows slow the target down.
CallCounts::Counted CallCounts::at_usual_pace(const CallCount& count) const {
    if (phase_ == Phase::sampled) return {count.observed_calls, count.observed_ns};
    return {count.unobserved_calls, count.unobserved_ns};
}

/// By what was counted so far.
void CallCounts::weigh(double hit_ns) {
    for (auto& [key, call] : calls_) {
        const double cpu_ns = cpu_[key.first].a_second;
        const auto [calls, ns] = at_usual_pace(call.count);
        if (call.state != State::kept || ns < least_known_ns || cpu_ns <= 0) continue;
        call.share = static_cast<double>(calls) * 1e9 / static_cast<double>(ns) * hit_ns / cpu_ns;
        if (call.share > most_share) call.state = State::dear;
    }
}

/// Samples those that there is room for again. Chance has it when, so that no part of a pause is
/// counted more often than others. (While allocations are sampled, those of what leaks as often
/// tell enough.)
void CallCounts::spend(double elapsed_s) {
    bool samples = false;
    for (auto& [key, call] : calls_) {
        if (call.state != State::kept) continue;
        call.credit_s = std::min(call.credit_s + call.allowance * elapsed_s, call.share);
        if (!call.is_dear()) {
            attach(call);
        } else if (phase_ == Phase::unobserved && !call.attached &&
                   call.credit_s >= call.share * sample_s && random_() % 2 == 0) {
            call.credit_s -= call.share * sample_s;
            attach(call);
            samples = true;
        }
    }
    if (samples) std::this_thread::sleep_for(sample);
    detach_if([](const Call& call) { return call.state == State::dear || call.is_dear(); });
}

void CallCounts::tend(const ProcessOfSlot& process_of, double hit_ns, double allowance) {
    if (phase_ != Phase::unobserved && phase_ != Phase::sampled) return;
    account();
    const std::int64_t now_ns = monotonic_ns();
    const double elapsed_s = tended_ns_ == 0 ? 0 : static_cast<double>(now_ns - tended_ns_) / 1e9;
    tended_ns_ = now_ns;
    read_cpu(process_of, now_ns);
    int trials = phase_ == Phase::sampled ? most_trials_while_sampled : most_trials;
    for (Wanted& wanted : wanted_)
        if (cpu_[wanted.process_slot].a_second > 0) look_for(wanted, process_of, hit_ns, trials);
    std::erase_if(wanted_, [](const Wanted& wanted) { return wanted.found; });
    blocks_are_new_ = false;
    weigh(hit_ns);
    // As all that tracing costs, it is allowed more of a target that uses next to nothing.
    double cpu_ns = 0;
    for (const auto& [slot, cpu] : cpu_) cpu_ns += cpu.a_second;
    if (cpu_ns > 0) allot(allowance * std::max(1.0, least_governed_cpu * 1e9 / cpu_ns));
    spend(elapsed_s);
}

std::vector<CallCount> CallCounts::take() {
    account();
    std::vector<CallCount> counts = std::exchange(ended_, {});
    for (const auto& [key, call] : calls_)
        if (call.state == State::kept) counts.push_back(call.count);
    return counts;
}

std::vector<const Attachment*> CallCounts::attachments(std::uint32_t process_slot) const {
    std::vector<const Attachment*> result;
    for (auto call = calls_.lower_bound({process_slot, 0});
         call != calls_.end() && call->first.first == process_slot; ++call)
        if (call->second.attachment) result.push_back(call->second.attachment.get());
    return result;
}

void CallCounts::forget(std::uint32_t process_slot) {
    account();
    for (auto call = calls_.lower_bound({process_slot, 0});
         call != calls_.end() && call->first.first == process_slot;) {
        if (call->second.count.observed_ns > 0) ended_.push_back(call->second.count);
        call = calls_.erase(call);
    }
    cpu_.erase(process_slot);
    std::erase_if(wanted_, [&](const Wanted& w) { return w.process_slot == process_slot; });
    std::erase_if(chosen_, [&](const auto& chosen) { return chosen.second == process_slot; });
}

}  // namespace seep
