// SPDX-License-Identifier: GPL-2.0-only
#pragma once

// Which frame of a stack to name a finding after: the innermost one that has a purpose of its own.
// What only passes memory on says nothing: the allocator, the C and C++ runtimes, a language's
// containers, and a program's wrappers (xmalloc, g_strdup, PyMem_RawMalloc). Pure functions.
//
//     malloc < xmalloc < savestring < parse_header < handle      named: parse_header, if savestring
//                                                                has many callers that do not grow
//     malloc < operator new < std::vector<T>::push_back < main   named: main

#include <cstddef>
#include <span>
#include <string>
#include <string_view>
#include <unordered_map>
#include <unordered_set>
#include <vector>

#include "analysis/report.h"

namespace seep {

/// A function without its result, parameters and own template arguments:
/// "std::vector<int>::emplace" of "int& std::vector<int>::emplace<int>(int&&) [clone .cold]". Other
/// names stay as they are.
std::string qualified_name(std::string_view demangled);

/// A frame in a few words: its qualified name, if that is long without template arguments, or where
/// it is if it has none; printable.
std::string brief_name(const ReportFrame& frame);
/// "http.c:212"; the module if no source is known; printable.
std::string brief_place(const ReportFrame& frame);

/// Whether a function only hands memory on, by its name: it speaks of malloc, calloc, realloc,
/// strdup and the like, its last word is "alloc" or "allocate", it is operator new, it belongs to
/// the library of C++ or Rust, it is between Go and C, or it starts a thread or the program.
bool is_wrapper_name(std::string_view function);

/// Whether it is what a program or a thread begins with, before a function of the program's.
bool is_starter_name(std::string_view function);

/// Whether code of the module belongs to the C or C++ runtime.
bool is_runtime_module(std::string_view module);

/// Whether it is an allocator that a program may be linked with in place of the C library's.
bool is_allocator_module(std::string_view module);

/// Not thread-safe: it remembers the names that it has judged.
class WrapperFinder {
 public:
    /// Learns from all stacks which functions are the program's own wrappers, whatever they are
    /// called: those that are reached from several places, most of which do not grow, or that
    /// allocate what each of several callers asks for. `report` must outlive this, its stacks with
    /// their verdicts.
    explicit WrapperFinder(const Report& report);

    /// The index of the frame to name a stack after; that of its outermost frame outside of the
    /// runtime where every frame passes memory on; 0 only if the stack has no other.
    [[nodiscard]] std::size_t culprit(const ReportStack& stack) const;

 private:
    /// `allocator`: its module; null if the stack need not have one.
    [[nodiscard]] bool passes_on(const ReportFrame& frame, const std::string* allocator) const;
    [[nodiscard]] std::size_t first_with_purpose(const ReportStack& stack) const;

    std::unordered_set<std::string> programs_;  ///< Modules that are the targets' own.
    std::unordered_set<std::string> shared_;
    mutable std::unordered_map<std::string, bool> by_name_;  ///< is_wrapper_name(), remembered.
};

/// The functions that a stack goes through, from its culprit outwards: those that have a name and a
/// purpose of their own. Neither main nor the runtime's are among them, nor what starts programs
/// and threads, unless the stack is named after one.
std::vector<const ReportFrame*> functions_on(const ReportStack& stack);

/// Of several stacks, those that all go through; as on the first one.
std::vector<const ReportFrame*> functions_on_all(std::span<const ReportStack* const> stacks);

/// One for all frames of a function, whichever line they are at.
std::string function_key(const ReportFrame& frame);

/// Says of each stack of the report, judged, which frame to name it after.
void name_stacks(Report& report);

}  // namespace seep
