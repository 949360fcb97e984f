// SPDX-License-Identifier: GPL-2.0-only
#include "analysis/reconciliation.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <cmath>

#include "memory_course.h"

namespace seep {
namespace {

using testing::HasSubstr;
using testing::IsEmpty;
using testing::Not;
using testing::StartsWith;

TEST(Reconciliation, LeavesToTheHeapWhatTheHeapExplains) {
    const ProcessMemory leak = memory_of({.anonymous = rising, .heap = rising});
    EXPECT_THAT(leak.verdict, IsEmpty());
    EXPECT_NEAR(leak.kappa.value(), 1, 1e-9);
    EXPECT_NEAR(leak.anonymous.bytes_per_second, mebibyte / 2, 1);
    EXPECT_THAT(memory_of({}).verdict, IsEmpty());
    EXPECT_THAT(memory_of({.anonymous = flat, .heap = rising}).verdict, IsEmpty());
}

TEST(Reconciliation, SmallBlocksNeedMoreThanTheyWereAskedFor) {
    // 16-byte blocks in chunks of 32: the process grows twice as fast as the requests.
    const Course small{
        .anonymous = rising, .heap = [](double i) { return 50 + 2.5 * i; }, .blocks = 65536};
    EXPECT_THAT(memory_of(small).verdict, IsEmpty());
    EXPECT_NEAR(memory_of(small).kappa.value(), 2, 1e-9);
}

TEST(Reconciliation, MemoryThatStaysAfterItsBlocksIsKeptByTheAllocator) {
    const auto stays = [](double i) { return i <= 10 ? 10 * i : 100.0; };
    const ProcessMemory fragmented =
        memory_of({.anonymous = stays, .heap = burst(30), .blocks = 1000});
    EXPECT_EQ(fragmented.verdict, "fragmentation");
    EXPECT_THAT(fragmented.reason,
                HasSubstr("MiB that the program has freed: 100 MiB of anonymous"));
    EXPECT_THAT(fragmented.advice, HasSubstr("malloc_trim"));
    EXPECT_THAT(fragmented.advice, Not(HasSubstr("jemalloc")));  // it is mapped, but hardly called
    // 300 blocks hold 300 pages at least, and not much more.
    EXPECT_EQ(memory_of({.anonymous = stays, .heap = burst(30), .blocks = 10}).verdict,
              "retention");
    EXPECT_THAT(memory_of({.anonymous = burst(30), .heap = burst(30)}).verdict, IsEmpty());
    // The program's own mappings have taken the place of its blocks.
    EXPECT_EQ(memory_of({.anonymous = stays, .heap = burst(30), .blocks = 1000}, 70).verdict,
              "outside the heap");
}

TEST(Reconciliation, WhatJemallocDoesNotGiveBackIsHeldByBlocks) {
    const auto stays = [](double i) { return i <= 10 ? 10 * i : 100.0; };
    const ProcessMemory held =
        memory_of({.anonymous = stays, .heap = burst(30), .blocks = 10, .jemalloc = true});
    EXPECT_EQ(held.verdict, "fragmentation");
    EXPECT_THAT(held.reason, HasSubstr("jemalloc gives pages back ten seconds after"));
    EXPECT_THAT(held.advice, HasSubstr("activedefrag"));
    // It had most ten seconds ago.
    const auto late = [](double i) { return i < course_snapshots - 1 ? 100.0 : 30.0; };
    EXPECT_EQ(memory_of({.heap = late, .blocks = 10, .jemalloc = true}).verdict, "retention");
}

TEST(Reconciliation, GlibcsAccountTellsWhatItKeeps) {
    const HeapInUseGrowth heap{
        .bytes = bytes(30), .blocks = 100'000, .free_bytes = bytes(65), .freed_bytes = bytes(60)};
    const ProcessMemory held = memory_of({.unseen = 0.75, .in_use = heap});
    EXPECT_EQ(held.verdict, "fragmentation");
    EXPECT_THAT(held.reason, StartsWith("the allocator keeps 60 MiB that the program has freed: by "
                                        "glibc's account 30 MiB are in use"));
    EXPECT_THAT(held.advice, HasSubstr("malloc_trim"));
    HeapInUseGrowth few = heap;
    few.blocks = 1000;
    EXPECT_EQ(memory_of({.in_use = few}).verdict, "retention");
    // Most of the memory was free before.
    few.freed_bytes = 0;
    few.kept_free_bytes = bytes(49);
    EXPECT_THAT(memory_of({.in_use = few}).verdict, IsEmpty());
    few.kept_free_bytes = bytes(51);
    EXPECT_EQ(memory_of({.in_use = few}).verdict, "retention");
    // The pages of what is free were given back.
    const auto given_back = [](double i) { return i < 10 ? 100.0 : 32.0; };
    EXPECT_THAT(memory_of({.anonymous = given_back, .unseen = 0.75, .in_use = heap}).verdict,
                IsEmpty());
}

TEST(Reconciliation, CountsFreesOfWhatWasThereBeforeAtLeast) {
    // A million blocks from before attaching are freed and nothing is given back.
    const ProcessMemory memory = memory_of({.unmatched_frees = 1e6, .blocks = 1000});
    EXPECT_EQ(memory.verdict, "fragmentation");
    EXPECT_THAT(memory_of({.unmatched_frees = 1000}).verdict, IsEmpty());
}

TEST(Reconciliation, InWindowsWhatIsKeptIsKnownByTheNumberOfBlocks) {
    // A quarter is seen: 40,000 blocks of 1 KiB become fewer by 30,000, of four times as many.
    const auto stays = [](double i) { return i <= 10 ? 20 * i : 200.0; };
    const auto net = [](double i) { return i <= 10 ? 4e3 * i : 4e4 - 6e3 * std::min(5.0, i - 10); };
    Course course{
        .anonymous = stays, .heap = burst(100), .blocks = 1024, .unseen = 0.75, .net = net};
    const ProcessMemory memory = memory_of(course);
    EXPECT_EQ(memory.verdict, "fragmentation");
    EXPECT_THAT(memory.reason, HasSubstr("keeps about 117 MiB that the program has freed: about "
                                         "120,000 more blocks were freed than allocated since it "
                                         "had most, of 1 KiB each as those that are held"));
    EXPECT_THAT(memory.advice, HasSubstr("malloc_trim"));

    // As many would come to a little more than there was: they were smaller.
    course.anonymous = [&](double i) { return stays(i) * 0.55; };
    EXPECT_THAT(memory_of(course).reason, HasSubstr("keeps up to 110 MiB"));
    // What was freed would have been given out again before the memory grows.
    course.anonymous = [&](double i) { return stays(i) + 2 * std::max(0.0, i - 10); };
    EXPECT_THAT(memory_of(course).verdict, IsEmpty());
    // The kernel has it back.
    course.anonymous = [](double i) {
        return i <= 10 ? 20 * i : 200 - 117 * std::min(5.0, i - 10) / 5;
    };
    EXPECT_THAT(memory_of(course).verdict, IsEmpty());
    // Nor can it have held what is said to have come before.
    course.anonymous = [&](double i) { return stays(i) / 10; };
    course.net = [&](double i) { return net(i) / 12; };
    EXPECT_EQ(memory_of(course).verdict, "fragmentation");
    course.net = [](double i) {
        return i <= 10 ? 4e3 * i : 4e4 - 6e3 / 12 * std::min(5.0, i - 10);
    };
    EXPECT_THAT(memory_of(course).verdict, IsEmpty());
    course.net = net;
    // It was there before, and may be of any size.
    course.anonymous = flat;
    course.blocks = 0;
    EXPECT_THAT(memory_of(course).verdict, IsEmpty());
    course.net = [&](double i) { return 10 * net(i); };
    EXPECT_THAT(memory_of(course).reason, HasSubstr("of 16 B each at least"));
    // Threads that end seem to free all the time.
    course.net = [](double i) { return 4e5 - 2e4 * i; };
    EXPECT_THAT(memory_of(course).verdict, IsEmpty());
}

TEST(Reconciliation, CreepingMemoryOfABusySteadyHeapIsFragmentation) {
    EXPECT_EQ(memory_of({.anonymous = rising}).verdict, "fragmentation");
}

TEST(Reconciliation, WhatTheAllocatorWasNeverAskedForIsOutsideTheHeap) {
    const ProcessMemory outside = memory_of({.anonymous = rising, .passed = 10});
    EXPECT_EQ(outside.verdict, "outside the heap");
    EXPECT_THAT(outside.advice, IsEmpty());
    EXPECT_EQ(memory_of({.anonymous = rising}, 90).verdict, "outside the heap");
    const ProcessMemory files = memory_of({.file = rising});
    EXPECT_EQ(files.verdict, "outside the heap");
    EXPECT_THAT(files.reason, HasSubstr("files"));
}

TEST(Reconciliation, HolesAreNoLargerThanWhatIsBetweenThem) {
    // A runtime whose own arenas are mapped: 100 MiB over a heap of 5, through which 300 passed.
    const auto small = [](double i) { return i / 4; };
    const Course runtime{.anonymous = rising, .heap = small, .passed = 300};
    EXPECT_EQ(memory_of(runtime).verdict, "outside the heap");
    EXPECT_THAT(memory_of(runtime).reason, HasSubstr("--source heap,mapping"));
    EXPECT_THAT(memory_of(runtime).advice, IsEmpty());
}

TEST(Reconciliation, WhoMappedItTellsWhereThatWasTraced) {
    // The allocator's own mappings hold the blocks of the steady heap, and nothing else.
    EXPECT_EQ(memory_of({.anonymous = rising, .allocators = 5}).verdict, "outside the heap");
    const ProcessMemory fragmented = memory_of({.anonymous = rising, .allocators = 98});
    EXPECT_EQ(fragmented.verdict, "fragmentation");
    EXPECT_THAT(fragmented.reason, Not(HasSubstr("to tell")));
    EXPECT_EQ(memory_of({.anonymous = rising, .allocators = 98}, 90).verdict, "outside the heap");
}

TEST(Reconciliation, AProcessWithoutMemoryHasNoVerdict) {
    RecordingContents contents;
    contents.snapshots.resize(3);
    contents.window = {0, 2};
    EXPECT_THAT(reconcile(contents, {}, 0).verdict, IsEmpty());
}

TEST(RetentionAdvice, IsOfTheAllocatorsThatAreThere) {
    EXPECT_THAT(retention_advice("jemalloc (redis-server)"), HasSubstr("dirty_decay_ms"));
    EXPECT_THAT(retention_advice("tcmalloc (libtcmalloc.so.4)"), HasSubstr("RELEASE_RATE"));
    EXPECT_THAT(retention_advice("mimalloc (libmimalloc.so.2)"), HasSubstr("PURGE_DELAY"));
    EXPECT_THAT(retention_advice("glibc (libc.so.6)"), HasSubstr("MALLOC_ARENA_MAX"));
    EXPECT_THAT(retention_advice("musl (ld-musl-x86_64.so.1)"), IsEmpty());
}

}  // namespace
}  // namespace seep
