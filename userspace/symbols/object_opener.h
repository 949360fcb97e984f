// SPDX-License-Identifier: GPL-2.0-only
#pragma once

// Opens objects for libdwfl, and tells it where to look for what belongs to them: files with debug
// information by build id and by .gnu_debuglink, in the given directories first, then beside the
// object and in /usr/lib/debug; last, if DEBUGINFOD_URLS is set, from a debuginfod server.
// Not thread-safe.

#include <elfutils/libdwfl.h>

#include <memory>
#include <string>
#include <vector>

#include "base/handles.h"
#include "base/result.h"

namespace seep {

/// What libdwfl opens a module from; it must live as long as the module.
struct ObjectSource {
    UniqueFd fd;  ///< Taken by the module when it is first used; empty: found by build id.
    std::string path;
    std::string build_id;  ///< Hex; empty: any file will do.
};

struct OpenObject {
    std::unique_ptr<ObjectSource> source;
    CHandle<Dwfl, dwfl_end> session;
    Dwfl_Module* module = nullptr;
    GElf_Addr bias = 0;  ///< Address of the module less address in the object.
};

class ObjectOpener {
 public:
    /// bad_input for a directory that libdwfl's search path cannot express (a colon in its name).
    static Result<std::unique_ptr<ObjectOpener>> create(
        const std::vector<std::string>& debug_directories);

    /// A local file that has the build id: at `path`, below one of the directories under its path
    /// or its name, or in a .build-id tree. Empty if there is none, or no build id to tell.
    [[nodiscard]] UniqueFd find(const std::string& path, const std::string& build_id) const;

    /// Opens the object. An error if it is no ELF file, has another build id, or, where the source
    /// has no file, none is found under its build id.
    [[nodiscard]] Result<OpenObject> open(ObjectSource source) const;

 private:
    ObjectOpener() = default;
    std::vector<std::string> directories_;
    std::string search_path_;
    char* search_path_text_ = nullptr;
    Dwfl_Callbacks callbacks_{};
};

/// Lower-case hex of the build id of the ELF file; empty if it has none or is none.
std::string read_build_id(int fd);

/// Opens a regular file for reading; empty for anything else. Does not block.
UniqueFd open_regular_file(const std::string& path);

}  // namespace seep
