// SPDX-License-Identifier: GPL-2.0-only
#pragma once

// All that `seep doctor` found, for people and for programs. Pure functions; names from a target
// are made safe for the medium.

#include <string>
#include <vector>

#include "doctor/check.h"
#include "doctor/target_diagnosis.h"

namespace seep {

struct DoctorReport {
    std::vector<Check> checks;
    std::vector<TargetDiagnosis> targets;

    /// Whether nothing that tracing needs is missing, here and in the targets.
    [[nodiscard]] bool can_trace() const;
};

/// At most 100 columns.
std::string doctor_text(const DoctorReport& report);

/// {"checks": [{"name", "status", "found", "needed", "mend"}], "targets": [...]}
std::string doctor_json(const DoctorReport& report);

}  // namespace seep
