// SPDX-License-Identifier: GPL-2.0-only
#pragma once

// Address ranges with a value each, where a range assigned later hides what it covers of earlier
// ones. Assigning outer ranges before inner ones therefore gives the innermost range at an address:
//
//     assign(0, 100, f); assign(20, 30, g);      f: [0,20) [30,100)   g: [20,30)
//
// Assigning is O(log n) amortised, whatever the order: each call adds at most two pieces. A value
// may be copied when its range is cut in two, so it should be small. Not thread-safe while it is
// changed; thread-safe to read.

#include <cstdint>
#include <iterator>
#include <map>

namespace seep {

template <typename T>
class RangeMap {
 public:
    /// [start, end); an empty or inverted range is ignored.
    void assign(std::uint64_t start, std::uint64_t end, const T& value) {
        if (start >= end) return;
        cut(start);
        cut(end);
        pieces_.erase(pieces_.lower_bound(start), pieces_.lower_bound(end));
        pieces_.emplace(start, Piece{end, value});
    }

    /// The value at the address; nullptr if there is none.
    [[nodiscard]] const T* find(std::uint64_t address) const {
        auto after = pieces_.upper_bound(address);
        if (after == pieces_.begin()) return nullptr;
        const Piece& piece = std::prev(after)->second;
        return address < piece.end ? &piece.value : nullptr;
    }

    /// Pieces, not assignments.
    [[nodiscard]] std::size_t size() const { return pieces_.size(); }

 private:
    struct Piece {
        std::uint64_t end;
        T value;
    };

    /// Makes `address` a boundary between pieces.
    void cut(std::uint64_t address) {
        auto after = pieces_.lower_bound(address);
        if (after == pieces_.begin()) return;
        Piece& piece = std::prev(after)->second;
        if (piece.end <= address) return;
        pieces_.emplace_hint(after, address, piece);
        piece.end = address;
    }

    std::map<std::uint64_t, Piece> pieces_;
};

}  // namespace seep
