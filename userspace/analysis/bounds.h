// SPDX-License-Identifier: GPL-2.0-only
#pragma once

// Nothing grows by more than all. What certainly claims more than the memory may have grown by at
// most in the later half of the window is told with that at most, and is open if that is less than
// half of it: a full cache that replaces its entries claims all that it allocates. So it does where
// nothing goes unseen, until it has replaced what it had before attaching, of which only the frees
// are seen. And what claims more blocks than all stacks together became more by, which allocations
// and frees tell as often as they are counted (lapses.h), replaces what it frees. Pure.

#include <string>

#include "analysis/claims.h"
#include "analysis/report.h"

namespace seep {

/// `claims`: of the report's stacks, as they were at first. What is bounded is not seen to leak any
/// more, unless all the others together cannot have had as many blocks more as there are: then it
/// claims the rest.
void bound_by_balance(StackClaims& claims, Report& report);

/// Likewise of the stacks that are no leak, and of the process as a whole. `doubt`: why what was
/// seen to leak is not confirmed, for its reason.
void bound_by_memory(const StackClaims& claims, const std::string& doubt, Report& report);

}  // namespace seep
