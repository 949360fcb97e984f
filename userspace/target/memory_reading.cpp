// SPDX-License-Identifier: GPL-2.0-only
#include "target/memory_reading.h"

#include <sys/uio.h>

#include <algorithm>
#include <cerrno>
#include <climits>

namespace seep {

Result<std::vector<std::string>> read_memory(pid_t pid, std::span<const MemoryPiece> pieces) {
    std::vector<std::string> contents(pieces.size());
    std::vector<iovec> local;
    std::vector<iovec> remote;
    for (std::size_t next = 0; next < pieces.size();) {
        const std::size_t count = std::min<std::size_t>(pieces.size() - next, IOV_MAX);
        local.clear();
        remote.clear();
        for (std::size_t i = next; i < next + count; ++i) {
            contents[i].resize(pieces[i].bytes);
            local.push_back({contents[i].data(), pieces[i].bytes});
            // NOLINTNEXTLINE(performance-no-int-to-ptr): of another process
            remote.push_back({reinterpret_cast<void*>(pieces[i].address), pieces[i].bytes});
        }
        const ssize_t read = process_vm_readv(pid, local.data(), count, remote.data(), count, 0);
        if (read < 0 && errno != EFAULT) return errno_error("cannot read the target's memory");
        // The first piece that cannot be read ends it.
        std::size_t left = read > 0 ? static_cast<std::size_t>(read) : 0;
        std::size_t whole = 0;
        while (whole < count && pieces[next + whole].bytes <= left)
            left -= pieces[next + whole++].bytes;
        for (std::size_t i = next + whole; i < next + count; ++i) contents[i].clear();
        next += whole < count ? whole + 1 : count;
    }
    return contents;
}

}  // namespace seep
