// SPDX-License-Identifier: GPL-2.0-only
#include "unwind/map_of_maps.h"

#include <bpf/bpf.h>
#include <fcntl.h>

#include <algorithm>
#include <atomic>
#include <chrono>
#include <thread>

#include "base/handles.h"

namespace seep {
namespace {

constexpr std::size_t most_waiting = 16;
constexpr std::chrono::microseconds look_again{50};

/// The id of a map, as a map of maps shows it; 0 if that cannot be had.
std::uint32_t id_of(int map) {
    bpf_map_info info = {};
    std::uint32_t size = sizeof info;
    return bpf_map_get_info_by_fd(map, &info, &size) == 0 ? info.id : 0;
}

}  // namespace

/// One system call: what it does, and how it went.
struct MapOfMaps::Change {
    std::vector<std::uint32_t> slots;
    std::vector<UniqueFd> maps;      ///< Its own descriptors of them; none to erase the slots.
    std::vector<std::uint32_t> ids;  ///< Of `maps`; 0 for a slot that is to be empty.
    std::atomic<bool> over = false;
    int error = 0;  ///< errno, when it is over.
    std::jthread thread;

    void run(int outer);
    [[nodiscard]] bool is_visible(int outer) const;
};

void MapOfMaps::Change::run(int outer) {
    auto count = static_cast<std::uint32_t>(slots.size());
    std::vector<int> values;
    for (const UniqueFd& map : maps) values.push_back(map.get());
    const int result =
        values.empty() ? bpf_map_delete_elem(outer, slots.data())
                       : bpf_map_update_batch(outer, slots.data(), values.data(), &count, nullptr);
    if (result != 0) error = errno;
    over.store(true, std::memory_order_release);
}

bool MapOfMaps::Change::is_visible(int outer) const {
    for (std::size_t i = 0; i < slots.size(); ++i) {
        std::uint32_t id = 0;
        if (bpf_map_lookup_elem(outer, &slots[i], &id) != 0) id = 0;
        if (id != ids[i]) return false;
    }
    return true;
}

MapOfMaps::MapOfMaps(int fd) : fd_(fd) {}
MapOfMaps::~MapOfMaps() = default;
MapOfMaps::MapOfMaps(MapOfMaps&&) noexcept = default;
MapOfMaps& MapOfMaps::operator=(MapOfMaps&&) noexcept = default;

Result<void> MapOfMaps::make(std::unique_ptr<Change> change) {
    std::erase_if(changes_, [](const auto& earlier) { return earlier->over.load(); });
    if (changes_.size() >= most_waiting) changes_.pop_front();
    Change& made = *changes_.emplace_back(std::move(change));
    made.thread = std::jthread([&made, outer = fd_] { made.run(outer); });
    while (!made.over.load(std::memory_order_acquire)) {
        if (made.is_visible(fd_)) return {};
        std::this_thread::sleep_for(look_again);
    }
    if (made.error != 0) return errno_error("cannot change a map of maps", made.error);
    return {};
}

Result<void> MapOfMaps::put(const std::vector<std::uint32_t>& slots, const std::vector<int>& maps) {
    auto change = std::make_unique<Change>();
    change->slots = slots;
    for (const int map : maps) {
        change->maps.emplace_back(fcntl(map, F_DUPFD_CLOEXEC, 0));
        if (!change->maps.back()) return errno_error("cannot change a map of maps");
        change->ids.push_back(id_of(map));
    }
    return make(std::move(change));
}

Result<void> MapOfMaps::erase(std::uint32_t slot) {
    auto change = std::make_unique<Change>();
    change->slots = {slot};
    change->ids = {0};
    return make(std::move(change));
}

}  // namespace seep
