// SPDX-License-Identifier: GPL-2.0-only
#pragma once

// When to begin: a condition on what the kernel tells of a target's memory without any probe.
//
//   rss>2G                      resident memory of all targets together
//   rss-growth>50M/h            how fast it grows for certain: the lower end of the 95 % interval
//   of
//                               its Theil-Sen slope (analysis/growth.h), over the last ten minutes
//   rss-growth>50M/h over 1h    over the last hour
//   cgroup>80%, cgroup>3G       memory of the control group without inactive page cache, of its
//                               limit or in bytes
//   signal                      SIGUSR1
//
// Parsing is pure. A condition remembers the readings that it was shown; not thread-safe.

#include <chrono>
#include <cstdint>
#include <deque>
#include <optional>
#include <string>
#include <string_view>

#include "analysis/growth.h"
#include "base/result.h"

namespace seep {

/// What a condition is asked about.
struct MemoryReading {
    double seconds = 0;  ///< On any clock that does not go back.
    std::uint64_t rss_bytes = 0;
    std::optional<std::uint64_t> cgroup_bytes;  ///< Without inactive page cache.
    std::optional<std::uint64_t> cgroup_limit;
};

class StartCondition {
 public:
    enum class Kind { rss, rss_growth, cgroup_share, cgroup_bytes, signal };

    /// bad_input, with what can be written, for anything else than the above.
    static Result<StartCondition> parse(std::string_view text);

    [[nodiscard]] Kind kind() const { return kind_; }
    [[nodiscard]] const std::string& text() const { return text_; }

    /// How often it wants a reading, at least.
    [[nodiscard]] double step_seconds() const;
    /// Whether it holds after this reading, a later one than all before. `signal` never does.
    bool holds(const MemoryReading& reading);
    /// Why it can never hold for a target with such a reading; empty if it can.
    [[nodiscard]] std::string hopeless(const MemoryReading& reading) const;

 private:
    bool grows(const MemoryReading& reading);

    Kind kind_ = Kind::signal;
    std::string text_;
    double threshold_ = 0;  ///< Bytes, bytes a second, or a share of 1.
    double span_seconds_ = 600;
    std::deque<Point> readings_;  ///< Within the span; some dozens of them.
};

}  // namespace seep
