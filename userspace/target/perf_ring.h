// SPDX-License-Identifier: GPL-2.0-only
#pragma once

// The kernel's side-band records of one CPU: mappings of code, exec, fork and exit of every
// process, read from the ring buffer of a perf event that counts nothing. Not thread-safe.

#include <linux/perf_event.h>
#include <sys/mman.h>

#include <cstddef>
#include <functional>
#include <memory>
#include <optional>
#include <span>

#include "base/handles.h"
#include "base/result.h"

namespace seep {

class PerfRing {
 public:
    /// Empty if the CPU is offline. Needs CAP_PERFMON or perf_event_paranoid <= 0.
    static Result<std::optional<PerfRing>> open(int cpu);

    /// Polls readable once new records have come.
    [[nodiscard]] int fd() const { return fd_.get(); }

    /// Calls `on_record` with every waiting record, header included. The bytes are a copy, valid
    /// during the call. Each record ends in `RecordTrailer`.
    void drain(const std::function<void(std::span<const std::byte>)>& on_record);

    /// What `sample_id_all` puts behind every record.
    struct RecordTrailer {
        std::uint32_t pid;
        std::uint32_t tid;
        std::uint64_t time_ns;  ///< CLOCK_MONOTONIC.
    };

 private:
    PerfRing() = default;

    // A storm of execs writes some 10,000 records of 150 bytes a second: 150 ms of it.
    static constexpr std::size_t data_bytes = 256 * 1024;
    static std::size_t mapped_bytes();
    struct Unmap {
        void operator()(perf_event_mmap_page* page) const { munmap(page, mapped_bytes()); }
    };

    UniqueFd fd_;
    std::unique_ptr<perf_event_mmap_page, Unmap> page_;
};

}  // namespace seep
