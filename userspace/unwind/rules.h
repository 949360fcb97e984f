// SPDX-License-Identifier: GPL-2.0-only
#pragma once

// From what CFI says at a place to a rule that the kernel's unwinder can follow. One file a
// processor: rules_x86_64.cpp. Pure functions, thread-safe.

#include <array>
#include <cstdint>
#include <string_view>

#include "bpf/wire.h"
#include "unwind/cfa_state.h"

namespace seep {

/// Why a rule is SEEP_CFA_UNSUPPORTED.
enum class Unsupported : std::uint8_t {
    none,
    cfa_register,    ///< The CFA is relative to a register that is not followed.
    cfa_expression,  ///< It is computed in a way that is not known.
    offset_range,    ///< An offset does not fit the rule.
    return_address,  ///< The return address is not right below the CFA.
    signal_frame,    ///< A signal frame that is not laid out as the kernel does it.
    malformed,       ///< The instructions make no sense.
    too_many_rules,  ///< The table has 65,536 others already.
};
inline constexpr std::size_t unsupported_reasons = 8;
std::string_view name_of(Unsupported reason);

struct TranslatedRule {
    seep_rule rule{};
    Unsupported reason = Unsupported::none;
};

/// Rules that mean the same are equal byte by byte: what a kind has no use for is 0.
TranslatedRule translate_rule(const CfaState& state, bool signal_frame);
TranslatedRule unsupported_rule(Unsupported reason);

}  // namespace seep
