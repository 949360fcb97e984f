// SPDX-License-Identifier: GPL-2.0-only
#include "target/memory_reading.h"

#include <sys/uio.h>

#include <algorithm>
#include <cerrno>
#include <climits>

namespace seep {
namespace {

/// Read at once.
constexpr std::size_t most_bytes = 1 << 20;

iovec piece_of(std::uint64_t address, std::size_t bytes) {
    // NOLINTNEXTLINE(performance-no-int-to-ptr): of another process
    return {reinterpret_cast<void*>(address), bytes};
}

}  // namespace

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
            remote.push_back(piece_of(pieces[i].address, pieces[i].bytes));
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

std::size_t read_piece(pid_t pid, std::uint64_t address, std::span<std::byte> into) {
    const iovec local{into.data(), into.size()};
    const iovec remote = piece_of(address, into.size());
    const ssize_t read = process_vm_readv(pid, &local, 1, &remote, 1, 0);
    return read > 0 ? static_cast<std::size_t>(read) : 0;
}

Result<void> read_words(pid_t pid, std::span<const PageRun> pages, const OnWords& on_words) {
    std::vector<std::uint64_t> words(most_bytes / sizeof(std::uint64_t));
    std::vector<iovec> remote;
    std::size_t next = 0;
    std::uint64_t from = pages.empty() ? 0 : pages[0].start;  // of the next run, what is left
    const auto advance = [&](std::uint64_t to) {
        from = to;
        if (from < pages[next].end) return;
        if (++next < pages.size()) from = pages[next].start;
    };
    while (next < pages.size()) {
        remote.clear();
        std::size_t bytes = 0;
        while (next < pages.size() && bytes < most_bytes && remote.size() < IOV_MAX) {
            const std::uint64_t to = std::min(pages[next].end, from + (most_bytes - bytes));
            remote.push_back(piece_of(from, to - from));
            bytes += to - from;
            advance(to);
        }
        const iovec local{words.data(), bytes};
        for (std::span<const iovec> left = remote; !left.empty();) {
            const ssize_t read = process_vm_readv(pid, &local, 1, left.data(), left.size(), 0);
            if (read < 0 && errno != EFAULT) return errno_error("cannot read the target's memory");
            std::size_t got = read > 0 ? static_cast<std::size_t>(read) : 0;
            std::size_t at = 0;
            while (!left.empty()) {
                const std::size_t of_piece = std::min(left.front().iov_len, got - at);
                on_words(
                    reinterpret_cast<std::uint64_t>(left.front().iov_base),
                    std::span(words).subspan(at / sizeof words[0], of_piece / sizeof words[0]));
                at += of_piece;
                const bool whole = of_piece == left.front().iov_len;
                left = left.subspan(1);
                if (!whole) break;  // and what is behind it is read again
            }
        }
    }
    return {};
}

}  // namespace seep
