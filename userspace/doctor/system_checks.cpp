// SPDX-License-Identifier: GPL-2.0-only
#include "doctor/system_checks.h"

namespace seep {

std::vector<Check> check_system(const SystemFacts& facts) {
    std::vector<Check> checks = check_kernel(facts);
    for (const auto part : {check_privileges, check_surroundings}) {
        for (Check& check : part(facts)) checks.push_back(std::move(check));
    }
    return checks;
}

}  // namespace seep
