// SPDX-License-Identifier: GPL-2.0-only
#pragma once

// What a recording holds, as passive data; the same names as its tables (docs/recording.md).

#include <cstdint>
#include <map>
#include <optional>
#include <string>
#include <vector>

#include "base/ids.h"
#include "drain/snapshot.h"
#include "drain/sources.h"

namespace seep {

/// Facts about the whole recording.
struct RecordingInfo {
    std::string seep_version;
    std::int64_t started_ns = 0;  ///< CLOCK_REALTIME when births were counted from.
    std::uint64_t interval_ns = 0;
    std::string sampling_asked;        ///< "auto", "exact" or "bytes": what --sample said.
    std::uint64_t sampling_bytes = 0;  ///< Mean bytes between samples that it said; else 0.
    std::uint64_t budget_ppm =
        0;                    ///< --max-overhead in millionths of the target's CPU time; 0: none.
    std::string kernel;       ///< uname -r
    std::string machine;      ///< uname -m
    std::string attach_mode;  ///< "session", "multi", "single".
    Sources sources;          ///< What was followed.
    std::uint64_t frame_cost_ps = 0;  ///< Measured cost of a frame of a stack that is followed.
};

struct ProcessRecord {
    ProcessId id;
    std::int64_t pid = 0;
    std::string command;  ///< Command line.
    std::string executable;
    std::int64_t started_ns = 0;     ///< When tracing of this image began.
    std::int64_t ended_ns = 0;       ///< When it ended (exec, exit); 0 while it runs.
    std::string allocators;          ///< "glibc (libc.so.6)", comma-separated.
    std::uint64_t unwind_rows = 0;   ///< Of the tables of its objects, which others may share.
    std::uint64_t unwind_bytes = 0;  ///< Memory of these tables.
};

enum class ObjectKind : std::uint8_t { file = 0, vdso = 1, anonymous = 2 };

/// What code is mapped from. Anonymous (JIT) code has one object a process.
struct ObjectRecord {
    ObjectId id;
    ObjectKind kind = ObjectKind::file;
    std::string path;      ///< As the target sees it.
    std::string build_id;  ///< Hex; may be empty.
};

/// One function of a location, innermost (inlined) first.
struct FrameRecord {
    std::string function;  ///< Empty: unknown.
    std::string file;
    std::uint32_t line = 0;
    bool inlined = false;
    bool operator==(const FrameRecord&) const = default;
};

/// A code address, in the address space of its object (absolute if the object is anonymous, or 0 if
/// nothing was mapped there). `is_call`: a return address, so that symbols are looked up one byte
/// before it.
struct LocationRecord {
    LocationId id;
    ObjectId object;
    std::uint64_t address = 0;
    bool is_call = true;
    bool symbolized = false;  ///< Looked up already; `frames` may still be empty.
    std::vector<FrameRecord> frames;
};

struct StackRecord {
    StackId id;
    ProcessId process;
    StackEnd end = StackEnd::complete;
    std::vector<LocationId> locations;  ///< Innermost first; [0] is in the allocator's function.
    StackKind kind = StackKind::heap;
};

/// An allocator function that is probed, and how often it was hit.
struct ProbeRecord {
    std::uint32_t id = 0;  ///< Index in the kernel's map, 1 and up.
    ProcessId process;
    ObjectId object;
    std::string function;
    std::uint64_t address = 0;
    std::string site;  ///< "emulated", "nop5", "single_stepped".
    std::uint64_t hits = 0;
    std::uint64_t hit_cost_ps = 0;  ///< Measured before, picoseconds; 0: that could not be done.
};

struct SnapshotRecord {
    std::int64_t time_ns = 0;
    std::optional<std::uint64_t> work;  ///< Units of work so far, if they are counted.
    std::uint64_t unobserved_ns = 0;    ///< Time without probes since the first snapshot.
    std::uint64_t pauses = 0;           ///< Times that the probes had gone for such.
    std::optional<HostMemory> host;     ///< The machine's, if it could be read.
    std::vector<ProcessSample> processes;
};

}  // namespace seep
