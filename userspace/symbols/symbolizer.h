// SPDX-License-Identifier: GPL-2.0-only
#pragma once

// (object, address in the object) -> functions, files and lines, with inlined calls as frames of
// their own. libdwfl reads .symtab, .dynsym, .gnu_debugdata, DWARF, separate debug files by build
// id and debuglink, and asks debuginfod if DEBUGINFOD_URLS is set. C++ and Rust names are
// demangled. Works without the target. Object files and perf maps are hostile input.
//
// A function has one spelling, inlined or not (symbols/demangle.h): C++ with parameter types,
// C plain. The one exception: a function that g++ kept local to its file and inlined everywhere has
// no linker's name; it is shown qualified, but without parameters.
//
// Not thread-safe; one Symbolizer may be used by one thread at a time. Results are cached. An
// object is opened when the first address of it is resolved: that may take seconds, or a download.
// elfutils' own DEBUGINFOD_PROGRESS and DEBUGINFOD_VERBOSE, if set, make it write to stderr.

#include <cstdint>
#include <memory>
#include <string>
#include <vector>

#include "base/handles.h"
#include "base/result.h"
#include "symbols/source_frame.h"

namespace seep {

struct SymbolizerOptions {
    std::vector<std::string>
        debug_directories;  ///< Searched for debug files and for objects, first.
    /// Ask the servers in DEBUGINFOD_URLS. If not, create() takes the variable out of this
    /// process's environment.
    bool debuginfod = true;
};

class Symbolizer {
 public:
    static Result<Symbolizer> create(SymbolizerOptions options);
    Symbolizer(Symbolizer&&) noexcept;
    Symbolizer& operator=(Symbolizer&&) noexcept;
    ~Symbolizer();

    /// Makes an object known under the caller's number. `fd` may be empty: then a file with the
    /// build id is looked for at `path`, in the debug directories, and by debuginfod. A file whose
    /// build id is not `build_id` (if given) is not used.
    Result<void> add_object(std::uint32_t object, UniqueFd fd, const std::string& path,
                            const std::string& build_id);
    /// The vDSO of a process, read from its memory image.
    Result<void> add_vdso(std::uint32_t object, pid_t pid, std::uint64_t start, std::uint64_t end);

    /// Innermost (inlined) function first, the function that owns the code last. Empty if unknown.
    /// `address`: in the object's address space; for a return address the caller passes the address
    /// of the last byte of the call (pc - 1), for frame 0 the pc itself.
    const std::vector<SourceFrame>& resolve(std::uint32_t object, std::uint64_t address);

 private:
    struct State;
    explicit Symbolizer(std::unique_ptr<State> state);
    std::unique_ptr<State> state_;
};

}  // namespace seep
