// SPDX-License-Identifier: GPL-2.0-only
#include "target/object_file.h"

#include <elf.h>
#include <fmt/format.h>
#include <sys/stat.h>

#include <algorithm>
#include <bit>
#include <string_view>

#include "base/text.h"
#include "target/elf_reading.h"

namespace seep {
namespace {

// Far more than any linker writes; keeps a lying header from costing memory.
constexpr std::uint64_t max_note_bytes = 1 << 20;
constexpr std::uint32_t max_build_id_bytes = 64;

std::uint64_t aligned(std::uint64_t size, std::uint64_t alignment) {
    return (size + alignment - 1) / alignment * alignment;
}

std::string hex(const std::vector<unsigned char>& bytes, std::size_t from, std::size_t count) {
    std::string text;
    for (std::size_t i = from; i < from + count; ++i) text += fmt::format("{:02x}", bytes[i]);
    return text;
}

/// What the notes of an object say of it.
struct Notes {
    std::string build_id;
    bool has_go_code = false;
};

void read_notes(const std::vector<unsigned char>& bytes, std::uint64_t alignment, Notes& notes) {
    constexpr std::string_view gnu("GNU", 4);
    constexpr std::string_view go("Go\0", 4);
    constexpr std::uint32_t go_build_id = 4;  // cmd/link/internal/ld/elf.go, ELF_NOTE_GOBUILDID_TAG
    std::uint64_t at = 0;
    while (bytes.size() - at >= sizeof(Elf64_Nhdr)) {
        Elf64_Nhdr note = {};
        std::memcpy(&note, bytes.data() + at, sizeof note);
        const std::uint64_t name_start = at + sizeof note;
        const std::uint64_t content = aligned(name_start + note.n_namesz, alignment);
        if (content > bytes.size() || note.n_descsz > bytes.size() - content) return;
        const std::string_view name(reinterpret_cast<const char*>(bytes.data()) + name_start,
                                    note.n_namesz);
        if (note.n_type == NT_GNU_BUILD_ID && name == gnu && note.n_descsz > 0 &&
            note.n_descsz <= max_build_id_bytes && notes.build_id.empty()) {
            notes.build_id = hex(bytes, content, note.n_descsz);
        }
        notes.has_go_code |= note.n_type == go_build_id && name == go;
        at = std::min<std::uint64_t>(aligned(content + note.n_descsz, alignment), bytes.size());
    }
}

Result<std::vector<Elf64_Phdr>> read_program_headers(int fd, const Elf64_Ehdr& header) {
    if (header.e_phentsize != sizeof(Elf64_Phdr)) return bad_elf("odd program header size");
    if (header.e_phnum == 0 || header.e_phnum == PN_XNUM) {
        return bad_elf("no usable program headers");
    }
    std::vector<Elf64_Phdr> headers(header.e_phnum);
    if (!read_exactly(fd, headers.data(), headers.size() * sizeof(Elf64_Phdr), header.e_phoff)) {
        return bad_elf("its program headers are outside the file");
    }
    return headers;
}

/// Everything a segment says of itself is possible in a file of that size.
bool is_plausible(const Elf64_Phdr& header, std::uint64_t file_size) {
    return header.p_offset <= file_size && header.p_filesz <= file_size - header.p_offset &&
           header.p_filesz <= header.p_memsz && header.p_vaddr <= UINT64_MAX - header.p_memsz;
}

void read_notes(int fd, const Elf64_Phdr& segment, Notes& notes) {
    if (segment.p_filesz > max_note_bytes) return;
    std::vector<unsigned char> bytes(segment.p_filesz);
    if (!read_exactly(fd, bytes.data(), bytes.size(), segment.p_offset)) return;
    read_notes(bytes, segment.p_align == 8 ? 8 : 4, notes);
}

}  // namespace

Result<ObjectFile> ObjectFile::open(UniqueFd fd, std::string path, FileIdentity identity) {
    const auto named = [&](Error error) {
        error.message = fmt::format("{} is not usable: {}", printable(path), error.message);
        return error;
    };
    const auto header = read_elf_header(fd.get());
    if (!header) return named(header.error());
    if (header->e_ident[EI_CLASS] != ELFCLASS64) return named(bad_elf("a 32-bit ELF file"));
    if (header->e_type != ET_EXEC && header->e_type != ET_DYN) {
        return named(bad_elf("neither a program nor a shared object"));
    }
    const auto program_headers = read_program_headers(fd.get(), *header);
    if (!program_headers) return named(program_headers.error());
    struct stat file = {};
    if (fstat(fd.get(), &file) != 0) return named(errno_error("fstat"));

    ObjectFile object;
    Notes notes;
    for (const Elf64_Phdr& segment : *program_headers) {
        if (segment.p_type != PT_LOAD && segment.p_type != PT_NOTE) continue;
        if (!is_plausible(segment, static_cast<std::uint64_t>(file.st_size))) {
            return named(bad_elf("a segment is outside the file"));
        }
        if (segment.p_type == PT_LOAD) {
            object.segments_.push_back({segment.p_offset, segment.p_vaddr, segment.p_filesz,
                                        segment.p_memsz, (segment.p_flags & PF_X) != 0});
        } else {
            read_notes(fd.get(), segment, notes);
        }
    }
    object.build_id_ = std::move(notes.build_id);
    object.has_go_code_ = notes.has_go_code;
    if (object.segments_.empty()) return named(bad_elf("it has nothing to load"));
    // Code first: where segments share a page of the file, its offsets are asked for as code.
    std::stable_partition(object.segments_.begin(), object.segments_.end(),
                          [](const LoadSegment& segment) { return segment.executable; });
    object.fd_ = std::move(fd);
    object.path_ = std::move(path);
    object.identity_ = identity;
    object.architecture_ = architecture_of(*header);
    return object;
}

std::string ObjectFile::name() const {
    return path_.substr(path_.rfind('/') + 1);
}

std::optional<std::uint64_t> ObjectFile::address_of_offset(std::uint64_t file_offset) const {
    for (const LoadSegment& segment : segments_) {
        if (file_offset >= segment.file_offset &&
            file_offset - segment.file_offset < segment.file_size) {
            return segment.address + (file_offset - segment.file_offset);
        }
    }
    return std::nullopt;
}

std::optional<std::uint64_t> ObjectFile::offset_of_address(std::uint64_t address) const {
    for (const LoadSegment& segment : segments_) {
        if (address >= segment.address && address - segment.address < segment.file_size) {
            return segment.file_offset + (address - segment.address);
        }
    }
    return std::nullopt;
}

}  // namespace seep
