// SPDX-License-Identifier: GPL-2.0-only
#include "doctor/object_diagnosis.h"

#include <fmt/format.h>
#include <gelf.h>
#include <libelf.h>
#include <unistd.h>

#include <algorithm>
#include <numeric>
#include <set>
#include <string_view>

#include "base/handles.h"
#include "probes/elf_tables.h"
#include "probes/finder.h"
#include "unwind/cfi_compiler.h"

namespace seep {
namespace {

std::set<std::string, std::less<>> section_names(const ObjectFile& object) {
    elf_version(EV_CURRENT);
    std::set<std::string, std::less<>> names;
    // Read, not mapped: a file that the target truncates meanwhile must not raise SIGBUS here.
    const CHandle<Elf, elf_end> elf(elf_begin(object.fd(), ELF_C_READ, nullptr));
    std::size_t table = 0;
    if (!elf || elf_getshdrstrndx(elf.get(), &table) != 0) return names;
    Elf_Scn* section = nullptr;
    while ((section = elf_nextscn(elf.get(), section)) != nullptr) {
        GElf_Shdr header;
        if (gelf_getshdr(section, &header) == nullptr || header.sh_type == SHT_NOBITS) continue;
        if (const char* name = elf_strptr(elf.get(), table, header.sh_name)) names.insert(name);
    }
    return names;
}

bool has_separate_debug_info(const std::string& build_id) {
    constexpr std::size_t directory_digits = 2;
    if (build_id.size() <= directory_digits) return false;
    const std::string path = fmt::format("/usr/lib/debug/.build-id/{}/{}.debug",
                                         std::string_view(build_id).substr(0, directory_digits),
                                         std::string_view(build_id).substr(directory_digits));
    return access(path.c_str(), R_OK) == 0;
}

void note_symbols(const ObjectFile& object, ObjectDiagnosis& diagnosis) {
    const auto sections = section_names(object);
    if (sections.contains(".symtab")) {
        diagnosis.symbols = Symbols::full;
    } else if (sections.contains(".gnu_debugdata")) {
        diagnosis.symbols = Symbols::debug_data;
    } else if (sections.contains(".dynsym")) {
        diagnosis.symbols = Symbols::dynamic;
    }
    if (sections.contains(".debug_info") || sections.contains(".zdebug_info")) {
        diagnosis.debug_info = DebugInfoPlace::in_file;
    } else if (has_separate_debug_info(object.build_id())) {
        diagnosis.debug_info = DebugInfoPlace::separate;
    }
}

Result<void> note_allocator(const ObjectFile& object, ObjectDiagnosis& diagnosis) {
    const auto functions = find_allocator_functions(object);
    if (!functions) return functions.error();
    if (functions->empty()) return {};
    auto plans = plan_probes(object, *functions);
    if (!plans) return plans.error();
    diagnosis.allocator = allocator_name(object, *functions);
    diagnosis.probes = std::move(*plans);
    return {};
}

Result<void> note_frame_pointers(const ObjectFile& object, ObjectDiagnosis& diagnosis) {
    const auto tables = read_elf_tables(object);
    if (!tables) return tables.error();
    diagnosis.frame_pointers = sample_frame_pointers(object, tables->function_starts);
    return {};
}

/// Whether there is a rule for any part of [start, end). Looks 16 bytes apart are enough, as
/// functions are padded with fewer than 64.
bool is_covered(const UnwindTable& table, std::uint64_t start, std::uint64_t end) {
    constexpr std::uint64_t step = 16;
    for (std::uint64_t address = start; address < end; address += step) {
        if (find_rule(table, address).cfa != SEEP_CFA_UNKNOWN) return true;
    }
    return false;
}

void note_coverage(const ObjectFile& object, const UnwindTable& table, UnwindTableSize& size) {
    constexpr std::uint64_t stretch = 64;
    for (const LoadSegment& segment : object.segments()) {
        if (!segment.executable) continue;
        const std::uint64_t end = segment.address + segment.file_size;
        size.code_bytes += segment.file_size;
        for (std::uint64_t start = segment.address; start < end; start += stretch) {
            const std::uint64_t next = std::min(end, start + stretch);
            if (!is_covered(table, start, next)) size.uncovered_bytes += next - start;
        }
    }
}

Result<void> note_unwind_table(const ObjectFile& object, ObjectDiagnosis& diagnosis) {
    const auto table = compile_unwind_table(object);
    if (!table) return table.error();
    const auto& unsupported = table->counts.unsupported;
    diagnosis.unwind_table = {
        table->words.size() * sizeof table->words[0], table->counts.rows,
        std::accumulate(unsupported.begin() + 1, unsupported.end(), std::uint64_t{0})};
    note_coverage(object, *table, *diagnosis.unwind_table);
    return {};
}

}  // namespace

ObjectDiagnosis diagnose_object(const ObjectFile& object) {
    ObjectDiagnosis diagnosis;
    diagnosis.path = object.path();
    diagnosis.name = object.name();
    diagnosis.build_id = object.build_id();
    note_symbols(object, diagnosis);
    for (const auto part : {note_allocator, note_frame_pointers, note_unwind_table}) {
        const Result<void> noted = part(object, diagnosis);
        if (!noted) diagnosis.problem = noted.error().message;
    }
    return diagnosis;
}

const char* symbols_name(Symbols symbols) {
    switch (symbols) {
        case Symbols::none:
            return "none";
        case Symbols::dynamic:
            return "exported only";
        case Symbols::debug_data:
            return "exported and .gnu_debugdata";
        case Symbols::full:
            return "all";
    }
    return "?";
}

const char* debug_info_name(DebugInfoPlace place) {
    switch (place) {
        case DebugInfoPlace::none:
            return "none";
        case DebugInfoPlace::separate:
            return "separate file";
        case DebugInfoPlace::in_file:
            return "in the file";
    }
    return "?";
}

}  // namespace seep
