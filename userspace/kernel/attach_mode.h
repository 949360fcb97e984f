// SPDX-License-Identifier: GPL-2.0-only
#pragma once

// The ways to put BPF programs on user-space instructions, best first, and which of them the
// running kernel has. Asked by trying, not by version, so that backports and restricted kernels are
// right. Thread-safe.

#include <optional>
#include <string_view>

namespace seep {

enum class AttachMode {
    session,  ///< One program for entry and return, whose entry decides about the return (6.13).
    multi,    ///< One link for many places (6.6; used from 6.10, see below).
    single,   ///< One perf event a place.
};

const char* attach_mode_name(AttachMode mode);
std::optional<AttachMode> parse_attach_mode(std::string_view name);

/// Whether links of that mode can be made here. `multi` before 6.10 is not used: its pid filter
/// lets only the named thread through (fixed by kernel commit 46ba0e49b642, "bpf: fix multi-uprobe
/// PID filtering logic").
bool attach_mode_supported(AttachMode mode);
/// The best one that is; `single` always is, as far as can be told without attaching.
AttachMode best_attach_mode();

}  // namespace seep
