// SPDX-License-Identifier: GPL-2.0-only
#include "drain/heap_counts.h"

#include <spdlog/spdlog.h>

#include <algorithm>
#include <span>
#include <utility>

#include "base/clock.h"
#include "target/anonymous_pages.h"
#include "target/mappings.h"
#include "target/memory_reading.h"

namespace seep {
namespace {

constexpr double most_time = 0.02;
constexpr double most_first_s = 1;
/// By which the age has grown since.
constexpr double between = 0.25;
constexpr double least_between_s = 1;
/// Of all, what may not have been walked over.
constexpr double most_unknown = 0.01;

constexpr std::size_t piece_words = (256 << 10) / sizeof(std::uint64_t);

/// Reads the memory of a process a piece at a time, but for pages that it has not touched.
class Pieces {
 public:
    Pieces(pid_t pid, std::vector<PageRun> pages)
        : pid_(pid), pages_(std::move(pages)), words_(piece_words) {}

    std::span<const std::uint64_t> operator()(std::uint64_t address) {
        const auto behind = std::ranges::upper_bound(pages_, address, {}, &PageRun::start);
        if (behind == pages_.begin() || std::prev(behind)->end <= address) return {};
        const std::size_t bytes =
            std::min(piece_words * sizeof(std::uint64_t), std::prev(behind)->end - address);
        const std::size_t read =
            read_piece(pid_, address, std::as_writable_bytes(std::span(words_)).first(bytes));
        return std::span(words_).first(read / sizeof(std::uint64_t));
    }

 private:
    pid_t pid_;
    std::vector<PageRun> pages_;
    std::vector<std::uint64_t> words_;
};

std::optional<HeapCensus> census_of(pid_t pid) {
    const auto mappings = read_mappings(pid);
    auto pages = read_anonymous_pages(pid);
    if (!mappings || !pages) return std::nullopt;
    Pieces pieces(pid, std::move(*pages));
    const ReadWords read = [&](std::uint64_t address) { return pieces(address); };
    HeapCensus census = walk_glibc_heaps(find_glibc_heaps(*mappings, read), read);
    const BlocksInUse all = census.all();
    spdlog::debug("heap of process {}: {} blocks of {} bytes in use, {} free, {} unknown", pid,
                  all.blocks, all.bytes, census.free_bytes, census.unknown_bytes);
    const auto known = static_cast<double>(all.bytes + census.free_bytes);
    if (all.blocks == 0 || static_cast<double>(census.unknown_bytes) > most_unknown * known)
        return std::nullopt;
    return census;
}

}  // namespace

bool HeapCounts::is_due(const Now& now) const {
    const double takes = reading_.seconds_for(now.anonymous_bytes);
    if (now.is_last && takes <= most_last_reading_s(now.age_s)) return true;
    if (!last_age_s_) return takes <= std::max(most_time * now.age_s, most_first_s);
    const double since = now.age_s - *last_age_s_;
    return since >= std::max({takes / most_time, between * now.age_s, least_between_s});
}

std::map<pid_t, HeapCensus> HeapCounts::count(const std::vector<pid_t>& processes, const Now& now) {
    last_age_s_ = now.age_s;
    const std::int64_t began_ns = monotonic_ns();
    std::map<pid_t, HeapCensus> counted;
    for (const pid_t pid : processes)
        if (auto census = census_of(pid)) counted.emplace(pid, std::move(*census));
    reading_.learn(now.anonymous_bytes, static_cast<double>(monotonic_ns() - began_ns) / 1e9);
    return counted;
}

}  // namespace seep
