// SPDX-License-Identifier: GPL-2.0-only
#pragma once

// The words that doctor's text and JSON use for what other stages enumerate. Pure.

#include "probes/sites.h"
#include "target/process.h"

namespace seep {

const char* architecture_name(Architecture architecture);
/// "5-byte nop", "emulated", "single-stepped": what a hit costs is in this order, least first (on
/// kernels before 6.18 a nop is as dear as the last).
const char* site_kind_name(SiteKind kind);
/// "none", "return probe", "at returns".
const char* exit_probe_name(ExitProbe exit);

}  // namespace seep
