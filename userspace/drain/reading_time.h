// SPDX-License-Identifier: GPL-2.0-only
#pragma once

// What reading a process's memory may take (heap_counts.h, lost_blocks.h). Pure.

#include <algorithm>
#include <cstdint>

namespace seep {

/// How long it takes to read so much, by how long it took the last time. Of little, most of that is
/// not for reading, and does not become more with the memory.
class ReadingTime {
 public:
    /// `usual`: bytes a second, as long as nothing is known.
    explicit ReadingTime(double usual = 1e9) : usual_(usual) {}

    void learn(std::uint64_t bytes, double took_s) {
        bytes_ = static_cast<double>(bytes);
        took_s_ = took_s;
    }
    [[nodiscard]] double seconds_for(std::uint64_t bytes) const {
        const double a_second = bytes_ >= enough_to_tell && took_s_ > 0 ? bytes_ / took_s_ : usual_;
        return took_s_ + std::max(0.0, static_cast<double>(bytes) - bytes_) / a_second;
    }

 private:
    static constexpr double enough_to_tell = 16 << 20;

    double usual_;
    double bytes_ = 0;
    double took_s_ = 0;
};

/// When all is over, as little of it is the last chance; but nobody waits for long. Seconds, of a
/// recording of that age.
inline double most_last_reading_s(double age_s) {
    constexpr double share = 0.05;
    constexpr double most_s = 3;
    return std::min(share * age_s, most_s);
}

}  // namespace seep
