// SPDX-License-Identifier: GPL-2.0-only
#include "doctor/check.h"

namespace seep {

const char* status_name(CheckStatus status) {
    switch (status) {
        case CheckStatus::ok:
            return "ok";
        case CheckStatus::warning:
            return "warning";
        case CheckStatus::missing:
            return "missing";
    }
    return "?";
}

}  // namespace seep
