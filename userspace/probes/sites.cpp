// SPDX-License-Identifier: GPL-2.0-only

#include "probes/sites.h"

#include <fmt/core.h>

#include <algorithm>
#include <list>
#include <mutex>
#include <optional>
#include <set>

#include "probes/arguments.h"
#include "probes/elf_tables.h"
#include "probes/flow.h"

namespace seep {
namespace {

/// What a traversal of the function tells about where its control goes.
struct Shape {
    std::set<std::uint64_t> branch_targets;
    std::set<std::uint64_t> returns;
    /// A jump out of sight; returns behind it are not seen.
    std::optional<std::uint64_t> leaves_at;
    bool may_come_back = false;  ///< By such a jump, to any instruction (a jump table).
    bool complete = false;       ///< All other reachable code was seen.

    [[nodiscard]] bool knows_branch_targets() const { return complete && !may_come_back; }
};

Shape shape_of(Code& code, const ElfTables& tables, std::uint64_t entry) {
    Shape shape;
    shape.complete =
        follow(code, tables, entry, [&](const Instruction& i, const Destination& destination) {
            if (i.kind == InstructionKind::ret) shape.returns.insert(i.address);
            if (i.kind == InstructionKind::branch || i.kind == InstructionKind::jump) {
                if (destination.address) {
                    shape.branch_targets.insert(*destination.address);
                } else {
                    shape.leaves_at = i.address;
                    // What is bound by name, or read from a variable, is another function.
                    shape.may_come_back |= destination.name.empty() && !i.slot;
                }
            }
            return Onward::yes;
        });
    return shape;
}

/// The function as it is to be probed, for as long as the program lives. There are few: catalogue
/// entries whose arguments some compiler moved.
const AllocatorFunction* interned(const AllocatorFunction& function) {
    const auto same = [&](const AllocatorFunction& f) { return f == function; };
    const auto known = std::ranges::find_if(catalogue(), same);
    if (known != catalogue().end()) return &*known;
    static std::mutex mutex;
    static std::list<AllocatorFunction> moved;
    const std::lock_guard lock(mutex);
    const auto found = std::ranges::find_if(moved, same);
    return found != moved.end() ? &*found : &moved.emplace_back(function);
}

std::optional<ProbeSite> site_at(const ObjectFile& object, std::uint64_t address, SiteKind kind) {
    const auto offset = object.offset_of_address(address);
    if (!offset) return std::nullopt;
    return ProbeSite{address, *offset, kind};
}

struct Entry {
    Instruction instruction;
    AllocatorFunction function;  ///< With its arguments as they are there.
};

bool goes_straight_on(const Instruction& instruction) {
    return (instruction.kind == InstructionKind::plain ||
            instruction.kind == InstructionKind::nop) &&
           !instruction.moves_stack;
}

/// The cheapest instruction that every call passes exactly once, arguments and return address in
/// place. A nop that newer kernels patch comes second: on older ones it is single-stepped.
Entry choose_entry(Code& code, const ElfTables& tables, const Instruction& first,
                   const Shape& shape, const AllocatorFunction& function) {
    Entry best{first, function};
    // Where a jump could not be followed, it might lead back to any instruction but the entry's own
    // (that one it would repeat as well; nothing better is known).
    if (!shape.knows_branch_targets()) return best;
    ArgumentRegisters registers;
    std::optional<Instruction> current = first;
    for (;;) {
        const auto located = registers.locate(function);
        if (!located) return best;
        if (current->site_kind == SiteKind::emulated) return {*current, *located};
        if (current->site_kind == SiteKind::nop5 && best.instruction.site_kind != SiteKind::nop5) {
            best = {*current, *located};
        }
        if (!goes_straight_on(*current)) return best;
        const std::uint64_t next = current->next;
        if (shape.branch_targets.contains(next) || tables.starts_function(next)) return best;
        registers.pass(*current);
        current = code.decode(next);
        if (!current) return best;
    }
}

ExitProbe exit_probe(const AllocatorFunction& function) {
    if (function.role == Role::free || function.role == Role::work) return ExitProbe::none;
    return function.may_throw ? ExitProbe::at_returns : ExitProbe::return_probe;
}

void append_note(std::string& note, std::string_view text) {
    if (!note.empty()) note += "; ";
    note += text;
}

class Planner {
 public:
    Planner(const ObjectFile& object, const ElfTables& tables)
        : object_(object), tables_(tables), code_(object) {}

    Result<ProbePlan> plan(const FoundFunction& function) {
        const auto first = code_.decode(function.address);
        if (!first) return Error{ErrorKind::failed, "its code cannot be decoded", {}};
        const Shape shape = shape_of(code_, tables_, function.address);
        const Entry chosen = choose_entry(code_, tables_, *first, shape, *function.function);
        const auto entry =
            site_at(object_, chosen.instruction.address, chosen.instruction.site_kind);
        if (!entry) return Error{ErrorKind::failed, "its code is not in the file", {}};

        ProbePlan plan{function, *entry, exit_probe(*function.function), {}, {}};
        plan.function.function = interned(chosen.function);
        if (entry->kind == SiteKind::single_stepped) {
            append_note(plan.note, shape.knows_branch_targets()
                                       ? "no emulated instruction before control divides or the "
                                         "arguments are gone"
                                       : "its control flow could not be followed to the end");
        }
        if (plan.exit == ExitProbe::at_returns) return with_returns(std::move(plan), shape);
        return plan;
    }

 private:
    Result<ProbePlan> with_returns(ProbePlan plan, const Shape& shape) {
        for (std::uint64_t address : shape.returns) {
            const auto instruction = code_.decode(address);
            const auto site =
                instruction ? site_at(object_, address, instruction->site_kind) : std::nullopt;
            if (site) plan.returns.push_back(*site);
        }
        if (plan.returns.empty()) {
            return Error{
                ErrorKind::failed, "it may throw, and no return instruction was found", {}};
        }
        if (shape.leaves_at) {
            append_note(plan.note, fmt::format("returns behind the jump at {:#x} are not seen",
                                               *shape.leaves_at));
        } else if (!shape.complete) {
            append_note(plan.note, "some returns may not be seen");
        }
        return plan;
    }

    const ObjectFile& object_;
    const ElfTables& tables_;
    Code code_;
};

}  // namespace

Result<ProbePlans> plan_probes(const ObjectFile& object,
                               const std::vector<FoundFunction>& functions) {
    auto tables = read_elf_tables(object);
    if (!tables) return tables.error();
    Planner planner(object, *tables);
    ProbePlans plans;
    for (const FoundFunction& function : functions) {
        auto plan = planner.plan(function);
        if (plan) {
            plans.plans.push_back(std::move(*plan));
        } else {
            plans.skipped.push_back(function.symbol + ": " + plan.error().message);
        }
    }
    return plans;
}

}  // namespace seep
