// SPDX-License-Identifier: GPL-2.0-only
#include "unwind/cfi_section.h"

#include <dwarf.h>
#include <elf.h>
#include <sys/stat.h>

#include <algorithm>
#include <optional>
#include <string_view>

#include "target/elf_reading.h"
#include "unwind/byte_cursor.h"

namespace seep {
namespace {

// Forty times the largest of Debian 12's (and of a compiler with 150,000 functions).
constexpr std::uint64_t max_section_bytes = 256ULL << 20;
constexpr std::uint64_t max_name_table_bytes = 16ULL << 20;

struct Extent {
    std::uint64_t file_offset = 0;
    std::uint64_t size = 0;
    std::uint64_t address = 0;
};

std::optional<std::vector<unsigned char>> read_bytes(int fd, std::uint64_t offset,
                                                     std::uint64_t size) {
    struct stat file = {};
    if (fstat(fd, &file) != 0) return std::nullopt;
    const auto file_size = static_cast<std::uint64_t>(file.st_size);
    if (offset > file_size || size > file_size - offset) return std::nullopt;
    std::vector<unsigned char> bytes(size);
    if (!read_exactly(fd, bytes.data(), size, offset)) return std::nullopt;
    return bytes;
}

template <typename Header>
std::vector<Header> read_headers(int fd, std::uint64_t offset, std::size_t count,
                                 std::size_t entry_size) {
    std::vector<Header> headers(entry_size == sizeof(Header) ? count : 0);
    if (!read_exactly(fd, headers.data(), headers.size() * sizeof(Header), offset)) return {};
    return headers;
}

bool has_name(const std::vector<unsigned char>& names, std::uint32_t at, std::string_view name) {
    // A name of the table ends in a NUL within it.
    if (at >= names.size() || names.size() - at <= name.size()) return false;
    return std::equal(name.begin(), name.end(), names.begin() + at) && names[at + name.size()] == 0;
}

std::optional<Extent> find_by_section(int fd, const Elf64_Ehdr& header, std::string_view name,
                                      std::uint64_t flags) {
    constexpr std::uint64_t that_matter = SHF_ALLOC | SHF_COMPRESSED;
    const auto sections =
        read_headers<Elf64_Shdr>(fd, header.e_shoff, header.e_shnum, header.e_shentsize);
    if (header.e_shstrndx >= sections.size()) return std::nullopt;
    const Elf64_Shdr& name_section = sections[header.e_shstrndx];
    if (name_section.sh_size > max_name_table_bytes) return std::nullopt;
    const auto names = read_bytes(fd, name_section.sh_offset, name_section.sh_size);
    if (!names) return std::nullopt;
    for (const Elf64_Shdr& section : sections) {
        if (section.sh_type == SHT_NOBITS || (section.sh_flags & that_matter) != flags) continue;
        if (!has_name(*names, section.sh_name, name)) continue;
        return Extent{section.sh_offset, section.sh_size, section.sh_addr};
    }
    return std::nullopt;
}

/// From an address to the end of what the file holds of its segment.
std::optional<Extent> rest_of_segment(const ObjectFile& object, std::uint64_t address) {
    for (const LoadSegment& segment : object.segments()) {
        const std::uint64_t offset = address - segment.address;
        if (address < segment.address || offset >= segment.file_size) continue;
        return Extent{segment.file_offset + offset, segment.file_size - offset, address};
    }
    return std::nullopt;
}

std::optional<Extent> find_by_program_header(const ObjectFile& object, const Elf64_Ehdr& header) {
    // Linux Standard Base, "The .eh_frame_hdr section": version, three encodings, the pointer.
    constexpr std::uint64_t start_bytes = 12;
    const int fd = object.fd();
    for (const Elf64_Phdr& segment :
         read_headers<Elf64_Phdr>(fd, header.e_phoff, header.e_phnum, header.e_phentsize)) {
        if (segment.p_type != PT_GNU_EH_FRAME) continue;
        const auto bytes = read_bytes(fd, segment.p_offset, start_bytes);
        if (!bytes || bytes->front() != 1) return std::nullopt;
        ByteCursor cursor(*bytes, segment.p_vaddr);
        cursor.block(1);
        const auto encoding = cursor.fixed<std::uint8_t>();
        cursor.block(2);
        const std::uint64_t address = cursor.pointer(encoding);
        return cursor.ok() ? rest_of_segment(object, address) : std::nullopt;
    }
    return std::nullopt;
}

Result<CfiSection> read_section(const ObjectFile& object, const Extent& extent) {
    // Without its section header the end is unknown: what comes too far behind is not needed.
    const std::uint64_t size = std::min(extent.size, max_section_bytes);
    auto bytes = read_bytes(object.fd(), extent.file_offset, size);
    if (!bytes) return bad_elf("its call frame information is outside the file");
    return CfiSection{std::move(*bytes), extent.address};
}

}  // namespace

Result<std::vector<CfiSection>> read_cfi_sections(const ObjectFile& object) {
    const auto header = read_elf_header(object.fd());
    if (!header) return header.error();
    std::vector<CfiSection> sections;
    auto extent = find_by_section(object.fd(), *header, ".eh_frame", SHF_ALLOC);
    if (!extent) extent = find_by_program_header(object, *header);
    if (extent) {
        auto section = read_section(object, *extent);
        if (!section) return section.error();
        sections.push_back(std::move(*section));
    }
    if (const auto debug = find_by_section(object.fd(), *header, ".debug_frame", 0)) {
        // One that cannot be read is no reason to do without the other.
        if (auto section = read_section(object, *debug); section || !extent) {
            if (!section) return section.error();
            section->for_debuggers = true;
            sections.push_back(std::move(*section));
        }
    }
    if (sections.empty()) return bad_elf("it has no .eh_frame");
    return sections;
}

}  // namespace seep
