// SPDX-License-Identifier: GPL-2.0-only
#pragma once

// The kernel's ledger block by block: what is in `live` and `recent` (bpf/maps.bpf.h), while
// programs go on changing it. Stateless; the kernel object must not be used by others meanwhile.

#include <cstdint>
#include <vector>

#include "base/result.h"
#include "bpf/wire.h"
#include "kernel/kernel_object.h"

namespace seep {

struct OutstandingBlock {
    std::uint64_t address = 0;
    std::uint32_t process_slot = 0;
    seep_live block{};
};

struct OutstandingBlocks {
    std::vector<OutstandingBlock> blocks;  ///< Each once, but for one that moves meanwhile.
    bool all = true;                       ///< There were no more than were asked for.
};

/// So many at most.
Result<OutstandingBlocks> read_outstanding(const KernelObject& kernel, std::size_t most);

/// Takes out those that are there no more, freed since or given out again.
Result<void> keep_outstanding(const KernelObject& kernel, std::vector<OutstandingBlock>& blocks);

}  // namespace seep
