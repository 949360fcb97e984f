// SPDX-License-Identifier: GPL-2.0-only

#include "probes/flow.h"

#include <algorithm>
#include <unordered_set>
#include <vector>

namespace seep {
namespace {

// The largest allocator function seen, jemalloc's realloc with all that it tail-calls, has 4,000.
constexpr std::size_t max_instructions = 20'000;

/// A PLT stub is an indirect jump through a slot, after an endbr64 where those are in use.
const BoundFunction* stub_function(Code& code, const ElfTables& tables, std::uint64_t address) {
    auto instruction = code.decode(address);
    if (instruction && instruction->kind == InstructionKind::nop) {
        instruction = code.decode(instruction->next);
    }
    const bool through_slot =
        instruction && instruction->kind == InstructionKind::jump && instruction->slot;
    return through_slot ? tables.bound(*instruction->slot) : nullptr;
}

bool comes_back(const ElfTables& tables, const Destination& called) {
    const bool by_address =
        called.address && std::ranges::binary_search(tables.no_return, *called.address);
    return !by_address && !never_returns(called.name);
}

/// Follows one function's code; see follow().
class Traversal {
 public:
    Traversal(Code& code, const ElfTables& tables, const Visitor& visit)
        : code_(code), tables_(tables), visit_(visit) {}

    bool run(std::uint64_t entry) {
        pending_.push_back(entry);
        while (!pending_.empty()) {
            const std::uint64_t start = pending_.back();
            pending_.pop_back();
            if (!run_straight(start)) return false;
        }
        return true;
    }

 private:
    bool run_straight(std::uint64_t address) {
        bool after_call = false;
        for (;;) {
            if (after_call && tables_.starts_function(address)) return true;
            if (!seen_.insert(address).second) return true;
            if (seen_.size() > max_instructions) return false;
            const auto instruction = code_.decode(address);
            if (!instruction) return false;
            const Destination destination = destination_of(code_, tables_, *instruction);
            if (visit_(*instruction, destination) == Onward::no) return true;
            if (!goes_on(*instruction, destination)) return true;
            after_call = instruction->kind == InstructionKind::call ||
                         (after_call && instruction->kind == InstructionKind::nop);
            address = instruction->next;
        }
    }

    bool goes_on(const Instruction& instruction, const Destination& destination) {
        switch (instruction.kind) {
            case InstructionKind::branch:
            case InstructionKind::jump:
                if (destination.address) pending_.push_back(*destination.address);
                return instruction.kind == InstructionKind::branch;
            case InstructionKind::call:
                return comes_back(tables_, destination);
            case InstructionKind::ret:
            case InstructionKind::trap:
                return false;
            default:
                return true;
        }
    }

    Code& code_;
    const ElfTables& tables_;
    const Visitor& visit_;
    std::vector<std::uint64_t> pending_;
    std::unordered_set<std::uint64_t> seen_;
};

}  // namespace

Destination destination_of(Code& code, const ElfTables& tables, const Instruction& instruction) {
    const BoundFunction* bound = nullptr;
    if (instruction.slot) bound = tables.bound(*instruction.slot);
    if (instruction.target) bound = stub_function(code, tables, *instruction.target);
    if (bound == nullptr) return {instruction.target, {}};
    Destination destination{std::nullopt, bound->name};
    if (bound->address != 0) destination.address = bound->address;
    return destination;
}

bool follow(Code& code, const ElfTables& tables, std::uint64_t entry, const Visitor& visit) {
    return Traversal(code, tables, visit).run(entry);
}

}  // namespace seep
