// SPDX-License-Identifier: GPL-2.0-only
#pragma once

// The capabilities seep's process holds, as the kernel will count them for tracing. Pure.

#include <linux/capability.h>

#include "doctor/system_facts.h"

namespace seep {

/// The kernel asks for tracing capabilities in the initial user namespace: the root of another one
/// holds them in name only (bpf_capable() in include/linux/capability.h).
inline bool holds(const SystemFacts& facts, int capability) {
    return facts.initial_user_namespace && (facts.capabilities >> capability & 1) != 0;
}

/// CAP_SYS_ADMIN stands in for the capabilities that were split off from it since Linux 5.8.
inline bool holds_or_admin(const SystemFacts& facts, int capability) {
    return holds(facts, capability) || holds(facts, CAP_SYS_ADMIN);
}

}  // namespace seep
