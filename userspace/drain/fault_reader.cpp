// SPDX-License-Identifier: GPL-2.0-only
#include "drain/fault_reader.h"

#include <unistd.h>

#include <algorithm>
#include <chrono>
#include <cstring>

#include "base/clock.h"
#include "base/wakeups.h"
#include "target/anonymous_pages.h"

namespace seep {
namespace {

constexpr std::chrono::milliseconds least_pause{250};
constexpr int pauses_a_look = 50;  ///< A pause is at least as many times the look's CPU time.

}  // namespace

FaultReader::FaultReader(FaultProbes probes, std::uint64_t attach_time_ns, std::size_t max_stacks)
    : probes_(std::move(probes)),
      attach_time_ns_(attach_time_ns),
      max_stacks_(max_stacks),
      page_(static_cast<std::uint64_t>(sysconf(_SC_PAGESIZE))),
      next_look_(make_timer(least_pause, std::chrono::nanoseconds(0))) {}

Result<FaultReader> FaultReader::load(const KernelObject& kernel, std::size_t max_stacks) {
    auto probes = FaultProbes::load(kernel);
    if (!probes) return probes.error();
    return FaultReader(std::move(*probes), kernel.attach_time_ns(), max_stacks);
}

Result<void> FaultReader::begin(std::uint32_t process_slot, ProcessId id, const Process& process) {
    // Followed first: a page that is in both was touched again, or is taken for a new one.
    Result<void> followed = probes_.follow(process.pid(), process.pidfd(), process_slot);
    if (!followed) return followed;
    Books books{process.pid(), FaultLedger(page_), StackBook(id, StackKind::fault, max_stacks_)};
    const auto pages = read_anonymous_pages(process.pid());
    if (!pages) {
        probes_.let_go(process.pidfd(), process_slot);
        return pages.error();
    }
    books.ledger.begin(*pages);
    books_.insert_or_assign(process_slot, std::move(books));
    return {};
}

void FaultReader::end(std::uint32_t process_slot, const Process& process) {
    probes_.let_go(process.pidfd(), process_slot);
    if (const auto found = books_.find(process_slot); found != books_.end()) found->second.pid = 0;
}

void FaultReader::drop(std::uint32_t process_slot) {
    books_.erase(process_slot);
}

void FaultReader::take_in(std::span<const std::byte> record) {
    seep_fault fault{};
    if (record.size() < sizeof(fault)) return;
    std::memcpy(&fault, record.data(), sizeof(fault));
    const std::span<const std::byte> frames = record.subspan(sizeof(fault));
    const auto found = books_.find(fault.process);
    if (found == books_.end() || frames.size() < fault.depth * sizeof(std::uint64_t)) return;
    const StackId stack = found->second.stacks.find(fault.end, frames, fault.depth).id;
    found->second.ledger.touch(fault.address, stack, fault.was_there != 0);
    found->second.touched = true;
}

Result<void> FaultReader::read_faults() {
    Result<void> read =
        probes_.ring().read([this](std::span<const std::byte> record) { take_in(record); });
    if (expired(next_look_)) look_at_all();
    return read;
}

/// What cannot be read now is told of at the next snapshot.
void FaultReader::look_at_all() {
    // Not the time that went by: on a busy machine most of it may be others'.
    const std::int64_t began = clock_ns(CLOCK_THREAD_CPUTIME_ID);
    for (auto& [slot, books] : books_)
        if (books.touched) (void)look(books);
    const std::chrono::nanoseconds pause(pauses_a_look *
                                         (clock_ns(CLOCK_THREAD_CPUTIME_ID) - began));
    next_look_ = make_timer(std::max<std::chrono::nanoseconds>(least_pause, pause),
                            std::chrono::nanoseconds(0));
}

Result<void> FaultReader::look(std::uint32_t process_slot) {
    const auto found = books_.find(process_slot);
    return found == books_.end() ? Result<void>{} : look(found->second);
}

Result<void> FaultReader::look(Books& books) {
    if (books.pid == 0) return {};
    const auto pages = read_anonymous_pages(books.pid);
    if (!pages) return pages.error();
    const auto now = static_cast<std::uint64_t>(monotonic_ns());
    books.ledger.reconcile(*pages, (now - std::min(attach_time_ns_, now)) / 1000);
    books.touched = false;
    return {};
}

FaultReading FaultReader::take(std::uint32_t process_slot) {
    const auto found = books_.find(process_slot);
    if (found == books_.end()) return {};
    Books& books = found->second;
    return {{books.stacks.take_new(), books.ledger.take_changed(), books.stacks.lost()},
            books.ledger.faulted(),
            books.ledger.refused()};
}

}  // namespace seep
