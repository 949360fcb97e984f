// SPDX-License-Identifier: GPL-2.0-only
#pragma once

// What glibc's malloc has given out, by its own account: a walk over the chunks that its heaps are
// made of (malloc/malloc.c, struct malloc_chunk; arena.c, struct heap_info). Each chunk's header
// says how large it is, and so where the next one is, whose header says whether it is in use:
//
//     start          +size                  +size              ...             end
//     | header block | header (free) ....... | header block     | ... | top, free |
//                               in use? <----/
//
// What is free but put aside for the next to ask for the same size looks in use by that: seven
// blocks of each size in a thread's cache, and any number of small ones in fastbins, until they are
// joined (put_aside.h tells them).
//
// The program goes on meanwhile: what is read at one moment is a few hundred KiB, and where a chunk
// has just been split or joined with another, it is read again. Blocks with a mapping of their own
// (of 128 KiB and more, usually) are in no heap.
//
// Pure, but for what `ReadWords` does.

#include <array>
#include <cstdint>
#include <functional>
#include <map>
#include <span>
#include <vector>

#include "target/mappings.h"

namespace seep {

/// A part of the address space that consists of chunks, but for what may be before the first one.
struct GlibcHeap {
    std::uint64_t start = 0;
    std::uint64_t end = 0;
    bool is_main = true;  ///< Grown by brk(2); else a thread's, which have mappings.
    bool operator==(const GlibcHeap&) const = default;
};

/// Words of the process from an address on, a multiple of 8: as many as are at hand, one at least;
/// empty if it cannot be read. Valid until the next call.
using ReadWords = std::function<std::span<const std::uint64_t>(std::uint64_t address)>;

/// A block that is in use, by what chunks say.
struct HeapBlock {
    std::uint64_t address = 0;
    std::uint64_t bytes = 0;               ///< That are its program's.
    std::array<std::uint64_t, 2> words{};  ///< The first of them.
};
using OnBlock = std::function<void(const HeapBlock&)>;

/// Those of a process with these mappings.
std::vector<GlibcHeap> find_glibc_heaps(std::span<const Mapping> mappings, const ReadWords& read);

/// Blocks of about one size.
struct BlocksInUse {
    std::uint64_t blocks = 0;
    std::uint64_t bytes = 0;  ///< With headers.
    BlocksInUse& operator+=(const BlocksInUse& more);
    bool operator==(const BlocksInUse&) const = default;
};

struct HeapCensus {
    std::map<std::uint64_t, BlocksInUse> in_use;  ///< By size_class().
    std::uint64_t free_bytes = 0;                 ///< That could be given out without growing.
    std::uint64_t unknown_bytes = 0;              ///< That could not be walked over.
    [[nodiscard]] BlocksInUse all() const;
    /// Of one that was counted as in use: it is free.
    void free(const HeapBlock& block);
};

/// The bytes of the chunk that a block of so many is in, its header included.
std::uint64_t chunk_of(std::uint64_t block_bytes);
/// The class of a chunk of so many bytes, its header included: the least that a chunk of it has. Of
/// one size each up to 1 KiB, and then an eighth of a power of two wide.
std::uint64_t size_class(std::uint64_t chunk_bytes);
/// The most that a chunk of a class has.
std::uint64_t most_of_class(std::uint64_t class_bytes);
/// That of the next larger chunk, which some blocks have: none is split of which less than the
/// least chunk would be left. The same where classes are wider.
std::uint64_t next_size(std::uint64_t chunk_bytes);

/// `on_block` is told of each block, in the order of addresses in each heap; of some perhaps twice,
/// if the program joins or splits chunks there meanwhile.
HeapCensus walk_glibc_heaps(
    std::span<const GlibcHeap> heaps, const ReadWords& read,
    const OnBlock& on_block = [](const HeapBlock&) {});

}  // namespace seep
