// SPDX-License-Identifier: GPL-2.0-only
#pragma once

// Delivers profiles to a server (triggers/ingest.h) from a thread of its own: push() puts one into
// the spool and returns, however slow or dead the server is. Failures are tried again after a pause
// (back_off()), newer profiles wait behind; what the server refuses for good is dropped and
// counted. push() and finish() are called by one thread.

#include <condition_variable>
#include <cstdint>
#include <memory>
#include <mutex>
#include <string>
#include <thread>

#include "base/result.h"
#include "triggers/ingest.h"
#include "triggers/spool.h"

namespace seep {

class Pusher {
 public:
    static std::unique_ptr<Pusher> start(IngestTarget target, Spool spool);
    Pusher(const Pusher&) = delete;
    Pusher& operator=(const Pusher&) = delete;

    /// A gzipped profile of from..until (Unix time).
    void push(const std::string& profile, std::int64_t from, std::int64_t until);
    /// Waits until all is delivered, so long at most, and says what was. The last call. How many
    /// were not: they are in the spool's directory.
    std::size_t finish(std::chrono::milliseconds patience);

 private:
    Pusher(IngestTarget target, Spool spool)
        : target_(std::move(target)), spool_(std::move(spool)) {}
    void run(const std::stop_token& stop);
    void took(const Delivery& delivery, const Spool::Entry& entry);

    const IngestTarget target_;
    std::mutex mutex_;
    std::condition_variable_any changed_;
    Spool spool_;                  // guarded by mutex_
    std::uint64_t delivered_ = 0;  // guarded by mutex_
    std::uint64_t refused_ = 0;    // guarded by mutex_
    unsigned failures_ = 0;        ///< One after the other; of the thread alone.
    std::jthread thread_;          // last: it uses all of the above
};

}  // namespace seep
