// SPDX-License-Identifier: GPL-2.0-only
#include "probes/attachment.h"

#include <bpf/bpf.h>
#include <bpf/libbpf.h>
#include <fmt/core.h>
#include <spdlog/spdlog.h>

#include <algorithm>
#include <atomic>
#include <cstring>
#include <numeric>
#include <thread>
#include <utility>
#include <variant>

#include "base/handles.h"
#include "bpf/wire.h"
#include "kernel/link_types.h"

namespace seep {
namespace {

using PerfLink = CHandle<bpf_link, bpf_link__destroy>;
using Link = std::variant<UniqueFd, PerfLink>;

/// Where the programs go: the process, and a path that names the object's inode.
struct Place {
    const KernelObject& kernel;
    pid_t pid;
    std::string path;
};

/// Probes that one program serves in one way.
struct ProbeGroup {
    bpf_program* program = nullptr;
    int attach_type = attach_type_single;
    bool at_return = false;
    std::vector<std::uint64_t> offsets;
    std::vector<std::uint64_t> cookies;

    void add(std::uint64_t offset, std::uint64_t cookie) {
        offsets.push_back(offset);
        cookies.push_back(cookie);
    }
};

std::uint64_t make_cookie(std::uint32_t probe, std::uint32_t process, const AllocatorFunction& f,
                          seep_phase phase) {
    const auto field = [](std::uint64_t value, unsigned shift) { return value << shift; };
    return probe | field(process, SEEP_COOKIE_PROCESS_SHIFT) |
           field(static_cast<std::uint64_t>(f.role), SEEP_COOKIE_ROLE_SHIFT) |
           field(f.size, SEEP_COOKIE_SIZE_SHIFT) | field(f.count, SEEP_COOKIE_COUNT_SHIFT) |
           field(f.pointer, SEEP_COOKIE_POINTER_SHIFT) | field(f.out, SEEP_COOKIE_OUT_SHIFT) |
           field(phase, SEEP_COOKIE_PHASE_SHIFT);
}

/// The groups of a set of probes, in the order they must be attached in.
std::vector<ProbeGroup> group_probes(const KernelObject& kernel, std::uint32_t process_slot,
                                     const std::vector<AttachedProbe>& probes) {
    const AttachMode mode = kernel.mode();
    const int plain_type = mode == AttachMode::single ? attach_type_single : attach_type_multi;
    ProbeGroup frees{kernel.call_program(), plain_type, false, {}, {}};
    ProbeGroup exits{kernel.call_program(), plain_type, false, {}, {}};
    ProbeGroup returns{kernel.return_program(), plain_type, true, {}, {}};
    ProbeGroup calls{kernel.call_program(), plain_type, false, {}, {}};
    ProbeGroup sessions{kernel.session_program(), attach_type_session, false, {}, {}};

    for (const AttachedProbe& probe : probes) {
        const ProbePlan& plan = probe.plan;
        const auto cookie = [&](seep_phase phase) {
            return make_cookie(probe.slot, process_slot, *plan.function.function, phase);
        };
        const std::uint64_t entry = plan.entry.file_offset;
        switch (plan.exit) {
            case ExitProbe::none:
                frees.add(entry, cookie(SEEP_PHASE_CALL));
                break;
            case ExitProbe::at_returns:
                for (const ProbeSite& site : plan.returns)
                    exits.add(site.file_offset, cookie(SEEP_PHASE_EXIT));
                calls.add(entry, cookie(SEEP_PHASE_CALL_MAY_THROW));
                break;
            case ExitProbe::return_probe:
                if (mode == AttachMode::session) {
                    sessions.add(entry, cookie(SEEP_PHASE_CALL));
                } else {
                    returns.add(entry, cookie(SEEP_PHASE_CALL));
                    calls.add(entry, cookie(SEEP_PHASE_CALL));
                }
                break;
        }
    }
    std::vector<ProbeGroup> groups;
    for (ProbeGroup* group : {&frees, &exits, &returns, &calls, &sessions})
        if (!group->offsets.empty()) groups.push_back(std::move(*group));
    return groups;
}

int attach_singles(const Place& place, const ProbeGroup& group, std::vector<Link>& links) {
    for (std::size_t i = 0; i < group.offsets.size(); ++i) {
        LIBBPF_OPTS(bpf_uprobe_opts, options, .bpf_cookie = group.cookies[i],
                    .retprobe = group.at_return);
        PerfLink link(bpf_program__attach_uprobe_opts(group.program, place.pid, place.path.c_str(),
                                                      group.offsets[i], &options));
        if (!link) return errno;
        links.emplace_back(std::move(link));
    }
    return 0;
}

int attach_group(const Place& place, const ProbeGroup& group, std::vector<Link>& links) {
    if (group.attach_type == attach_type_single) return attach_singles(place, group, links);
    UniqueFd link =
        make_uprobe_link(bpf_program__fd(group.program), group.attach_type, place.path.c_str(),
                         group.offsets, group.cookies, place.pid, group.at_return);
    if (!link) return errno;
    links.emplace_back(std::move(link));
    return 0;
}

/// All the probes or none: an errno, and what was attached is detached again.
int attach_probes(const Place& place, std::uint32_t process_slot,
                  const std::vector<AttachedProbe>& probes, std::vector<Link>& links) {
    std::vector<Link> made;
    for (const ProbeGroup& group : group_probes(place.kernel, process_slot, probes))
        if (const int error = attach_group(place, group, made)) return error;
    for (Link& link : made) links.push_back(std::move(link));
    return 0;
}

bool concerns_all_probes(int error) {
    return error == ESRCH || error == EPERM || error == EACCES || error == EMFILE ||
           error == ENFILE;
}

/// `what`: an object, or a function of one.
Error attach_error(pid_t pid, const std::string& what, int error) {
    std::string hint = "run `seep doctor` to see what is missing";
    if (error == ESRCH) hint = "the process ended while seep was attaching";
    if (error == EPERM || error == EACCES)
        hint = "run as root, or give seep CAP_BPF, CAP_PERFMON and CAP_SYS_PTRACE";
    if (error == EMFILE) hint = "raise the limit of open files (ulimit -n)";
    // All probes on one instruction must name the same reference counter or none
    // (kernel/events/uprobes.c, alloc_uprobe), and whose another one is cannot be asked.
    if (error == EINVAL)
        hint =
            "most likely another tracer has a probe with a reference counter on the same "
            "instruction, as memleak of BCC 0.26 does: end that tracer, or wait until it ends";
    return errno_error(fmt::format("cannot attach to {} in process {}", what, pid), error,
                       ErrorKind::untraceable, std::move(hint));
}

/// Of such functions each family has few, and most calls go to them.
bool is_indispensable(const AllocatorFunction& function) {
    const std::string_view name = function.name;
    return name == "malloc" || name == "free" || name.starts_with("_Zn") || name.starts_with("_Zd");
}

}  // namespace

Result<std::uint64_t> probe_hits(const KernelObject& kernel, std::uint32_t slot) {
    std::vector<std::uint64_t> by_cpu(static_cast<std::size_t>(libbpf_num_possible_cpus()));
    if (bpf_map_lookup_elem(kernel.probe_hits_map(), &slot, by_cpu.data()) != 0)
        return errno_error("cannot read a probe's hits from the kernel");
    return std::accumulate(by_cpu.begin(), by_cpu.end(), std::uint64_t{0});
}

struct Attachment::State {
    Place place;
    std::uint32_t process_slot;
    std::string object;
    ProbeSlots* slots;
    std::vector<AttachedProbe> probes;
    std::vector<std::string> skipped;
    std::vector<Link> links;

    /// In the opposite order of attaching, for the same reason: while any entry is probed, so are
    /// the freeing functions. Closing a link takes milliseconds, in which the target allocates on.
    void detach() {
        while (!links.empty()) links.pop_back();
    }

    ~State() {
        detach();
        for (const AttachedProbe& probe : probes) slots->give_back(probe.slot);
    }
};

Attachment::Attachment(std::unique_ptr<State> state) : state_(std::move(state)) {}
Attachment::Attachment(Attachment&&) noexcept = default;
Attachment& Attachment::operator=(Attachment&&) noexcept = default;
Attachment::~Attachment() = default;

void Attachment::detach() {
    state_->detach();
}
void Attachment::detach_together(const std::vector<Attachment*>& attachments) {
    constexpr std::size_t most_threads = 32;
    std::vector<Link> links;
    for (Attachment* attachment : attachments)
        for (Link& link : std::exchange(attachment->state_->links, {}))
            links.push_back(std::move(link));
    std::atomic<std::size_t> next = 0;
    const auto close_some = [&] {
        for (std::size_t i = next++; i < links.size(); i = next++) {
            const Link closed = std::move(links[i]);
        }
    };
    std::vector<std::jthread> threads;
    for (std::size_t i = 1; i < std::min(links.size(), most_threads); ++i)
        threads.emplace_back(close_some);
    close_some();
}
Result<void> Attachment::attach_again() {
    const int error =
        attach_probes(state_->place, state_->process_slot, state_->probes, state_->links);
    if (error == 0) return {};
    return attach_error(state_->place.pid, state_->object, error);
}
const std::vector<AttachedProbe>& Attachment::probes() const {
    return state_->probes;
}
const std::vector<std::string>& Attachment::skipped() const {
    return state_->skipped;
}

Result<Attachment> Attachment::attach(const KernelObject& kernel, pid_t pid,
                                      std::uint32_t process_slot, const ObjectFile& object,
                                      const std::vector<ProbePlan>& plans, ProbeSlots& slots) {
    auto state =
        std::make_unique<State>(Place{kernel, pid, fmt::format("/proc/self/fd/{}", object.fd())},
                                process_slot, object.name(), &slots);
    for (const ProbePlan& plan : plans) {
        const std::uint32_t slot = slots.take(kernel);
        if (slot == 0)
            return Error{ErrorKind::failed, "no more probes can be attached at once",
                         "trace fewer processes"};
        state->probes.push_back({slot, plan});
    }

    const Place& place = state->place;
    const int error = attach_probes(place, process_slot, state->probes, state->links);
    if (error == 0) return Attachment(std::move(state));
    if (concerns_all_probes(error)) return attach_error(pid, object.name(), error);

    // The kernel refuses some place (an instruction it cannot step, say): find out which, one
    // function at a time, and go on without it.
    std::vector<AttachedProbe> accepted;
    for (AttachedProbe& probe : state->probes) {
        const int why = attach_probes(place, process_slot, {probe}, state->links);
        if (concerns_all_probes(why)) return attach_error(pid, object.name(), why);
        const FoundFunction& function = probe.plan.function;
        if (why == 0) {
            accepted.push_back(std::move(probe));
        } else if (is_indispensable(*function.function)) {
            return attach_error(pid, fmt::format("{} of {}", function.symbol, object.name()), why);
        } else {
            state->skipped.push_back(fmt::format("{}: {}", function.symbol, std::strerror(why)));
            slots.give_back(probe.slot);
        }
    }
    state->probes = std::move(accepted);
    if (state->probes.empty()) return attach_error(pid, object.name(), error);
    return Attachment(std::move(state));
}

}  // namespace seep
