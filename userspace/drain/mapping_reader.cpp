// SPDX-License-Identifier: GPL-2.0-only
#include "drain/mapping_reader.h"

#include <spdlog/spdlog.h>
#include <unistd.h>

#include <algorithm>
#include <cstring>
#include "base/clock.h"

namespace seep {
MappingReader::MappingReader(MappingProbes probes, std::uint64_t attach_time_ns,
                             std::size_t max_stacks, IsAllocator is_allocator)
    : probes_(std::move(probes)),
      attach_time_ns_(attach_time_ns),
      max_stacks_(max_stacks),
      page_(static_cast<std::uint64_t>(sysconf(_SC_PAGESIZE))),
      is_allocator_(std::move(is_allocator)) {}

Result<MappingReader> MappingReader::attach(const KernelObject& kernel, std::size_t max_stacks,
                                            IsAllocator is_allocator) {
    auto probes = MappingProbes::attach(kernel);
    if (!probes) return probes.error();
    return MappingReader(std::move(*probes), kernel.attach_time_ns(), max_stacks,
                         std::move(is_allocator));
}

std::uint64_t MappingReader::since_attach_us(std::uint64_t monotonic) const {
    return (monotonic - std::min(attach_time_ns_, monotonic)) / 1000;
}

Result<void> MappingReader::begin(std::uint32_t process_slot, ProcessId id,
                                  const Process& process) {
    // Followed first: a call that is in both is one that the mappings show already.
    if (Result<void> followed = probes_.follow(process.pidfd(), process_slot); !followed)
        return followed;
    StackBook stacks(id, StackKind::mapping, max_stacks_,
                     [this, process_slot](std::span<const std::uint64_t> addresses) {
                         return is_allocator_(process_slot, addresses);
                     });
    books_.insert_or_assign(process_slot, Books{{}, std::move(stacks), 0});
    return synchronize(process_slot, process.pid());
}

Result<void> MappingReader::synchronize(std::uint32_t process_slot, pid_t pid) {
    const auto found = books_.find(process_slot);
    if (found == books_.end()) return {};
    const auto mappings = read_mappings(pid);
    if (!mappings) return mappings.error();
    found->second.ledger.synchronize(*mappings,
                                     since_attach_us(static_cast<std::uint64_t>(monotonic_ns())));
    return {};
}

void MappingReader::end(const Process& process) {
    probes_.let_go(process.pidfd());
}

void MappingReader::drop(std::uint32_t process_slot) {
    books_.erase(process_slot);
}

void MappingReader::take_in(std::span<const std::byte> record) {
    seep_mapping_call call{};
    if (record.size() < sizeof(call)) return;
    std::memcpy(&call, record.data(), sizeof(call));
    const std::span<const std::byte> frames = record.subspan(sizeof(call));
    const auto found = books_.find(call.process);
    if (found == books_.end() || frames.size() < call.depth * sizeof(std::uint64_t)) return;
    const auto decoded = decode_mapping_call(call, page_);
    if (!decoded) return;
    Books& books = found->second;
    MappingCaller by;
    by.time_us = since_attach_us(call.time_ns);
    by.allocator = call.in_allocator != 0;
    if (call.depth > 0 && !by.allocator) {
        const StackBook::Known stack = books.stacks.find(call.end, frames, call.depth);
        by.stack = stack.id;
        by.allocator = stack.hidden;
    }
    const std::uint64_t refused = books.ledger.refused();
    books.ledger.apply(*decoded, by);
    books.lost_calls += books.ledger.refused() - refused;
}

Result<void> MappingReader::read_calls() {
    return probes_.ring().read([this](std::span<const std::byte> record) { take_in(record); });
}

MappingReading MappingReader::take(std::uint32_t process_slot) {
    const auto found = books_.find(process_slot);
    if (found == books_.end()) return {};
    Books& books = found->second;
    return {{books.stacks.take_new(), books.ledger.take_changed(), books.stacks.lost()},
            books.ledger.mapped(),
            books.lost_calls};
}

}  // namespace seep
