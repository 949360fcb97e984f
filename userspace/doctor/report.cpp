// SPDX-License-Identifier: GPL-2.0-only
#include "doctor/report.h"

#include <algorithm>

namespace seep {

bool DoctorReport::can_trace() const {
    const auto holds = [](const Check& check) { return check.status != CheckStatus::missing; };
    const auto traceable = [](const TargetDiagnosis& target) { return !target.refused; };
    return std::ranges::all_of(checks, holds) && std::ranges::all_of(targets, traceable);
}

}  // namespace seep
