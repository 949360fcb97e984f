// SPDX-License-Identifier: GPL-2.0-only
#include "doctor/target_diagnosis.h"

#include <pwd.h>

#include "target/address_space.h"

namespace seep {
namespace {

Error no_allocator() {
    return {ErrorKind::untraceable,
            "no allocator found: no mapped object defines malloc and free under a name seep knows",
            "a statically linked and stripped program hides them: run one that is not stripped, or "
            "see where it maps its memory and who touches it: seep record --source mapping,faults"};
}

std::string name_of_user(uid_t user) {
    const passwd* const entry = getpwuid(user);
    return entry == nullptr ? "" : entry->pw_name;
}

}  // namespace

std::size_t TargetDiagnosis::probes() const {
    std::size_t count = 0;
    for (const auto& object : objects) count += object->probes.plans.size();
    return count;
}

TargetDiagnosis TargetExaminer::examine(pid_t pid) {
    TargetDiagnosis target;
    target.pid = pid;
    const Result<void> looked = look_at(pid, target);
    if (!looked) {
        target.refused = looked.error();
    } else if (target.probes() == 0) {
        target.refused = no_allocator();
    }
    return target;
}

Result<void> TargetExaminer::look_at(pid_t pid, TargetDiagnosis& target) {
    const auto process = Process::open(pid);
    if (!process) return process.error();
    target.process = process->info();
    target.user_name = name_of_user(target.process.user);
    const auto counters = read_process_counters(pid);
    if (!counters) return counters.error();
    target.memory = *counters;
    target.cgroup = memory_cgroup_of(pid).value_or("");
    if (!target.cgroup.empty()) target.cgroup_memory = read_cgroup_memory(target.cgroup);

    AddressSpace space(pid);
    const auto refreshed = space.refresh();
    if (!refreshed) return refreshed.error();
    for (const Error& error : refreshed->unreadable) target.unreadable.push_back(error.message);
    for (const AddressSpace::Object& object : space.objects()) {
        target.objects.push_back(diagnosis_of(*object));
    }
    return {};
}

std::shared_ptr<const ObjectDiagnosis> TargetExaminer::diagnosis_of(const ObjectFile& object) {
    auto& known = known_[object.identity()];
    if (!known) known = std::make_shared<const ObjectDiagnosis>(diagnose_object(object));
    return known;
}

}  // namespace seep
