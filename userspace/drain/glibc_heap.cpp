// SPDX-License-Identifier: GPL-2.0-only
#include "drain/glibc_heap.h"

#include <algorithm>
#include <bit>
#include <optional>
#include <utility>

namespace seep {
namespace {

constexpr std::uint64_t word_bytes = sizeof(std::uint64_t);
/// Of a header: that of the previous chunk, if that is free, and its own size with flags.
constexpr std::uint64_t header_bytes = 2 * word_bytes;
constexpr std::uint64_t chunk_alignment = 16;
constexpr std::uint64_t least_chunk = 32;
/// Two of these end a heap to which nothing is added any more.
constexpr std::uint64_t fencepost = 16;
constexpr std::uint64_t previous_in_use = 1;
constexpr std::uint64_t is_mapped = 2;
constexpr std::uint64_t of_thread_arena = 4;
constexpr std::uint64_t flags = 7;
/// Where thread arenas' heaps begin, and how far they reach at most (HEAP_MAX_SIZE).
constexpr std::uint64_t heap_alignment = std::uint64_t{64} << 20;
/// Before the first chunk of a heap: heap_info, and the arena itself in the first of its heaps; in
/// a static program, what it took by brk(2) before.
constexpr std::uint64_t most_before_first = 8 << 10;
/// So many headers in a row are no chance.
constexpr int sure_chain = 12;
/// What the program has just changed is read again so many times.
constexpr int most_tries = 4;
/// By which a heap may have grown since its end was read.
constexpr std::uint64_t most_growth = std::uint64_t{1} << 30;

constexpr std::uint64_t finest_classes = 1 << 10;
constexpr unsigned classes_an_octave_bits = 3;

/// Of the class of a chunk of so many bytes.
std::uint64_t class_width(std::uint64_t chunk_bytes) {
    if (chunk_bytes < finest_classes) return chunk_alignment;
    return std::bit_floor(chunk_bytes) >> classes_an_octave_bits;
}

class Walk {
 public:
    Walk(const GlibcHeap& heap, const ReadWords& read, const OnBlock& on_block, HeapCensus& census)
        : heap_(heap), read_(read), on_block_(on_block), census_(census) {}

    void run() {
        std::uint64_t at = next_chain(heap_.start, heap_.start + most_before_first);
        if (at == 0) {
            census_.unknown_bytes += heap_.end - heap_.start;
            return;
        }
        std::uint64_t before = at;  // the chunk that led here
        for (int tries = 0; at + header_bytes < heap_.end;) {
            const Step step = take(at);
            if (step == Step::end) return;
            if (step == Step::next) {
                before = std::exchange(at, next_);
                tries = 0;
                continue;
            }
            piece_ = {};
            if (++tries <= most_tries) {
                if (before != at && is_chunk(size_at(before))) at = before + size(size_at(before));
                continue;
            }
            const std::uint64_t found = next_chain(at + chunk_alignment, heap_.end);
            census_.unknown_bytes += (found != 0 ? found : heap_.end) - at;
            if (found == 0) return;
            before = at = found;
            tries = 0;
        }
    }

 private:
    enum class Step { next, end, broken };

    /// 0, which no header is, if it cannot be read.
    std::uint64_t word(std::uint64_t address) {
        if (address < piece_at_ || (address - piece_at_) / word_bytes >= piece_.size()) {
            piece_at_ = address;
            piece_ = read_(address);
            if (piece_.empty()) return 0;
        }
        return piece_[(address - piece_at_) / word_bytes];
    }
    std::uint64_t size_at(std::uint64_t chunk) { return word(chunk + word_bytes); }
    static std::uint64_t size(std::uint64_t size_word) { return size_word & ~flags; }

    [[nodiscard]] bool is_chunk(std::uint64_t size_word) const {
        return size(size_word) >= least_chunk && size(size_word) % chunk_alignment == 0 &&
               size(size_word) < heap_.end - heap_.start + most_growth &&
               (size_word & is_mapped) == 0 &&
               (!heap_.is_main || (size_word & of_thread_arena) == 0);
    }

    /// Counts the chunk, and finds the next one.
    Step take(std::uint64_t at) {
        const std::uint64_t size_word = size_at(at);
        if (size(size_word) == fencepost && (size_word & is_mapped) == 0 && !heap_.is_main)
            return Step::end;
        if (!is_chunk(size_word)) return Step::broken;
        const std::uint64_t bytes = size(size_word);
        HeapBlock block{at + header_bytes, bytes - word_bytes, {}};
        block.words = {word(block.address), word(block.address + word_bytes)};
        next_ = at + bytes;
        if (next_ >= heap_.end) {  // the top, which may have become larger
            census_.free_bytes += heap_.end - at;
            return Step::end;
        }
        const std::uint64_t next_word = size_at(next_);
        if (!is_chunk(next_word) && size(next_word) != fencepost) return Step::broken;
        if ((next_word & previous_in_use) == 0) {
            census_.free_bytes += bytes;
            return Step::next;
        }
        // What is free does not say so.
        if (!heap_.is_main && (size_word & of_thread_arena) == 0) return Step::broken;
        census_.in_use[size_class(bytes)] += {1, bytes};
        on_block_(block);
        return Step::next;
    }

    /// The first place at which a chain begins; 0 if there is none before `until`.
    std::uint64_t next_chain(std::uint64_t from, std::uint64_t until) {
        until = std::min(until, heap_.end);
        for (std::uint64_t at = from; at + header_bytes <= until; at += chunk_alignment)
            if (is_chain(at)) return at;
        return 0;
    }
    bool is_chain(std::uint64_t at) {
        for (int links = 0; links < sure_chain; ++links) {
            const std::uint64_t size_word = size_at(at);
            if (!is_chunk(size_word)) return links > 0 && size(size_word) == fencepost;
            at += size(size_word);
            if (at >= heap_.end) return at == heap_.end;
        }
        return true;
    }

    const GlibcHeap& heap_;
    const ReadWords& read_;
    const OnBlock& on_block_;
    HeapCensus& census_;
    std::span<const std::uint64_t> piece_;  ///< What was read last.
    std::uint64_t piece_at_ = 0;
    std::uint64_t next_ = 0;
};

bool is_private_data(const Mapping& mapping) {
    return mapping.readable && mapping.writable && !mapping.shared && mapping.file.inode == 0;
}

/// Of the heap of a thread arena that begins there, its heap_info: the arena, the heap before, and
/// how much of it is in use. None if it is something else.
std::optional<GlibcHeap> thread_heap_at(std::uint64_t start, std::uint64_t mapped_until,
                                        const ReadWords& read) {
    constexpr std::size_t arena = 0;
    constexpr std::size_t previous = 1;
    constexpr std::size_t size = 2;
    constexpr std::size_t words = 4;
    constexpr std::uint64_t page_bytes = 4096;
    const std::span<const std::uint64_t> info = read(start);
    if (info.size() < words) return std::nullopt;
    const std::uint64_t bytes = info[size];
    const bool is_first =
        info[previous] == 0 && info[arena] > start && info[arena] - start < most_before_first;
    const bool is_next = info[previous] != 0 && info[previous] % heap_alignment == 0 &&
                         info[arena] % chunk_alignment == 0 &&
                         info[arena] % heap_alignment < most_before_first;
    if ((!is_first && !is_next) || bytes == 0 || bytes % page_bytes != 0 || bytes > heap_alignment)
        return std::nullopt;
    // It may have grown since the mappings were read.
    return GlibcHeap{start, std::min(start + bytes, mapped_until), false};
}

}  // namespace

BlocksInUse& BlocksInUse::operator+=(const BlocksInUse& more) {
    blocks += more.blocks;
    bytes += more.bytes;
    return *this;
}

BlocksInUse HeapCensus::all() const {
    BlocksInUse sum;
    for (const auto& [size, blocks] : in_use) sum += blocks;
    return sum;
}

void HeapCensus::free(const HeapBlock& block) {
    const std::uint64_t bytes = chunk_of(block.bytes);
    BlocksInUse& of_size = in_use[size_class(bytes)];
    of_size.blocks -= 1;
    of_size.bytes -= bytes;
    free_bytes += bytes;
}

std::uint64_t chunk_of(std::uint64_t block_bytes) {
    return block_bytes + word_bytes;
}

std::uint64_t size_class(std::uint64_t chunk_bytes) {
    return chunk_bytes & ~(class_width(chunk_bytes) - 1);
}

std::uint64_t most_of_class(std::uint64_t class_bytes) {
    return class_bytes + class_width(class_bytes) - chunk_alignment;
}

std::uint64_t next_size(std::uint64_t chunk_bytes) {
    return size_class(chunk_bytes + chunk_alignment);
}

std::vector<GlibcHeap> find_glibc_heaps(std::span<const Mapping> mappings, const ReadWords& read) {
    std::vector<GlibcHeap> heaps;
    for (const Mapping& mapping : mappings) {
        if (!is_private_data(mapping)) continue;
        if (mapping.path == "[heap]") {
            heaps.push_back({mapping.start, mapping.end, true});
            continue;
        }
        const std::uint64_t first =
            (mapping.start + heap_alignment - 1) / heap_alignment * heap_alignment;
        for (std::uint64_t start = first; start < mapping.end; start += heap_alignment)
            if (const auto heap = thread_heap_at(start, mapping.end, read)) heaps.push_back(*heap);
    }
    return heaps;
}

HeapCensus walk_glibc_heaps(std::span<const GlibcHeap> heaps, const ReadWords& read,
                            const OnBlock& on_block) {
    HeapCensus census;
    for (const GlibcHeap& heap : heaps) Walk(heap, read, on_block, census).run();
    return census;
}

}  // namespace seep
