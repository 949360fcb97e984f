// SPDX-License-Identifier: GPL-2.0-only
#pragma once

// Names of JIT-compiled code from /tmp/perf-PID.map, the convention of Linux perf's JIT interface:
// lines "START SIZE NAME", hexadecimal. Later lines win where ranges overlap.
// Immutable after reading; thread-safe to look up.

#include <sys/types.h>

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>

#include "base/result.h"
#include "symbols/range_map.h"

namespace seep {

class PerfMap {
 public:
    /// Reads tmp/perf-NSPID.map inside the process's own root (/proc/PID/root, links not followed
    /// out of it), NSPID being its innermost namespace pid. Refused: a file that is not a regular
    /// file, is a link, does not belong to the process's user, or is over 1 GiB.
    static Result<PerfMap> read(pid_t pid);
    /// From text; lines that do not parse are skipped.
    static PerfMap parse(std::string text);

    /// The name of the code at an absolute address of the process, as the file has it, cut at
    /// max_name_bytes (symbols/demangle.h). Valid as long as this object.
    [[nodiscard]] std::optional<std::string_view> lookup(std::uint64_t address) const;
    /// Ranges of addresses that have a name.
    [[nodiscard]] std::size_t size() const { return names_.size(); }

 private:
    /// Where in text_ a name is: names may be long and their ranges cut into many pieces.
    struct Name {
        std::size_t offset = 0;
        std::size_t length = 0;
    };
    std::string text_;
    RangeMap<Name> names_;
};

}  // namespace seep
