// SPDX-License-Identifier: GPL-2.0-only
#include "doctor/names.h"

namespace seep {

const char* architecture_name(Architecture architecture) {
    switch (architecture) {
        case Architecture::x86_64:
            return "x86_64";
        case Architecture::aarch64:
            return "aarch64";
        case Architecture::x86_32:
            return "x86_32";
        case Architecture::other:
            return "other";
    }
    return "?";
}

const char* site_kind_name(SiteKind kind) {
    switch (kind) {
        case SiteKind::nop5:
            return "5-byte nop";
        case SiteKind::emulated:
            return "emulated";
        case SiteKind::single_stepped:
            return "single-stepped";
    }
    return "?";
}

const char* exit_probe_name(ExitProbe exit) {
    switch (exit) {
        case ExitProbe::none:
            return "none";
        case ExitProbe::return_probe:
            return "return probe";
        case ExitProbe::at_returns:
            return "at returns";
    }
    return "?";
}

}  // namespace seep
