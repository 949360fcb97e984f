// SPDX-License-Identifier: GPL-2.0-only
#pragma once

// What seep can do with one mapped object: which functions of it it would probe and where, whether
// its code keeps frame pointers, and what there is to name its addresses by.
// Hostile input. Pure function of the file and of /usr/lib/debug; thread-safe.

#include <optional>
#include <string>

#include "doctor/frame_pointers.h"
#include "probes/sites.h"
#include "target/object_file.h"

namespace seep {

/// What names a file's functions.
enum class Symbols {
    none,
    dynamic,     ///< Exported functions only: the file is stripped.
    debug_data,  ///< Also the functions of .gnu_debugdata.
    full,        ///< .symtab
};

/// Where the source lines and inlined calls of a file are.
enum class DebugInfoPlace { none, separate, in_file };

/// What following stacks through the object takes.
struct UnwindTableSize {
    std::uint64_t bytes = 0;  ///< Memory in the kernel.
    std::uint64_t rows = 0;
    std::uint64_t unsupported = 0;  ///< Rows of its CFI that say what a table cannot.
    std::uint64_t code_bytes = 0;
    /// Of these, what has no rule, so that stacks are followed through it by frame pointers, and
    /// end in it where it keeps none. Padding between functions is left out.
    std::uint64_t uncovered_bytes = 0;
};

struct ObjectDiagnosis {
    std::string path;
    std::string name;
    std::string build_id;   ///< Empty: it has none.
    std::string allocator;  ///< "glibc"; empty: it defines none.
    ProbePlans probes;      ///< Of the allocator.
    FramePointers frame_pointers;
    std::optional<UnwindTableSize> unwind_table;  ///< None: it has no call frame information.
    Symbols symbols = Symbols::none;
    DebugInfoPlace debug_info = DebugInfoPlace::none;
    std::string problem;  ///< Why (some of) it could not be examined; empty: it could.
};

ObjectDiagnosis diagnose_object(const ObjectFile& object);

/// "none", "exported only", "exported and .gnu_debugdata", "all".
const char* symbols_name(Symbols symbols);
/// "none", "separate file", "in the file".
const char* debug_info_name(DebugInfoPlace place);

}  // namespace seep
