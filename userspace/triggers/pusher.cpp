// SPDX-License-Identifier: GPL-2.0-only
#include "triggers/pusher.h"

#include <spdlog/spdlog.h>

#include <algorithm>
#include <random>

namespace seep {

std::unique_ptr<Pusher> Pusher::start(IngestTarget target, Spool spool) {
    std::unique_ptr<Pusher> pusher(new Pusher(std::move(target), std::move(spool)));
    pusher->thread_ =
        std::jthread([p = pusher.get()](const std::stop_token& stop) { p->run(stop); });
    return pusher;
}

void Pusher::push(const std::string& profile, std::int64_t from, std::int64_t until) {
    const std::scoped_lock lock(mutex_);
    const std::uint64_t dropped = spool_.dropped();
    if (const Result<void> added = spool_.add(profile, from, until); !added)
        spdlog::warn("--push: {}", added.error().message);
    if (spool_.dropped() > dropped)
        spdlog::warn("--push: the spool is full, {} profiles were dropped so far",
                     spool_.dropped());
    changed_.notify_all();
}

/// Logged when it begins and ends, not each time.
void Pusher::took(const Delivery& delivery, const Spool::Entry& entry) {
    const std::scoped_lock lock(mutex_);
    if (delivery.outcome == Delivery::Outcome::failed) {
        if (++failures_ == 1) spdlog::warn("--push: {}; it will be tried again", delivery.reason);
        return;
    }
    if (failures_ > 1) spdlog::info("--push: the server answers again");
    failures_ = 0;
    if (delivery.outcome == Delivery::Outcome::delivered) {
        ++delivered_;
    } else if (++refused_ == 1) {
        spdlog::warn("--push: {}; a profile like this is dropped", delivery.reason);
    }
    spool_.remove(entry);
    changed_.notify_all();
}

void Pusher::run(const std::stop_token& stop) {
    std::mt19937_64 random{std::random_device{}()};
    std::uniform_real_distribution<double> share(0, 1);
    while (!stop.stop_requested()) {
        Spool::Entry entry;
        Result<std::string> profile = std::string();
        {
            std::unique_lock lock(mutex_);
            if (!changed_.wait(lock, stop, [&] { return spool_.size() > 0; })) return;
            entry = *spool_.oldest();
            profile = spool_.read(entry);
            if (!profile) {
                spool_.remove(entry);
                continue;
            }
        }
        const Delivery delivery = deliver(target_, *profile, entry.from, entry.until,
                                          [&] { return stop.stop_requested(); });
        const bool failed = delivery.outcome == Delivery::Outcome::failed;
        if (failed && stop.stop_requested()) return;  // nobody waits for it any more: no failure
        took(delivery, entry);
        if (!failed) continue;
        std::chrono::milliseconds pause = back_off(failures_, share(random));
        if (delivery.wait) pause = std::max<std::chrono::milliseconds>(pause, *delivery.wait);
        std::unique_lock lock(mutex_);
        changed_.wait_for(lock, stop, pause, [] { return false; });
    }
}

std::size_t Pusher::finish(std::chrono::milliseconds patience) {
    {
        std::unique_lock lock(mutex_);
        changed_.wait_for(lock, patience, [&] { return spool_.size() == 0; });
    }
    thread_.request_stop();
    thread_.join();
    const std::string left = spool_.size() > 0 ? fmt::format(", {} not", spool_.size()) : "";
    const std::string lost =
        refused_ + spool_.dropped() > 0
            ? fmt::format(", {} refused, {} dropped", refused_, spool_.dropped())
            : "";
    spdlog::log(left.empty() && lost.empty() ? spdlog::level::info : spdlog::level::warn,
                "--push: {} profiles delivered{}{}", delivered_, left, lost);
    return spool_.size();
}

}  // namespace seep
