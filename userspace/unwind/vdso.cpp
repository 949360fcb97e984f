// SPDX-License-Identifier: GPL-2.0-only
#include "unwind/vdso.h"

#include <fcntl.h>
#include <sys/mman.h>

#include "target/elf_reading.h"
#include "target/proc_file.h"

namespace seep {
namespace {

// It has two pages; a process can move it, but not make it larger.
constexpr std::uint64_t max_bytes = 1 << 20;

bool write_exactly(int fd, std::string_view bytes) {
    while (!bytes.empty()) {
        const ssize_t written = write(fd, bytes.data(), bytes.size());
        if (written < 0 && errno == EINTR) continue;
        if (written <= 0) return false;
        bytes.remove_prefix(static_cast<std::size_t>(written));
    }
    return true;
}

}  // namespace

Result<Vdso> read_vdso(pid_t pid, const AddressRange& range) {
    const std::uint64_t size = range.end - range.start;
    if (size > max_bytes) return bad_elf("the vDSO is too large to be one");
    const UniqueFd memory(open(proc_path(pid, "mem").c_str(), O_RDONLY | O_CLOEXEC));
    if (!memory) return proc_error(pid, "mem", errno);
    std::string bytes(size, '\0');
    if (!read_exactly(memory.get(), bytes.data(), size, range.start)) {
        return proc_error(pid, "mem", errno);
    }
    UniqueFd copy(memfd_create("seep-vdso", MFD_CLOEXEC));
    if (!copy || !write_exactly(copy.get(), bytes)) return errno_error("cannot copy the vDSO");
    auto object = ObjectFile::open(std::move(copy), "[vdso]", {});
    if (!object) return object.error();
    return Vdso{std::move(*object), std::move(bytes)};
}

}  // namespace seep
