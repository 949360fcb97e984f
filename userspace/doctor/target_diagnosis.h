// SPDX-License-Identifier: GPL-2.0-only
#pragma once

// Whether a process can be traced, and what a trace of it would see. Only looks: nothing is
// attached, nothing in the process is changed. Not thread-safe.

#include <sys/types.h>

#include <map>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "doctor/object_diagnosis.h"
#include "target/cgroup.h"
#include "target/process.h"
#include "target/process_counters.h"

namespace seep {

struct TargetDiagnosis {
    pid_t pid = 0;
    std::optional<Error> refused;  ///< Why it cannot be traced; then what follows may be empty.
    ProcessInfo process;
    std::string user_name;  ///< Of process.user; empty: it has none on this machine.
    ProcessCounters memory;
    std::string cgroup;  ///< Directory of its memory cgroup; empty: not visible.
    CgroupMemory cgroup_memory;
    std::vector<std::shared_ptr<const ObjectDiagnosis>> objects;  ///< By first address.
    std::vector<std::string> unreadable;  ///< Mapped code that could not be opened, and why.

    [[nodiscard]] std::size_t probes() const;  ///< Functions that would be probed.
};

/// Examines each object once, however many processes map it.
class TargetExaminer {
 public:
    TargetDiagnosis examine(pid_t pid);

 private:
    Result<void> look_at(pid_t pid, TargetDiagnosis& target);
    std::shared_ptr<const ObjectDiagnosis> diagnosis_of(const ObjectFile& object);

    std::map<FileIdentity, std::shared_ptr<const ObjectDiagnosis>> known_;
};

}  // namespace seep
