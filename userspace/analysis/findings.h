// SPDX-License-Identifier: GPL-2.0-only
#pragma once

// What a report has to say, first things first: each cause of growth once, named for the code that
// allocates, in a plain sentence. Pure functions.

#include <string>
#include <string_view>
#include <vector>

#include "analysis/report.h"
#include "base/result.h"

namespace seep {

/// Stacks that grow in lockstep are one finding; their rates and intervals add up, since what moves
/// together is wrong together. Leaks first, then what grows for certain, then growth with an
/// explanation (load, warming up); each by the lower end of its interval. Suppressed stacks make
/// none. `report`: its stacks judged, clustered and named (name_stacks()).
std::vector<Finding> find_causes(const Report& report);

/// Makes a stack one of those that the finding is of, with its blocks; its growth is left to the
/// caller.
void add_stack(const ReportStack& stack, Finding& finding);

/// What a report without findings says instead: that nothing grew, if that is sure, and by how much
/// more memory there is all the same.
std::string without_findings(const Report& report);
/// Bytes a second by which blocks grow, or leak, of which suppressions make no finding.
double suppressed_growth(const Report& report);

/// The nearest frame around the stack's culprit that has a name, for one that has none, as far as
/// that is no code that starts programs and threads; else null.
const ReportFrame* named_caller(const ReportStack& stack);

/// Where in the code a stack, which has frames, allocates: a line of a function, or an address.
using Place = std::pair<std::string, std::uint64_t>;
Place place_of(const ReportStack& stack);

/// "3.1 MiB an hour (2.9 MiB to 3.3 MiB)", of a growth in bytes a second; without the interval
/// where its ends are one.
std::string hourly(const Growth& growth);

/// "grew by 3.1 MiB in the window, but slows down or has stopped", of one function or of several.
std::string grew_text(const Growth& growth, bool several);

/// " (it may be the load: ...)" where more was done in the later half of the window; else empty.
std::string load_text(const ReportSampling& sampling);

/// "1.2 KiB (1.1 KiB to 1.3 KiB) per 1,000 units of work".
std::string work_text(const GrowthPerWork& growth);

/// `--fail-on VERDICT[:BYTES_PER_HOUR]`: a finding whose interval's lower end is above that.
struct FailCondition {
    std::string text;  ///< As it was given.
    Verdict verdict = Verdict::leak;
    double bytes_per_hour = 0;
};
/// "leak", "growing" (of which a leak is one), with a size as parse_size() reads it.
Result<FailCondition> parse_fail_condition(std::string_view text);

bool holds(const FailCondition& condition, const Finding& finding);

/// The first finding that the condition holds for; null if none.
const Finding* failing_finding(const Report& report, const FailCondition& condition);

}  // namespace seep
