// SPDX-License-Identifier: GPL-2.0-only
#pragma once

// Reads a process's memory while it runs, without stopping it. Stateless, thread-safe.

#include <sys/types.h>

#include <cstddef>
#include <cstdint>
#include <functional>
#include <span>
#include <string>
#include <vector>

#include "base/result.h"
#include "target/anonymous_pages.h"

namespace seep {

struct MemoryPiece {
    std::uint64_t address = 0;
    std::size_t bytes = 0;
};

/// The bytes of each piece; empty for one that is not all mapped. An error if nothing can be read
/// at all, as that of a process that has ended.
Result<std::vector<std::string>> read_memory(pid_t pid, std::span<const MemoryPiece> pieces);

/// Fills `into` from there on, as far as it is mapped; returns how many bytes.
std::size_t read_piece(pid_t pid, std::uint64_t address, std::span<std::byte> into);

/// Hands over all of those pages, as words of eight bytes, piece by piece; what is not mapped any
/// more is left out. An error if nothing can be read at all.
using OnWords = std::function<void(std::uint64_t address, std::span<const std::uint64_t> words)>;
Result<void> read_words(pid_t pid, std::span<const PageRun> pages, const OnWords& on_words);

}  // namespace seep
