// SPDX-License-Identifier: GPL-2.0-only
#include "target/elf_reading.h"

#include <unistd.h>

#include <limits>

namespace seep {

Error bad_elf(std::string_view why) {
    return {ErrorKind::failed, std::string(why), ""};
}

bool read_exactly(int fd, void* buffer, std::size_t size, std::uint64_t offset) {
    constexpr auto max_offset = static_cast<std::uint64_t>(std::numeric_limits<off_t>::max());
    if (offset > max_offset || size > max_offset - offset) return false;
    auto* bytes = static_cast<char*>(buffer);
    while (size > 0) {
        const ssize_t got = pread(fd, bytes, size, static_cast<off_t>(offset));
        if (got < 0 && errno == EINTR) continue;
        if (got <= 0) return false;
        bytes += got;
        size -= static_cast<std::size_t>(got);
        offset += static_cast<std::uint64_t>(got);
    }
    return true;
}

Result<Elf64_Ehdr> read_elf_header(int fd) {
    Elf64_Ehdr header = {};
    // The shorter of the two headers is a prefix of what every ELF file has.
    if (!read_exactly(fd, &header, sizeof(Elf32_Ehdr), 0) ||
        std::memcmp(header.e_ident, ELFMAG, SELFMAG) != 0) {
        return bad_elf("not an ELF file");
    }
    if (header.e_ident[EI_DATA] != ELFDATA2LSB) return bad_elf("a big-endian ELF file");
    if (header.e_ident[EI_CLASS] == ELFCLASS64 && !read_exactly(fd, &header, sizeof header, 0)) {
        return bad_elf("its ELF header is cut short");
    }
    return header;
}

Architecture architecture_of(const Elf64_Ehdr& header) {
    const bool wide = header.e_ident[EI_CLASS] == ELFCLASS64;
    if (wide && header.e_machine == EM_X86_64) return Architecture::x86_64;
    if (wide && header.e_machine == EM_AARCH64) return Architecture::aarch64;
    if (!wide && header.e_machine == EM_386) return Architecture::x86_32;
    return Architecture::other;
}

}  // namespace seep
