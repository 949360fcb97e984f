// SPDX-License-Identifier: GPL-2.0-only
#pragma once

// What CFI says at one place of a function: how the canonical frame address is found, and where the
// caller's registers are. Only registers that unwinding to callers needs are followed. Passive
// data; expressions point into the section's bytes.

#include <array>
#include <cstdint>
#include <optional>

#include "unwind/byte_cursor.h"

namespace seep {

/// A register that is followed; index into CfaState::saved.
enum class Followed : std::uint8_t { bx, fp, sp, return_address };
inline constexpr std::size_t followed_count = 4;

/// By its DWARF number; nullopt for one that is not followed.
std::optional<Followed> followed_register(std::uint64_t number);

struct CfaRule {
    enum class Kind : std::uint8_t { none, register_plus_offset, expression };
    Kind kind = Kind::none;
    std::uint64_t base_register = 0;  ///< Its DWARF number.
    std::int64_t offset = 0;
    Bytes expression;
};

struct SavedRule {
    enum class Kind : std::uint8_t {
        unspecified,
        undefined,
        same,
        at_cfa_plus_offset,
        at_expression,
        other,  ///< A kind that no table can say: its value is computed, or in another register.
    };
    Kind kind = Kind::unspecified;
    std::int64_t offset = 0;
    Bytes expression;
};

struct CfaState {
    CfaRule cfa;
    std::array<SavedRule, followed_count> saved;

    [[nodiscard]] const SavedRule& of(Followed which) const {
        return saved[static_cast<std::size_t>(which)];
    }
};

}  // namespace seep
