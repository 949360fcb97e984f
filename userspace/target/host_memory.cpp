// SPDX-License-Identifier: GPL-2.0-only
#include "target/host_memory.h"

#include <algorithm>

#include "target/proc_file.h"

namespace seep {

std::optional<HostMemory> parse_meminfo(std::string_view text) {
    const auto memory = status_bytes(text, "MemTotal");
    const auto available = status_bytes(text, "MemAvailable");
    const auto swap = status_bytes(text, "SwapTotal");
    const auto free_swap = status_bytes(text, "SwapFree");
    if (!memory || !available || !swap || !free_swap) return std::nullopt;
    // A file system that makes the file up for a container (lxcfs) may disagree with itself.
    return HostMemory{*memory, std::min(*available, *memory), *swap, std::min(*free_swap, *swap)};
}

std::optional<HostMemory> read_host_memory() {
    const auto text = read_text_file("/proc/meminfo");
    return text ? parse_meminfo(*text) : std::nullopt;
}

}  // namespace seep
