// SPDX-License-Identifier: GPL-2.0-only
#pragma once

// Names of JIT-compiled code from /tmp/perf-PID.map, the convention of Linux perf's JIT interface:
// lines "START SIZE NAME", hexadecimal. Later lines win where ranges overlap.
// Immutable after reading; thread-safe to look up.

#include <sys/types.h>

#include <cstdint>
#include <map>
#include <optional>
#include <string>
#include <string_view>

#include "base/result.h"

namespace seep {

class PerfMap {
  public:
    /// Reads tmp/perf-NSPID.map inside the process's own root (/proc/PID/root, links not followed
    /// out of it), NSPID being its innermost namespace pid. Refused: a file that is not a regular
    /// file or does not belong to the process's user, or is over 1 GiB.
    static Result<PerfMap> read(pid_t pid);
    /// From text; lines that do not parse are skipped.
    static PerfMap parse(std::string_view text);

    /// The name of the code at an absolute address of the process.
    [[nodiscard]] std::optional<std::string_view> lookup(std::uint64_t address) const;
    [[nodiscard]] std::size_t size() const { return entries_.size(); }

  private:
    struct Entry {
        std::uint64_t end = 0;
        std::string name;
    };
    std::map<std::uint64_t, Entry> entries_;
};

}  // namespace seep
