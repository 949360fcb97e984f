// SPDX-License-Identifier: GPL-2.0-only
#pragma once

// Which bucket of lifetimes a time falls into, as the kernel counts them (lifetime_bucket() in
// bpf/ledger.bpf.h). Pure.

#include <algorithm>
#include <bit>
#include <cstddef>
#include <cstdint>

#include "bpf/wire.h"

namespace seep {

/// See SEEP_LIFETIME_BUCKETS. `us`: microseconds.
inline std::size_t lifetime_bucket(std::uint64_t us) {
    return std::min<std::size_t>(static_cast<std::size_t>(std::bit_width(us)),
                                 SEEP_LIFETIME_BUCKETS - 1);
}

}  // namespace seep
