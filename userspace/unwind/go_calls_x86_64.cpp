// SPDX-License-Identifier: GPL-2.0-only
//
// asmcgocall (Go, src/runtime/asm_amd64.s, from 1.5 to 1.23 at least) is known by what it does when
// C has returned: it finds the goroutine's stack by the goroutine and how much of its stack was in
// use,
//
//     mov  G(%rsp), %rdi
//     mov  8(%rdi), %rsi
//     sub  DEPTH(%rsp), %rsi
//     ...
//     mov  %rsi, %rsp
//
// or, if it was on the thread's stack before, takes it from where it has put it:
//
//     mov  SP(%rsp), %rsi
//     mov  %rsi, %rsp
//     mov  %eax, RESULT(%rsp)
#include <algorithm>
#include <string>

#include "target/elf_reading.h"
#include "unwind/go_calls.h"

namespace seep {
namespace {

using namespace std::string_view_literals;

constexpr std::uint64_t most_code_bytes = 1ULL << 30;
/// In a program there is one of each kind; one that has more has them made to cost memory.
constexpr std::size_t most_calls = 64;

constexpr std::string_view load_g = "\x48\x8b\x7c\x24"sv;                  // G follows
constexpr std::string_view load_stack_end = "\x48\x8b\x77\x08\x48\x2b"sv;  // 2 or 3 bytes follow
constexpr std::string_view load_sp = "\x48\x8b"sv;                         // 2 or 3 bytes follow
constexpr std::string_view set_sp = "\x48\x89\xf4\x89\x44\x24"sv;          // RESULT follows
constexpr std::size_t offset_bytes = 1;

/// Between the call and what it is known by there may be `mov $offset, %rcx` or the like, for where
/// the goroutine is kept.
constexpr std::size_t most_bytes_between = 9;

/// Since Go 1.21 the frame that the pointer leads to is asmcgocall's own, before that its caller's,
/// which is skipped, then.
TranslatedRule by_frame_pointer() {
    TranslatedRule translated;
    translated.rule.cfa = SEEP_CFA_FP_ELSEWHERE;
    translated.rule.cfa_offset = 16;
    translated.rule.fp = SEEP_SAVED_AT_CFA;
    translated.rule.fp_offset = -16;
    translated.rule.bx = SEEP_SAVED_UNKNOWN;
    return translated;
}

/// Does `register <- OFFSET(%rsp)`, of which the operands end in `code`, name rsi?
bool ends_in_stack_operand(std::string_view code) {
    return code.ends_with("\x34\x24"sv) ||
           (code.size() >= 3 && code.substr(code.size() - 3, 2) == "\x74\x24"sv);
}

/// The range of addresses that return addresses before `at` are looked up at.
void add(std::vector<CodeRule>& found, std::uint64_t start, std::uint64_t end) {
    if (found.size() < most_calls) found.push_back({start, end, by_frame_pointer()});
}

void find_on_goroutines(std::string_view code, std::uint64_t address,
                        std::vector<CodeRule>& found) {
    for (auto at = code.find(load_stack_end); at != code.npos && found.size() < most_calls;
         at = code.find(load_stack_end, at + 1)) {
        const std::size_t load = load_g.size() + offset_bytes;
        if (at < load + most_bytes_between || !code.substr(at - load).starts_with(load_g)) continue;
        add(found, address + at - load - most_bytes_between, address + at);
    }
}

void find_on_threads(std::string_view code, std::uint64_t address, std::vector<CodeRule>& found) {
    for (auto at = code.find(set_sp); at != code.npos && found.size() < most_calls;
         at = code.find(set_sp, at + 1)) {
        const std::string_view before = code.substr(0, at);
        if (!ends_in_stack_operand(before)) continue;
        const std::size_t load =
            load_sp.size() + (before.ends_with("\x34\x24"sv) ? 2 : 2 + offset_bytes);
        if (at <= load || !code.substr(at - load).starts_with(load_sp)) continue;
        add(found, address + at - load - 1, address + at - load);
    }
}

}  // namespace

std::vector<CodeRule> find_go_calls(std::string_view code, std::uint64_t address) {
    std::vector<CodeRule> found;
    find_on_goroutines(code, address, found);
    find_on_threads(code, address, found);
    std::ranges::sort(found, {}, &CodeRule::start);
    return found;
}

std::vector<CodeRule> find_go_calls(const ObjectFile& object) {
    std::vector<CodeRule> found;
    if (!object.has_go_code()) return found;
    for (const LoadSegment& segment : object.segments()) {
        if (!segment.executable || segment.file_size > most_code_bytes) continue;
        std::string code(segment.file_size, '\0');
        if (!read_exactly(object.fd(), code.data(), code.size(), segment.file_offset)) continue;
        const auto added = find_go_calls(code, segment.address);
        found.insert(found.end(), added.begin(), added.end());
    }
    std::ranges::sort(found, {}, &CodeRule::start);
    return found;
}

}  // namespace seep
