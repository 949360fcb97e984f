// SPDX-License-Identifier: GPL-2.0-only
#include "kernel/kernel_object.h"

#include <bpf/bpf.h>
#include <bpf/libbpf.h>
#include <fmt/core.h>
#include <spdlog/spdlog.h>

#include <atomic>
#include <cstdarg>
#include <cstdio>
#include <cstdlib>
#include <string>

#include "base/clock.h"
#include "base/handles.h"
#include "bpf/wire.h"
#include "kernel/link_types.h"
#include "seep.skel.h"

namespace seep {
namespace {

/// libbpf's own messages are for developers: shown with --verbose only.
int log_from_libbpf(libbpf_print_level /*level*/, const char* format, va_list arguments) {
    if (!spdlog::should_log(spdlog::level::debug)) return 0;
    char* text = nullptr;  // the verifier's log has no useful bound
    const int length = vasprintf(&text, format, arguments);
    if (length < 0) return length;
    const CHandle<char, std::free> owner(text);
    std::string_view line(text);
    while (line.ends_with('\n')) line.remove_suffix(1);
    spdlog::debug("{}", line);
    return length;
}

/// How far apart the kernel's ticks are, as the programs want it.
std::uint64_t tick_length() {
    timespec tick{};
    clock_getres(CLOCK_MONOTONIC_COARSE, &tick);
    return (static_cast<std::uint64_t>(tick.tv_nsec) << SEEP_TICK_SHIFT) / 1000;
}

Error load_error(const char* operation, int error) {
    std::string hint = "run `seep doctor` to see what is missing";
    if (error == EPERM || error == EACCES)
        hint =
            "run as root, or give seep CAP_BPF and CAP_PERFMON; `seep doctor` shows which is "
            "missing";
    if (error == ENOMEM || error == E2BIG) hint = "use smaller maps: --max-live, --max-stacks";
    return errno_error(fmt::format("cannot {} the BPF programs", operation), error,
                       ErrorKind::untraceable, std::move(hint));
}

}  // namespace

struct KernelObject::State {
    AttachMode mode = AttachMode::single;
    std::int64_t started_ns = 0;
    CHandle<seep_bpf, seep_bpf__destroy> skeleton;
};

KernelObject::KernelObject(std::unique_ptr<State> state) : state_(std::move(state)) {}
KernelObject::KernelObject(KernelObject&&) noexcept = default;
KernelObject& KernelObject::operator=(KernelObject&&) noexcept = default;
KernelObject::~KernelObject() = default;

Result<KernelObject> KernelObject::load(const KernelOptions& options) {
    libbpf_set_print(log_from_libbpf);
    auto state = std::make_unique<State>();
    state->mode = options.mode;
    state->skeleton.reset(seep_bpf__open());
    if (!state->skeleton) return load_error("open", errno);
    seep_bpf& object = *state->skeleton;

    object.rodata->attach_time_ns = static_cast<std::uint64_t>(monotonic_ns());
    object.rodata->tick_length = tick_length();
    state->started_ns = realtime_ns();
    object.bss->sample_bytes = options.sample_bytes;
    object.bss->some_unfollowed = options.sample_bytes != 0;
    bpf_map__set_max_entries(object.maps.live, options.max_live);
    bpf_map__set_max_entries(object.maps.stacks, options.max_stacks);
    bpf_map__set_max_entries(object.maps.totals, options.max_stacks + SEEP_MOST_DEFERRED);
    bpf_map__set_max_entries(object.maps.deferred_walks, options.deferred_bytes);
    bpf_map__set_max_entries(object.maps.processes, process_slots);
    bpf_map__set_max_entries(object.maps.probe_hits, probe_slots);
    bpf_map__set_max_entries(object.maps.unwind_spaces, process_slots);
    bpf_map__set_max_entries(object.maps.generations, process_slots);
    bpf_map__set_max_entries(object.maps.unloads, process_slots);
    bpf_map__set_max_entries(object.maps.stray_calls, process_slots);

    const bool session = options.mode == AttachMode::session;
    bpf_program__set_autoload(object.progs.seep_session, session);
    bpf_program__set_autoload(object.progs.seep_return, !session);
    const int entry_type =
        options.mode == AttachMode::single ? attach_type_single : attach_type_multi;
    const auto set_type = [](bpf_program* program, int type) {
        bpf_program__set_expected_attach_type(program, static_cast<bpf_attach_type>(type));
    };
    set_type(object.progs.seep_call, entry_type);
    set_type(object.progs.seep_return, entry_type);
    set_type(object.progs.seep_session, attach_type_session);

    if (const int error = seep_bpf__load(&object)) return load_error("load", -error);
    LIBBPF_OPTS(bpf_test_run_opts, run);
    if (const int error =
            bpf_prog_test_run_opts(bpf_program__fd(object.progs.seep_start_clock), &run))
        return load_error("start", -error);
    return KernelObject(std::move(state));
}

AttachMode KernelObject::mode() const {
    return state_->mode;
}
std::int64_t KernelObject::started_ns() const {
    return state_->started_ns;
}
bpf_program* KernelObject::call_program() const {
    return state_->skeleton->progs.seep_call;
}
bpf_program* KernelObject::return_program() const {
    return state_->skeleton->progs.seep_return;
}
bpf_program* KernelObject::session_program() const {
    return state_->skeleton->progs.seep_session;
}
int KernelObject::stacks_map() const {
    return bpf_map__fd(state_->skeleton->maps.stacks);
}
int KernelObject::totals_map() const {
    return bpf_map__fd(state_->skeleton->maps.totals);
}
int KernelObject::processes_map() const {
    return bpf_map__fd(state_->skeleton->maps.processes);
}
int KernelObject::probe_hits_map() const {
    return bpf_map__fd(state_->skeleton->maps.probe_hits);
}
int KernelObject::unwind_tables_map() const {
    return bpf_map__fd(state_->skeleton->maps.unwind_tables);
}
int KernelObject::unwind_spaces_map() const {
    return bpf_map__fd(state_->skeleton->maps.unwind_spaces);
}
int KernelObject::generations_map() const {
    return bpf_map__fd(state_->skeleton->maps.generations);
}
int KernelObject::strays_map() const {
    return bpf_map__fd(state_->skeleton->maps.strays);
}
int KernelObject::deferred_walks_map() const {
    return bpf_map__fd(state_->skeleton->maps.deferred_walks);
}
int KernelObject::map_named(const char* name) const {
    const bpf_map* map = bpf_object__find_map_by_name(state_->skeleton->obj, name);
    return map == nullptr ? -1 : bpf_map__fd(map);
}
std::uint64_t KernelObject::attach_time_ns() const {
    return state_->skeleton->rodata->attach_time_ns;
}
void KernelObject::set_recording(bool recording) {
    state_->skeleton->data->recording = recording ? 1 : 0;
}
void KernelObject::set_sample_bytes(std::uint64_t bytes) {
    state_->skeleton->bss->sample_bytes = bytes;
}
std::uint64_t KernelObject::sample_bytes() const {
    return state_->skeleton->bss->sample_bytes;
}
bool KernelObject::follows_all() const {
    return state_->skeleton->bss->some_unfollowed == 0;
}

void KernelObject::expect_unfollowed() {
    state_->skeleton->bss->some_unfollowed = 1;
}
void KernelObject::begin_window() {
    seep_bpf& object = *state_->skeleton;
    expect_unfollowed();
    const auto now_ns = static_cast<std::uint64_t>(monotonic_ns());
    object.bss->window_began_us = (now_ns - object.rodata->attach_time_ns) / 1000;
}

std::uint64_t KernelObject::window_began_us() const {
    return state_->skeleton->bss->window_began_us;
}

bool KernelObject::is_of_this_window(const seep_live& block) const {
    // As is_late() in bpf/ledger.bpf.h: a tick is later than what is born in it.
    const std::uint64_t late_us =
        SEEP_SHORT_TICKS * state_->skeleton->rodata->tick_length >> SEEP_TICK_SHIFT;
    return (block.born & ~SEEP_BORN_EXACT) + late_us >= state_->skeleton->bss->window_began_us;
}

void KernelObject::return_deferred(std::uint64_t ids) {
    std::atomic_ref(state_->skeleton->bss->deferred_returned).fetch_add(ids);
}

std::uint64_t KernelObject::unloads(std::uint32_t process_slot) const {
    std::uint64_t count = 0;
    (void)bpf_map_lookup_elem(bpf_map__fd(state_->skeleton->maps.unloads), &process_slot, &count);
    return count;
}

Result<std::uint32_t> KernelObject::purge(std::uint32_t process_slot) {
    struct {
        std::uint32_t process;
        std::uint32_t dropped;
    } request{process_slot, 0};
    // The kernel writes the context back to where it read it from (bpf_prog_test_run_syscall).
    LIBBPF_OPTS(bpf_test_run_opts, run, .ctx_in = &request, .ctx_size_in = sizeof(request));
    const int program = bpf_program__fd(state_->skeleton->progs.seep_purge);
    if (const int error = bpf_prog_test_run_opts(program, &run))
        return errno_error("cannot drop a finished process from the ledger", -error);
    return request.dropped;
}

}  // namespace seep
