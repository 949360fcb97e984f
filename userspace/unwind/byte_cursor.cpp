// SPDX-License-Identifier: GPL-2.0-only
#include "unwind/byte_cursor.h"

#include <dwarf.h>

namespace seep {
namespace {

constexpr std::uint8_t format_mask = 0x0f;

}  // namespace

void ByteCursor::fail() {
    ok_ = false;
    rest_ = {};
}

Bytes ByteCursor::block(std::uint64_t size) {
    if (size > rest_.size()) {
        fail();
        return {};
    }
    const Bytes bytes = rest_.first(size);
    rest_ = rest_.subspan(size);
    address_ += size;
    return bytes;
}

std::uint64_t ByteCursor::uleb() {
    std::uint64_t number = 0;
    for (unsigned shift = 0; shift < 64; shift += 7) {
        const auto byte = fixed<std::uint8_t>();
        number |= static_cast<std::uint64_t>(byte & 0x7f) << shift;
        if ((byte & 0x80) == 0) return number;
    }
    fail();
    return 0;
}

std::int64_t ByteCursor::sleb() {
    std::uint64_t number = 0;
    for (unsigned shift = 0; shift < 64; shift += 7) {
        const auto byte = fixed<std::uint8_t>();
        number |= static_cast<std::uint64_t>(byte & 0x7f) << shift;
        if ((byte & 0x80) != 0) continue;
        const bool negative = (byte & 0x40) != 0;
        if (negative && shift + 7 < 64) number |= ~std::uint64_t{0} << (shift + 7);
        return static_cast<std::int64_t>(number);
    }
    fail();
    return 0;
}

std::uint64_t ByteCursor::fixed_pointer(std::uint8_t format) {
    const auto extended = [](std::int64_t number) { return static_cast<std::uint64_t>(number); };
    switch (format) {
        case DW_EH_PE_absptr:
        case DW_EH_PE_udata8:
        case DW_EH_PE_sdata8:
            return fixed<std::uint64_t>();
        case DW_EH_PE_udata2:
            return fixed<std::uint16_t>();
        case DW_EH_PE_udata4:
            return fixed<std::uint32_t>();
        case DW_EH_PE_sdata2:
            return extended(fixed<std::int16_t>());
        case DW_EH_PE_sdata4:
            return extended(fixed<std::int32_t>());
        default:
            fail();
            return 0;
    }
}

std::uint64_t ByteCursor::pointer(std::uint8_t encoding) {
    const std::uint64_t self = address_;
    const std::uint64_t value = fixed_pointer(encoding & format_mask);
    switch (encoding & ~format_mask) {
        case DW_EH_PE_absptr:
            return value;
        case DW_EH_PE_pcrel:
            return self + value;
        default:
            fail();
            return 0;
    }
}

}  // namespace seep
