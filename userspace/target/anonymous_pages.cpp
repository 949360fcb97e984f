// SPDX-License-Identifier: GPL-2.0-only
#include "target/anonymous_pages.h"

#include <fcntl.h>
#include <sys/ioctl.h>
#include <sys/mman.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <cerrno>

#include "base/handles.h"
#include "target/mappings.h"
#include "target/proc_file.h"

namespace seep {
namespace {

// Linux, Documentation/admin-guide/mm/pagemap.rst. Of PAGEMAP_SCAN, Debian 12's headers know
// nothing.
struct ScanRegion {
    std::uint64_t start;
    std::uint64_t end;
    std::uint64_t categories;
};
struct ScanRequest {
    std::uint64_t size;
    std::uint64_t flags;
    std::uint64_t start;
    std::uint64_t end;
    std::uint64_t walk_end;
    std::uint64_t regions;
    std::uint64_t region_count;
    std::uint64_t max_pages;
    std::uint64_t inverted;
    std::uint64_t mask;
    std::uint64_t any_of;
    std::uint64_t returned;
};
static_assert(sizeof(ScanRequest) == 96);
constexpr unsigned long pagemap_scan = _IOWR('f', 16, ScanRequest);
constexpr std::uint64_t scan_file = 1 << 2;
constexpr std::uint64_t scan_present = 1 << 3;
constexpr std::uint64_t scan_zero = 1 << 5;

constexpr std::uint64_t entry_present = 1ULL << 63;
constexpr std::uint64_t entry_file = 1ULL << 61;
constexpr std::uint64_t entry_frame = (1ULL << 55) - 1;

/// The kernel's own pages ([vdso], [vvar]) are left out.
bool is_private(const Mapping& mapping) {
    return !mapping.shared && !mapping.path.starts_with("[v");
}

/// As the kernel names them: mm/shmem.c, ipc/shm.c.
bool is_shared_memory(const Mapping& mapping) {
    constexpr std::array names{"/memfd:", "/dev/zero", "/dev/shm/", "/SYSV"};
    return mapping.shared && std::ranges::any_of(names, [&](const char* name) {
               return mapping.path.starts_with(name);
           });
}

/// Neighbours joined.
std::vector<PageRun> memory_of(const std::vector<Mapping>& mappings,
                               bool (*is_meant)(const Mapping&)) {
    std::vector<PageRun> runs;
    for (const Mapping& mapping : mappings) {
        if (!is_meant(mapping)) continue;
        if (!runs.empty() && runs.back().end == mapping.start)
            runs.back().end = mapping.end;
        else
            runs.push_back({mapping.start, mapping.end});
    }
    return runs;
}

void append(PageRun run, std::vector<PageRun>& runs) {
    if (!runs.empty() && runs.back().end == run.start)
        runs.back().end = run.end;
    else
        runs.push_back(run);
}

/// Which pages of a stretch of memory are looked for.
enum class Pages {
    anonymous,
    any,
};

/// 0 or an errno: ENOTTY where the kernel has no such call.
int scan(int pagemap, PageRun memory, Pages pages, std::vector<PageRun>& runs) {
    const std::uint64_t wrong = scan_zero | (pages == Pages::anonymous ? scan_file : 0);
    std::array<ScanRegion, 1024> regions{};
    while (memory.start < memory.end) {
        ScanRequest request{};
        request.size = sizeof request;
        request.start = memory.start;
        request.end = memory.end;
        request.regions = reinterpret_cast<std::uint64_t>(regions.data());
        request.region_count = regions.size();
        request.inverted = wrong;
        request.mask = scan_present | wrong;
        request.returned = scan_present;
        const int found = ioctl(pagemap, pagemap_scan, &request);
        if (found < 0 && errno == EINTR) continue;
        if (found < 0) return errno;
        for (int i = 0; i < found; ++i)
            append({regions[static_cast<std::size_t>(i)].start,
                    regions[static_cast<std::size_t>(i)].end},
                   runs);
        if (request.walk_end <= memory.start) return 0;
        memory.start = request.walk_end;
    }
    return 0;
}

/// The frame of the page of zeros, found in a page of seep's own that was only read; 0 if that is
/// not shown (it takes CAP_SYS_ADMIN): then such pages cannot be told from others.
std::uint64_t zero_frame(std::uint64_t page) {
    void* const memory = mmap(nullptr, page, PROT_READ, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
    if (memory == MAP_FAILED) return 0;
    const auto address = reinterpret_cast<std::uint64_t>(memory);
    (void)*static_cast<const volatile char*>(memory);
    const UniqueFd own(open("/proc/self/pagemap", O_RDONLY | O_CLOEXEC));
    std::uint64_t entry = 0;
    if (!own || pread(own.get(), &entry, sizeof entry, static_cast<off_t>(address / page * 8)) != 8)
        entry = 0;
    munmap(memory, page);
    return (entry & entry_present) != 0 ? entry & entry_frame : 0;
}

int read_entries(int pagemap, PageRun memory, Pages pages, std::uint64_t page, std::uint64_t zeros,
                 std::vector<PageRun>& runs) {
    const std::uint64_t wrong = pages == Pages::anonymous ? entry_file : 0;
    std::array<std::uint64_t, 8192> entries{};
    while (memory.start < memory.end) {
        const std::size_t count =
            std::min<std::size_t>(entries.size(), (memory.end - memory.start) / page);
        const ssize_t got = pread(pagemap, entries.data(), count * sizeof entries[0],
                                  static_cast<off_t>(memory.start / page * sizeof entries[0]));
        if (got < 0 && errno == EINTR) continue;
        if (got < 0) return errno;
        const std::size_t read = static_cast<std::size_t>(got) / sizeof entries[0];
        if (read == 0) return 0;
        for (std::size_t i = 0; i < read; ++i) {
            const std::uint64_t entry = entries[i];
            const bool is_zeros = zeros != 0 && (entry & entry_frame) == zeros;
            if ((entry & entry_present) != 0 && (entry & wrong) == 0 && !is_zeros)
                append({memory.start + i * page, memory.start + (i + 1) * page}, runs);
        }
        memory.start += read * page;
    }
    return 0;
}

/// 0 or an errno.
int read_pages(int pagemap, const std::vector<PageRun>& memory, Pages pages,
               std::vector<PageRun>& runs) {
    const std::size_t before = runs.size();
    int number = 0;
    for (auto part = memory.begin(); number == 0 && part != memory.end(); ++part)
        number = scan(pagemap, *part, pages, runs);
    if (number != ENOTTY && number != EINVAL) return number;
    runs.resize(before);
    number = 0;
    const auto page = static_cast<std::uint64_t>(sysconf(_SC_PAGESIZE));
    const std::uint64_t zeros = zero_frame(page);
    for (auto part = memory.begin(); number == 0 && part != memory.end(); ++part)
        number = read_entries(pagemap, *part, pages, page, zeros, runs);
    return number;
}

Result<std::vector<PageRun>> read_pages(pid_t pid, bool with_shared) {
    const auto mappings = read_mappings(pid);
    if (!mappings) return mappings.error();
    const UniqueFd pagemap(open(proc_path(pid, "pagemap").c_str(), O_RDONLY | O_CLOEXEC));
    if (!pagemap) return proc_error(pid, "pagemap", errno);
    std::vector<PageRun> runs;
    int number =
        read_pages(pagemap.get(), memory_of(*mappings, is_private), Pages::anonymous, runs);
    if (number == 0 && with_shared)
        number =
            read_pages(pagemap.get(), memory_of(*mappings, is_shared_memory), Pages::any, runs);
    if (number != 0) return proc_error(pid, "pagemap", number);
    return runs;
}

}  // namespace

Result<std::vector<PageRun>> read_anonymous_pages(pid_t pid) {
    return read_pages(pid, false);
}

Result<std::vector<PageRun>> read_data_pages(pid_t pid) {
    return read_pages(pid, true);
}

}  // namespace seep
