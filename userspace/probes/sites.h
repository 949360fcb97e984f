// SPDX-License-Identifier: GPL-2.0-only
#pragma once

// Which instructions of an allocator function to probe.
//
// An uprobe on an instruction that the kernel emulates (push, nop, jmp, jcc, call) costs 0.55 us;
// on any other it is single-stepped out of line, 20 us on the development machine. So the entry
// probe moves along the function's straight-line prefix to the first emulated instruction at which
// the arguments it reads are still in their registers and the return address is still at (%rsp),
// and which each call passes exactly once:
//
//     free:  test %rdi,%rdi      single-stepped
//            je   3f             emulated: the site. Not further: what follows is not on every
//            path. push %rbp
//
// What depends on the processor is in code_x86_64.cpp. Pure; thread-safe.

#include <cstdint>
#include <string>
#include <vector>

#include "base/result.h"
#include "probes/code.h"
#include "probes/finder.h"
#include "target/object_file.h"

namespace seep {

struct ProbeSite {
    std::uint64_t address = 0;      ///< In the object's address space.
    std::uint64_t file_offset = 0;  ///< What the kernel is given.
    SiteKind kind = SiteKind::single_stepped;
};

/// How the function's result is seen.
enum class ExitProbe {
    none,          ///< free: there is no result.
    return_probe,  ///< A return probe (or a session) on the entry site.
    at_returns,  ///< Probes on the return instructions themselves, because the function may throw.
};

struct ProbePlan {
    /// Its `function` has the argument numbers that are right at the entry site: where the code
    /// before it moves an argument to another argument's register, they are not the catalogue's.
    FoundFunction function;
    ProbeSite entry;
    ExitProbe exit = ExitProbe::none;
    /// For at_returns: every `ret` of the function and of what it tail-calls in the object,
    /// ascending. Other functions may share them, and other plans list them too: a hit is this
    /// call's only if the stack pointer is what it was at the entry.
    std::vector<ProbeSite> returns;
    std::string note;  ///< Why the entry itself was taken, if it is a slow site; unseen returns.
};

/// The plan for each function. A function whose code cannot be decoded, or that may throw and has
/// no return instruction that could be found, is left out and named in `skipped`.
struct ProbePlans {
    std::vector<ProbePlan> plans;
    std::vector<std::string> skipped;  ///< "operator new: ...", for doctor and --verbose.
};
Result<ProbePlans> plan_probes(const ObjectFile& object,
                               const std::vector<FoundFunction>& functions);

}  // namespace seep
