// SPDX-License-Identifier: GPL-2.0-only
#include "unwind/cfi_compiler.h"

#include <fmt/format.h>

#include <algorithm>
#include <deque>
#include <vector>

#include "base/text.h"
#include "target/elf_reading.h"
#include "unwind/cfa_program.h"
#include "unwind/cfi_entries.h"
#include "unwind/go_calls.h"

namespace seep {
namespace {

/// Whether all of the function is code that comes from the file: what else CFI may speak of is no
/// business of a table, and would make it as large as the address space.
bool is_code(const ObjectFile& object, const CfiFunction& function) {
    return std::ranges::any_of(object.segments(), [&](const LoadSegment& segment) {
        return segment.executable && function.start >= segment.address &&
               function.end - segment.address <= segment.file_size;
    });
}

/// A table of what call frame information says, but for places where it is known to be wrong or to
/// be missing.
class CorrectedTable {
 public:
    explicit CorrectedTable(std::vector<CodeRule> corrections)
        : corrections_(std::move(corrections)), next_(corrections_.begin()) {}

    /// Ranges come ascending.
    void add(std::uint64_t start, std::uint64_t end, const TranslatedRule& rule) {
        add_corrections(start, end, rule);
        if (start < end) builder_.add(start, end, rule);
    }
    [[nodiscard]] bool full() const { return builder_.full(); }
    Result<UnwindTable> finish(UnwindCounts counts) && {
        add_corrections(UINT64_MAX, UINT64_MAX, {});
        return std::move(builder_).finish(counts);
    }

 private:
    /// Those before the end, each with what comes before it of the range.
    void add_corrections(std::uint64_t start, std::uint64_t end, const TranslatedRule& rule) {
        for (; next_ != corrections_.end() && next_->start < end; ++next_) {
            if (start < next_->start) builder_.add(start, next_->start, rule);
            builder_.add(next_->start, next_->end, next_->rule);
        }
    }

    std::vector<CodeRule> corrections_;
    std::vector<CodeRule>::const_iterator next_;
    TableBuilder builder_;
};

void add_function(const CfiFunction& function, CorrectedTable& table) {
    CfaProgram program(function);
    while (!table.full() && program.next_row()) {
        const CfaRow& row = program.row();
        table.add(row.start, row.end,
                  row.known ? translate_rule(program.state(), function.common->signal_frame)
                            : unsupported_rule(Unsupported::malformed));
    }
}

Result<UnwindTable> compile(const ObjectFile& object) {
    if (object.architecture() != Architecture::x86_64) return bad_elf("not for x86-64");
    const auto sections = read_cfi_sections(object);
    if (!sections) return sections.error();
    std::deque<CfiEntries> entries;  // functions point into them
    std::vector<CfiFunction> functions;
    UnwindCounts counts;
    for (const CfiSection& section : *sections) {
        const CfiEntries& added = entries.emplace_back(read_cfi_entries(section));
        functions.insert(functions.end(), added.functions.begin(), added.functions.end());
        counts.unusable_entries += added.unusable;
    }
    // Of one that both describe, .eh_frame has the say.
    if (sections->size() > 1) std::ranges::stable_sort(functions, {}, &CfiFunction::start);
    CorrectedTable table(find_go_calls(object));
    for (const CfiFunction& function : functions) {
        if (!is_code(object, function)) {
            ++counts.functions_outside;
            continue;
        }
        ++counts.functions;
        add_function(function, table);
        if (table.full()) break;
    }
    return std::move(table).finish(counts);
}

}  // namespace

Result<UnwindTable> compile_unwind_table(const ObjectFile& object) {
    auto table = compile(object);
    if (!table) {
        Error error = table.error();
        error.message =
            fmt::format("no unwind table for {}: {}", printable(object.path()), error.message);
        return error;
    }
    return table;
}

}  // namespace seep
