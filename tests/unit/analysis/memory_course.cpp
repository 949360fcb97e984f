// SPDX-License-Identifier: GPL-2.0-only
#include "memory_course.h"

#include "analysis/reconciliation.h"

namespace seep {

double flat(double) {
    return 100;
}

double rising(double i) {
    return 100 + 5 * i;
}

Curve burst(double end) {
    return [end](double i) { return i <= 10 ? 10 * i : 100 - (100 - end) * (i - 10) / 10; };
}

std::uint64_t bytes(double mebibytes) {
    return static_cast<std::uint64_t>(mebibytes * mebibyte);
}

ProcessMemory memory_of(const Course& course, double mapped) {
    RecordingContents contents;
    contents.processes = {
        {ProcessId(1), 1, "app", "/app", 0, 0, "glibc (libc.so.6), jemalloc (libjemalloc.so.2)"}};
    contents.objects = {
        {ObjectId(1), {ObjectId(1), ObjectKind::file, "/lib/libc.so.6", ""}},
        {ObjectId(2), {ObjectId(2), ObjectKind::file, "/lib/libjemalloc.so.2", ""}}};
    const auto used = ObjectId(course.jemalloc ? 2 : 1);
    const auto unused = ObjectId(course.jemalloc ? 1 : 2);
    contents.probes = {{.id = 1, .process = ProcessId(1), .object = used, .hits = 1000},
                       {.id = 2, .process = ProcessId(1), .object = unused, .hits = 5}};
    LiveSeries heap;
    for (std::size_t i = 0; i < course_snapshots; ++i) {
        const auto at = static_cast<double>(i);
        const double progress = at / (course_snapshots - 1);
        ProcessSample sample;
        sample.process = ProcessId(1);
        sample.swap_bytes = bytes(course.anonymous(at) * course.swapped * progress);
        sample.anonymous_bytes = bytes(course.anonymous(at)) - sample.swap_bytes;
        sample.rss_bytes = sample.anonymous_bytes + bytes(course.file(at));
        sample.allocated_bytes = bytes(course.passed * progress);
        sample.freed_count = static_cast<std::uint64_t>(1e6 * (1 + progress));
        sample.allocated_count = static_cast<std::uint64_t>(1e6 * (1 + progress) + course.net(at));
        sample.losses[SEEP_LOSS_UNMATCHED_FREES] =
            static_cast<std::uint64_t>(course.unmatched_frees * progress);
        if (course.allocators >= 0)
            sample.mapped = MappedBytes{.allocator = bytes(course.allocators * progress)};
        if (course.limit > 0) {
            sample.cgroup_limit = course.limit;
            sample.cgroup_current = sample.rss_bytes;
            sample.cgroup_inactive_file = bytes(course.file(at));
        }
        SnapshotRecord& snapshot = contents.snapshots.emplace_back();
        snapshot.time_ns = static_cast<std::int64_t>(i) * 10 * second;
        snapshot.unobserved_ns =
            static_cast<std::uint64_t>(course.unseen * static_cast<double>(snapshot.time_ns));
        snapshot.pauses = course.unseen > 0 ? i : 0;
        snapshot.processes = {sample};
        LivePoint point{.snapshot = i};
        point.live = point.least = bytes(course.heap(at));
        point.live_count = course.blocks * static_cast<std::uint64_t>(course.heap(at));
        heap.push_back(point);
    }
    contents.window = {0, course_snapshots - 1};
    return reconcile(contents, heap, mapped * mebibyte, course.in_use);
}

}  // namespace seep
