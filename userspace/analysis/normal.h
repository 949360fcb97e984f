// SPDX-License-Identifier: GPL-2.0-only
#pragma once

// What intervals by the normal distribution have in common.

namespace seep {

/// The 97.5 % point of the normal distribution: 95 % between it and its negative.
inline constexpr double z_95 = 1.959963984540054;

}  // namespace seep
