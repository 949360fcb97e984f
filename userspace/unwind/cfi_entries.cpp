// SPDX-License-Identifier: GPL-2.0-only
#include "unwind/cfi_entries.h"

#include <dwarf.h>
#include <elf.h>
#include <elfutils/libdw.h>

#include <algorithm>
#include <string_view>
#include <unordered_map>

#include "unwind/cfa_program.h"

namespace seep {
namespace {

// Entries are a few bytes and what is kept of them is more. Linkers merge CIEs; the most functions
// of any object seen are 150,000.
constexpr std::size_t max_commons = 1U << 16;
constexpr std::size_t max_functions = 4U << 20;

// What libdw needs to know of the ELF file.
constexpr unsigned char little_endian_64_bit[EI_NIDENT] = {
    ELFMAG0, ELFMAG1, ELFMAG2, ELFMAG3, ELFCLASS64, ELFDATA2LSB, EV_CURRENT};

/// Entries in the order of the section, one read() each.
class EntryReader {
 public:
    explicit EntryReader(const CfiSection& section) : section_(section) {}

    CfiEntries read() &&;

 private:
    bool add_common(std::uint64_t offset, const Dwarf_CIE& cie);
    bool add_function(const Dwarf_FDE& fde);

    /// Empty if libdw's pointers do not mark out a part of the section.
    [[nodiscard]] Bytes between(const unsigned char* start, const unsigned char* end) const;

    const CfiSection& section_;
    CfiEntries entries_;
    // Only where the walk has met them: an offset into the middle of an entry is not followed.
    std::unordered_map<std::uint64_t, const CfiCommon*> commons_;
};

/// The letters that GCC, LLVM and the assemblers write; false for others, whose data is of unknown
/// size. Personality routines are passed over.
bool read_augmentation(std::string_view letters, Bytes bytes, CfiCommon& common) {
    if (letters.empty()) return true;
    if (letters.front() != 'z') return false;
    common.has_augmentation_size = true;
    ByteCursor data(bytes);
    for (const char letter : letters.substr(1)) {
        switch (letter) {
            case 'R':
                common.pointer_encoding = data.fixed<std::uint8_t>();
                break;
            case 'P':
                // Only its size counts here, and not what it is relative to.
                data.pointer(data.fixed<std::uint8_t>() & 0x0f);
                break;
            case 'L':
                data.block(1);
                break;
            case 'S':
                common.signal_frame = true;
                break;
            default:
                return false;
        }
    }
    return data.ok();
}

Bytes EntryReader::between(const unsigned char* start, const unsigned char* end) const {
    const unsigned char* const first = section_.bytes.data();
    const unsigned char* const last = first + section_.bytes.size();
    if (start == nullptr || start < first || start > end || end > last) return {};
    return {start, end};
}

bool EntryReader::add_common(std::uint64_t offset, const Dwarf_CIE& cie) {
    if (entries_.commons.size() == max_commons) return false;
    CfiCommon common;
    common.code_alignment = cie.code_alignment_factor;
    common.data_alignment = cie.data_alignment_factor;
    const bool returns_as_usual =
        followed_register(cie.return_address_register) == Followed::return_address;
    // The augmentation's data ends where the instructions begin.
    const Bytes augmentation = between(cie.augmentation_data, cie.initial_instructions);
    if (!returns_as_usual || !read_augmentation(cie.augmentation, augmentation, common)) {
        return false;
    }
    const Bytes program = between(cie.initial_instructions, cie.initial_instructions_end);
    if (!CfaProgram::run_initial(common, program)) return false;
    commons_[offset] = &entries_.commons.emplace_back(common);
    return true;
}

bool EntryReader::add_function(const Dwarf_FDE& fde) {
    const auto common = commons_.find(fde.CIE_pointer);
    if (common == commons_.end() || entries_.functions.size() == max_functions) return false;
    const Bytes bytes = between(fde.start, fde.end);
    if (bytes.empty()) return false;
    const auto offset = static_cast<std::uint64_t>(bytes.data() - section_.bytes.data());
    ByteCursor cursor(bytes, section_.address + offset);
    CfiFunction function;
    function.common = common->second;
    function.start = cursor.pointer(function.common->pointer_encoding);
    // The size is of the same format, and relative to nothing.
    const std::uint64_t size = cursor.pointer(function.common->pointer_encoding & 0x0f);
    if (function.common->has_augmentation_size) cursor.block(cursor.uleb());
    if (!cursor.ok() || __builtin_add_overflow(function.start, size, &function.end)) return false;
    function.program = cursor.rest();
    function.program_address = cursor.address();
    // Linkers leave empty ones behind for code that they dropped.
    if (size > 0) entries_.functions.push_back(function);
    return true;
}

CfiEntries EntryReader::read() && {
    Elf_Data data = {};
    // Taken as const by what reads it.
    data.d_buf = const_cast<unsigned char*>(section_.bytes.data());
    data.d_size = section_.bytes.size();
    Dwarf_Off next = 0;
    for (Dwarf_Off offset = 0; offset < section_.bytes.size(); offset = next) {
        Dwarf_CFI_Entry entry;
        next = 0;
        const int status = dwarf_next_cfi(little_endian_64_bit, &data, !section_.for_debuggers,
                                          offset, &next, &entry);
        const bool usable = status == 0 && (dwarf_cfi_cie_p(&entry) ? add_common(offset, entry.cie)
                                                                    : add_function(entry.fde));
        if (!usable && status <= 0) ++entries_.unusable;
        if (status > 0 || next <= offset) break;
    }
    std::ranges::stable_sort(entries_.functions, {}, &CfiFunction::start);
    return std::move(entries_);
}

}  // namespace

CfiEntries read_cfi_entries(const CfiSection& section) {
    return EntryReader(section).read();
}

}  // namespace seep
