// SPDX-License-Identifier: GPL-2.0-only
#include "drain/mapping_reader.h"

#include <spdlog/spdlog.h>
#include <unistd.h>

#include <algorithm>
#include <cstring>
#include "base/clock.h"

namespace seep {
namespace {

/// A round of a multiply-xorshift hash a word, as the kernel's ids are made (bpf/unwind.bpf.h).
/// The kernel's are of slots and never zero words: the kind goes in, so that a stack of two ledgers
/// has two ids.
StackId hashed(ProcessId process, const std::vector<std::uint64_t>& words) {
    std::uint64_t hash = (std::uint64_t{process.value} << 8) | SEEP_MMAP;
    for (const std::uint64_t word : words) {
        hash = (hash ^ word) * 0x9e3779b97f4a7c15U;
        hash ^= hash >> 29;
    }
    hash = (hash ^ (hash >> 32)) * 0xd6e8feb86659fd93U;
    return StackId(hash ^ (hash >> 32));
}

}  // namespace

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
    books_.insert_or_assign(process_slot, Books{id, {}, {}, {}, {}, 0, 0});
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

MappingReader::Stack MappingReader::stack_of(Books& books, const seep_mapping_call& call,
                                             std::span<const std::byte> frames) {
    std::vector<std::uint64_t> words(1 + call.depth);
    words[0] = call.end;
    std::memcpy(words.data() + 1, frames.data(), call.depth * sizeof(std::uint64_t));
    const auto known = books.stacks.find(words);
    if (known != books.stacks.end()) return known->second;
    if (books.stacks.size() >= max_stacks_) {
        ++books.lost_stacks;
        return {};
    }
    const std::span<const std::uint64_t> addresses = std::span(words).subspan(1);
    Stack stack{hashed(books.process, words), is_allocator_(call.process, addresses)};
    while (!stack.id || !books.ids.insert(stack.id).second) ++stack.id.value;
    if (!stack.allocator)
        books.new_stacks.push_back({stack.id,
                                    books.process,
                                    static_cast<StackEnd>(call.end),
                                    {addresses.begin(), addresses.end()},
                                    StackKind::mapping});
    books.stacks.emplace(std::move(words), stack);
    return stack;
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
        const Stack stack = stack_of(books, call, frames);
        by.stack = stack.id;
        by.allocator = stack.allocator;
    }
    const std::uint64_t refused = books.ledger.refused();
    books.ledger.apply(*decoded, by);
    books.lost_calls += books.ledger.refused() - refused;
}

Result<void> MappingReader::read_calls() {
    return probes_.read([this](std::span<const std::byte> record) { take_in(record); });
}

MappingReading MappingReader::take(std::uint32_t process_slot) {
    const auto found = books_.find(process_slot);
    if (found == books_.end()) return {};
    Books& books = found->second;
    return {std::exchange(books.new_stacks, {}), books.ledger.take_changed(), books.ledger.mapped(),
            books.lost_calls, books.lost_stacks};
}

}  // namespace seep
