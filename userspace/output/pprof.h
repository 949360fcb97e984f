// SPDX-License-Identifier: GPL-2.0-only
#pragma once

// The report as a profile of pprof: an encoded message `perftools.profiles.Profile`, which
// `go tool pprof` and services for continuous profiling read. Pure and thread-safe.
//
// Format: https://github.com/google/pprof/blob/main/proto/profile.proto
//
//   sample types   alloc_objects/count, alloc_space/bytes: since attach, up to the window's end;
//                  inuse_objects/count, inuse_space/bytes (the default): live at the window's end;
//                  growth_space/bytes: live bytes at the window's end less those at its start,
//                  which may be negative
//   mapping        an object with its build id. It starts at 0 and has no end, because addresses
//                  are those of the object's own address space, as `nm` shows them, and do not
//                  depend on where a process had mapped it: profiles of several runs can be
//                  compared. pprof takes such a mapping for what it is.
//   location       one code address with its functions, line[0] the innermost inlined one. Of a
//                  call it is the address of its last byte. A location in a file and without
//                  symbols has no line, so that a reader with debug files may find them by the
//                  build id.
//   label          stack (id), kind, verdict; process and pid, if one process was recorded
//   comment        targets, window, sampling, losses, verdict and warnings, as the report has them
//
// A stack that was not followed to its root has the location "[truncated]" as its outermost.
// Names are made printable and cut like those of the other outputs.

#include <string>

#include "analysis/report.h"

namespace seep {

/// Which end of the window the profile is dated by. A server that gets one after another needs the
/// end: they may all have begun together.
enum class ProfileTime { start, end };

/// Not compressed; files are, see output/gzip.h.
std::string pprof_profile(const Report& report, ProfileTime time = ProfileTime::start);

}  // namespace seep
