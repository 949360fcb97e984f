// SPDX-License-Identifier: GPL-2.0-only
#pragma once

// What those who read the target's memory ask the tracer for.

#include <sys/types.h>

#include <cstdint>
#include <functional>

#include "base/ids.h"

namespace seep {

/// The process of a slot of the kernel's map of processes; 0 if there is none that runs.
using PidOfSlot = std::function<pid_t(std::uint32_t process_slot)>;

/// The stack that the id which a block has stands for; none if that is not known yet.
using StackOfId = std::function<StackId(StackId)>;

}  // namespace seep
