// SPDX-License-Identifier: GPL-2.0-only
#pragma once

// Reads the encodings of DWARF out of untrusted bytes that lie at a known address. Past the end, or
// at a number that does not fit, it fails for good: every later read gives 0, and ok() says so, so
// that a parser need check only once. Little-endian. Not thread-safe.
//
//     ByteCursor cursor(bytes, address);
//     const std::uint64_t factor = cursor.uleb();
//     if (!cursor.ok()) return bad_elf("...");

#include <cstdint>
#include <cstring>
#include <optional>
#include <span>

namespace seep {

using Bytes = std::span<const unsigned char>;

class ByteCursor {
 public:
    explicit ByteCursor(Bytes bytes, std::uint64_t address = 0) : rest_(bytes), address_(address) {}

    [[nodiscard]] bool ok() const { return ok_; }
    /// Nothing is left, or something has failed.
    [[nodiscard]] bool at_end() const { return rest_.empty(); }
    [[nodiscard]] Bytes rest() const { return rest_; }
    /// Of the next byte.
    [[nodiscard]] std::uint64_t address() const { return address_; }

    template <typename Number>
    Number fixed() {
        Number number{};
        const Bytes bytes = block(sizeof number);
        if (!bytes.empty()) std::memcpy(&number, bytes.data(), sizeof number);
        return number;
    }
    std::uint64_t uleb();
    std::int64_t sleb();
    /// The next `size` bytes.
    Bytes block(std::uint64_t size);
    /// A pointer as DW_EH_PE_* `encoding` says; absolute ones and those relative to themselves, of
    /// fixed size. Fails on others: none occur in CFI for x86-64 or arm64.
    std::uint64_t pointer(std::uint8_t encoding);

 private:
    std::uint64_t fixed_pointer(std::uint8_t format);
    void fail();

    Bytes rest_;
    std::uint64_t address_;
    bool ok_ = true;
};

}  // namespace seep
