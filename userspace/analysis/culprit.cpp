// SPDX-License-Identifier: GPL-2.0-only
#include "analysis/culprit.h"

#include <fmt/format.h>

#include <algorithm>
#include <array>
#include <cctype>
#include <map>
#include <set>
#include <vector>

#include "analysis/block_size.h"
#include "analysis/claims.h"
#include "analysis/merging.h"
#include "base/text.h"

namespace seep {

namespace {

constexpr std::size_t longest_name = 100;  ///< That is shown.
/// That is shown with its template arguments.
constexpr std::size_t long_name = 50;
/// From so many places on, in two functions or more, a function that hands out memory is taken for
/// a shared one.
constexpr std::size_t many_places = 4;
/// Wrappers that call each other are learnt one layer a pass.
constexpr int most_layers = 3;
/// Of a place, from which on it is no chance that all of them have one size.
constexpr std::uint64_t enough_blocks = 10;

constexpr std::array<std::string_view, 9> allocating_words{"malloc",   "calloc",       "realloc",
                                                           "strdup",   "strndup",      "memdup",
                                                           "memalign", "reallocarray", "asprintf"};
constexpr std::array<std::string_view, 6> library_namespaces{
    "std::", "__gnu_cxx::", "alloc::", "core::", "hashbrown::", "operator "};
constexpr std::array<std::string_view, 7> runtime_modules{
    "libc.so", "libc-2", "libstdc++.so", "libc++", "libgcc_s.so", "ld-linux", "ld-musl"};
constexpr std::array<std::string_view, 3> allocator_modules{"libjemalloc", "libtcmalloc",
                                                            "libmimalloc"};
/// How Go gets to a function of C.
constexpr std::array<std::string_view, 3> go_glue{"_cgo_", "runtime.asmcgocall", "runtime.cgocall"};
constexpr std::string_view go_stub = "._Cfunc_";
constexpr std::array<std::string_view, 6> starters{"_start", "start_thread", "clone",
                                                   "clone3", "__clone3",     "__clone"};

/// The words of an identifier, in small letters and without digits: "PyMem_RawMalloc2" is py, mem,
/// raw, malloc.
std::vector<std::string> words(std::string_view identifier) {
    std::vector<std::string> result(1);
    bool was_small = false;
    for (const char c : identifier) {
        const auto letter = static_cast<unsigned char>(c);
        const bool begins = std::isalpha(letter) == 0 || (std::isupper(letter) != 0 && was_small);
        if (begins && !result.back().empty()) result.emplace_back();
        if (std::isalpha(letter) != 0) result.back() += static_cast<char>(std::tolower(letter));
        was_small = std::islower(letter) != 0;
    }
    if (result.back().empty() && result.size() > 1) result.pop_back();
    return result;
}

/// Past the bracket that closes the one at `open`; the text's end if none does.
std::size_t past_bracket(std::string_view text, std::size_t open, char opening, char closing) {
    std::size_t depth = 0;
    for (std::size_t at = open; at < text.size(); ++at) {
        if (text[at] == opening) ++depth;
        // The arrow of a result type closes nothing.
        const bool closes = text[at] == closing && (at == 0 || text[at - 1] != '-');
        if (closes && --depth == 0) return at + 1;
    }
    return text.size();
}

/// "<u8 as alloc::slice::ConvertVec>::to_vec": a trait of Rust's library for a type of the language
/// or of the library. What a program makes of such a trait is its own.
bool is_library_implementation(std::string_view name) {
    if (!name.starts_with('<')) return false;
    const std::size_t as = name.find(" as ");
    if (as == std::string_view::npos) return false;
    const std::string_view type = name.substr(1, as - 1);
    return begins_with_any(name.substr(as + 4), library_namespaces) &&
           (begins_with_any(type, library_namespaces) || type.find("::") == std::string_view::npos);
}

/// A function of the C library that its headers define, such as the checks of _FORTIFY_SOURCE.
bool is_from_header_of_c(const ReportFrame& frame) {
    return frame.inlined && frame.file.find("/include/") != std::string::npos &&
           frame.file.find("/bits/") != std::string::npos &&
           frame.file.find("/c++/") == std::string::npos;
}

/// How native code gets to the JVM.
bool is_glue_of_java(const ReportFrame& frame) {
    return frame.module.starts_with("libjvm.so") && frame.function.starts_with("jni_");
}

/// With "<...>" for all that stands in angle brackets.
std::string without_arguments(std::string_view name) {
    std::string result;
    for (std::size_t at = 0; at < name.size();) {
        if (name[at] != '<' || at == 0 || name.substr(0, at).ends_with("operator")) {
            result += name[at++];
            continue;
        }
        result += "<...>";
        at = past_bracket(name, at, '<', '>');
    }
    return result;
}

std::string frame_key(const ReportFrame& frame) {
    return frame.function.empty() ? frame_name(frame) : frame.function;
}

/// An instruction.
using CodePlace = std::pair<std::string, std::uint64_t>;
CodePlace code_place(const ReportFrame& frame) {
    return {frame.module, frame.offset};
}

/// The places that one function is called from, and how many of them do not grow.
struct Fan {
    /// By function and place in it, whether any stack through that grows.
    std::map<std::string, std::map<std::uint64_t, bool>> callers;
    /// Of each place in the function, by the place that it is called from: what is allocated there.
    std::map<CodePlace, std::map<CodePlace, Totals>> calls;

    [[nodiscard]] bool is_shared() const {
        std::size_t places = 0;
        std::size_t growing = 0;
        for (const auto& [function, places_of] : callers)
            for (const auto& [place, grows] : places_of) {
                ++places;
                if (grows) ++growing;
            }
        return callers.size() > 1 && places >= many_places && 2 * growing <= places;
    }
    /// Whether at one place it allocates what each of its callers asks for: one size for each, but
    /// not one for all.
    [[nodiscard]] bool passes_sizes_on() const {
        return std::ranges::any_of(calls, [](const auto& call) {
            std::set<std::uint64_t> sizes;
            for (const auto& [caller, totals] : call.second) {
                if (totals.allocated_count < enough_blocks || !is_uniform(totals)) return false;
                sizes.insert(totals.allocated_bytes / totals.allocated_count);
            }
            return sizes.size() > 1;
        });
    }
};

}  // namespace

std::string qualified_name(std::string_view demangled) {
    std::size_t start = 0;
    std::size_t own_arguments = std::string_view::npos;  // where "<...>" at the end begins
    std::size_t at = 0;
    while (at < demangled.size()) {
        const std::string_view rest = demangled.substr(at);
        if (rest.starts_with("operator") && (at == start || demangled[at - 1] == ':')) {
            // Up to its parameters, which follow its symbol or type.
            at += rest.starts_with("operator()") ? 10 : std::min(rest.find('('), rest.size());
            own_arguments = std::string_view::npos;
            break;
        }
        if (rest.starts_with("(anonymous namespace)")) {
            at += 21;
        } else if (rest.starts_with("decltype") && at == start) {
            at = past_bracket(demangled, at, '(', ')');  // a result type
        } else if (rest.front() == '<' && at > start) {
            own_arguments = at;
            at = past_bracket(demangled, at, '<', '>');
            if (at < demangled.size() && demangled[at] == ':') own_arguments = at;
            continue;
        } else if (rest.front() == '<') {
            at = past_bracket(demangled, at, '<', '>');  // Rust: "<T as Trait>::function"
        } else if (rest.front() == '(' || rest.starts_with(" [")) {
            break;
        } else if (rest.front() == ' ') {
            start = ++at;
            own_arguments = std::string_view::npos;
        } else {
            if (rest.front() == ':') own_arguments = std::string_view::npos;
            ++at;
        }
    }
    const std::size_t end = std::min(at, own_arguments);
    if (end <= start) return std::string(demangled);
    return std::string(demangled.substr(start, end - start));
}

bool is_starter_name(std::string_view function) {
    return function.starts_with("__libc_start") ||
           std::ranges::find(starters, function) != starters.end();
}

bool is_wrapper_name(std::string_view function) {
    const std::string name = qualified_name(function);
    std::string_view path = name;
    path.remove_prefix(std::min(path.find_first_not_of('<'), path.size()));
    if (begins_with_any(path, library_namespaces) || is_library_implementation(name)) return true;
    if (is_starter_name(path) || begins_with_any(path, go_glue) ||
        path.find(go_stub) != std::string_view::npos)
        return true;
    const std::string_view last = path.substr(path.rfind(':') + 1);
    if (last.starts_with("operator new")) return true;
    const std::vector<std::string> parts = words(last);
    const auto allocates = [](const std::string& word) {
        return std::ranges::any_of(allocating_words,
                                   [&](std::string_view tail) { return word.ends_with(tail); });
    };
    return parts.back().ends_with("alloc") || parts.back() == "allocate" ||
           std::ranges::any_of(parts, allocates);
}

std::string brief_name(const ReportFrame& frame) {
    std::string name = frame.function.empty() ? frame_name(frame) : qualified_name(frame.function);
    if (name.size() > long_name) name = without_arguments(name);
    return printable(name, longest_name);
}

std::string brief_place(const ReportFrame& frame) {
    if (frame.file.empty())
        return frame.function.empty() ? "" : printable(frame.module, longest_name);
    const std::string file =
        printable(std::string_view(frame.file).substr(frame.file.rfind('/') + 1), longest_name);
    return frame.line == 0 ? file : fmt::format("{}:{}", file, frame.line);
}

bool is_runtime_module(std::string_view module) {
    return begins_with_any(module, runtime_modules);
}

bool is_allocator_module(std::string_view module) {
    return begins_with_any(module, allocator_modules);
}

WrapperFinder::WrapperFinder(const Report& report) {
    for (const ReportProcess& process : report.targets)
        programs_.insert(process.executable.substr(process.executable.rfind('/') + 1));
    for (int layer = 0; layer < most_layers; ++layer) {
        std::map<std::string, Fan> fans;
        for (const ReportStack& stack : report.stacks) {
            const std::size_t at = first_with_purpose(stack);
            if (at + 1 >= stack.frames.size()) continue;
            Fan& fan = fans[frame_key(stack.frames[at])];
            const ReportFrame& caller = stack.frames[at + 1];
            bool& growing = fan.callers[frame_key(caller)][caller.offset];
            growing = growing || grows(stack);
            accumulate(fan.calls[code_place(stack.frames[at])][code_place(caller)], stack.totals);
        }
        const std::size_t before = shared_.size();
        for (const auto& [function, fan] : fans)
            if (fan.is_shared() || fan.passes_sizes_on()) shared_.insert(function);
        if (shared_.size() == before) return;
    }
}

bool WrapperFinder::passes_on(const ReportFrame& frame, const std::string* allocator) const {
    const bool own = programs_.contains(frame.module);
    const bool of_allocator =
        allocator != nullptr ? frame.module == *allocator : is_allocator_module(frame.module);
    if (!own && (of_allocator || is_runtime_module(frame.module))) return true;
    if (is_from_header_of_c(frame) || is_glue_of_java(frame)) return true;
    const auto [known, is_new] = by_name_.try_emplace(frame.function, false);
    if (is_new) known->second = is_wrapper_name(frame.function);
    return known->second || shared_.contains(frame_key(frame));
}

std::size_t WrapperFinder::first_with_purpose(const ReportStack& stack) const {
    // A page is touched by the program itself, not on its behalf, or by an allocator's books.
    const bool touches = stack.kind == StackKind::fault;
    const std::string* const allocator = touches ? nullptr : &stack.frames[0].module;
    std::size_t at = touches ? 0 : 1;
    while (at < stack.frames.size() && passes_on(stack.frames[at], allocator)) ++at;
    return at;
}

std::size_t WrapperFinder::culprit(const ReportStack& stack) const {
    std::size_t at = first_with_purpose(stack);
    if (at < stack.frames.size()) return at;
    const auto is_entry = [&](const ReportFrame& frame) {
        const bool own = programs_.contains(frame.module);
        return (!own && is_runtime_module(frame.module)) || frame.function == "_start";
    };
    while (at > 1 && is_entry(stack.frames[at - 1])) --at;
    return at > 1 ? at - 1 : std::min<std::size_t>(1, stack.frames.size() - 1);
}

std::vector<const ReportFrame*> functions_on(const ReportStack& stack) {
    std::vector<const ReportFrame*> functions;
    for (std::size_t i = stack.culprit; i < stack.frames.size(); ++i) {
        const ReportFrame& frame = stack.frames[i];
        if (frame.function.empty() || is_starter_name(frame.function)) continue;
        if (i != stack.culprit && (frame.function == "main" || is_runtime_module(frame.module) ||
                                   is_wrapper_name(frame.function)))
            continue;
        functions.push_back(&frame);
    }
    return functions;
}

std::vector<const ReportFrame*> functions_on_all(std::span<const ReportStack* const> stacks) {
    std::vector<const ReportFrame*> shared = functions_on(*stacks.front());
    for (const ReportStack* const stack : stacks.subspan(1)) {
        std::unordered_set<std::string> met;
        for (const ReportFrame* const frame : functions_on(*stack))
            met.insert(function_key(*frame));
        std::erase_if(
            shared, [&](const ReportFrame* frame) { return !met.contains(function_key(*frame)); });
    }
    return shared;
}

std::string function_key(const ReportFrame& frame) {
    return frame.module + '\n' +
           (frame.function.empty() ? std::to_string(frame.offset) : frame.function);
}

void name_stacks(Report& report) {
    const WrapperFinder wrappers(report);
    for (ReportStack& stack : report.stacks)
        if (!stack.frames.empty()) stack.culprit = wrappers.culprit(stack);
}

}  // namespace seep
