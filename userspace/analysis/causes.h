// SPDX-License-Identifier: GPL-2.0-only
#pragma once

// What of a report's stacks is one cause of growth, of which a finding is made (findings.h): stacks
// in lockstep, stacks of one function, and leaks whose blocks are parts of the same objects. Those
// are known by what is lost together (Reachability::objects()): lost blocks that point to one
// another.
//
//     lost query ---> namespaces        of three stacks, which are seen unequally well: one cause
//          '--------> parts ---> names
//
// Pure.

#include <vector>

#include "analysis/report.h"

namespace seep {

struct Cause {
    Verdict verdict = Verdict::undetermined;
    std::vector<const ReportStack*> stacks = {};    ///< In rank order.
    std::vector<const ReportFrame*> culprits = {};  ///< One a name, in the same order.
    const ReportFrame* through = nullptr;           ///< The wrapper that the first one calls.
    const ReportFrame* caller = nullptr;            ///< Tells it from a cause of the same name.
    /// A function that all stacks go through, the innermost one from which they part; null if there
    /// is none besides main() and what is before it.
    const ReportFrame* common = nullptr;
};

/// Gravest verdicts first, else in rank order. Suppressed stacks are in none, nor what does not
/// grow. `report`: its stacks judged, clustered and named (name_stacks()); must outlive them.
std::vector<Cause> causes_of(const Report& report);

}  // namespace seep
