// SPDX-License-Identifier: GPL-2.0-only
#include "target/perf_ring.h"

#include <fmt/format.h>
#include <sys/syscall.h>
#include <time.h>

#include <algorithm>
#include <atomic>
#include <cstdint>
#include <vector>

namespace seep {
namespace {

perf_event_attr side_band_events() {
    perf_event_attr attr = {};
    attr.size = sizeof attr;
    attr.type = PERF_TYPE_SOFTWARE;
    attr.config = PERF_COUNT_SW_DUMMY;
    attr.mmap = 1;  // without mmap_data: executable mappings only
    attr.mmap2 = 1;
    attr.comm = 1;
    attr.comm_exec = 1;
    attr.task = 1;
    attr.sample_id_all = 1;
    attr.sample_type = PERF_SAMPLE_TID | PERF_SAMPLE_TIME;
    attr.use_clockid = 1;
    attr.clockid = CLOCK_MONOTONIC;
    attr.exclude_kernel = 1;
    // Wakes the reader for every record: a library is traced from its first calls only if it is
    // noticed at once.
    attr.watermark = 1;
    attr.wakeup_watermark = 1;
    return attr;
}

Error open_error(int number) {
    if (number == EACCES || number == EPERM) {
        return errno_error("cannot watch for new code and processes (perf_event_open)", number,
                           ErrorKind::untraceable,
                           "run seep as root or with CAP_PERFMON, or set "
                           "kernel.perf_event_paranoid to 0");
    }
    return errno_error("cannot watch for new code and processes (perf_event_open)", number);
}

/// Copies out of the ring, whose end is followed by its start.
void copy_wrapped(std::span<const std::byte> ring, std::uint64_t position,
                  std::span<std::byte> target) {
    const std::size_t at = position % ring.size();
    const std::size_t before_end = std::min(target.size(), ring.size() - at);
    std::copy_n(ring.begin() + static_cast<std::ptrdiff_t>(at), before_end, target.begin());
    std::copy_n(ring.begin(), target.size() - before_end,
                target.begin() + static_cast<std::ptrdiff_t>(before_end));
}

}  // namespace

std::size_t PerfRing::mapped_bytes() {
    return static_cast<std::size_t>(sysconf(_SC_PAGESIZE)) + data_bytes;
}

Result<std::optional<PerfRing>> PerfRing::open(int cpu) {
    perf_event_attr attr = side_band_events();
    PerfRing ring;
    ring.fd_ = UniqueFd(
        static_cast<int>(syscall(SYS_perf_event_open, &attr, -1, cpu, -1, PERF_FLAG_FD_CLOEXEC)));
    if (!ring.fd_ && errno == ENODEV) return std::optional<PerfRing>();
    if (!ring.fd_) return open_error(errno);

    void* const page =
        mmap(nullptr, mapped_bytes(), PROT_READ | PROT_WRITE, MAP_SHARED, ring.fd_.get(), 0);
    if (page == MAP_FAILED) {
        return errno_error(fmt::format("cannot map the event buffer of CPU {}", cpu));
    }
    ring.page_.reset(static_cast<perf_event_mmap_page*>(page));
    return std::optional<PerfRing>(std::move(ring));
}

void PerfRing::drain(const std::function<void(std::span<const std::byte>)>& on_record) {
    const std::span<const std::byte> data(
        reinterpret_cast<const std::byte*>(page_.get()) + page_->data_offset, data_bytes);
    // Pairs with the kernel's barriers around data_head and data_tail
    // (kernel/events/ring_buffer.c).
    const std::uint64_t head = std::atomic_ref(page_->data_head).load(std::memory_order_acquire);
    std::uint64_t tail = page_->data_tail;
    std::vector<std::byte> record;
    while (head - tail >= sizeof(perf_event_header)) {
        perf_event_header header = {};
        copy_wrapped(data, tail, std::as_writable_bytes(std::span(&header, 1)));
        if (header.size < sizeof header || header.size > head - tail) break;
        record.resize(header.size);
        copy_wrapped(data, tail, record);
        on_record(record);
        tail += header.size;
    }
    std::atomic_ref(page_->data_tail).store(head, std::memory_order_release);
}

}  // namespace seep
