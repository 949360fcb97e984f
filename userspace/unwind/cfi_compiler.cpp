// SPDX-License-Identifier: GPL-2.0-only
#include "unwind/cfi_compiler.h"

#include <fmt/format.h>

#include <algorithm>

#include "base/text.h"
#include "target/elf_reading.h"
#include "unwind/cfa_program.h"
#include "unwind/cfi_entries.h"

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

void add_function(const CfiFunction& function, TableBuilder& builder) {
    CfaProgram program(function);
    while (!builder.full() && program.next_row()) {
        const CfaRow& row = program.row();
        builder.add(row.start, row.end,
                    row.known ? translate_rule(program.state(), function.common->signal_frame)
                              : unsupported_rule(Unsupported::malformed));
    }
}

Result<UnwindTable> compile(const ObjectFile& object) {
    if (object.architecture() != Architecture::x86_64) return bad_elf("not for x86-64");
    const auto section = read_cfi_section(object);
    if (!section) return section.error();
    const CfiEntries entries = read_cfi_entries(*section);
    TableBuilder builder;
    UnwindCounts counts;
    counts.unusable_entries = entries.unusable;
    for (const CfiFunction& function : entries.functions) {
        if (!is_code(object, function)) {
            ++counts.functions_outside;
            continue;
        }
        ++counts.functions;
        add_function(function, builder);
        if (builder.full()) break;
    }
    return std::move(builder).finish(counts);
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
