// SPDX-License-Identifier: GPL-2.0-only
// exact_threads [THREADS [OPERATIONS]]: every form of allocation and free, growing and shrinking
// realloc, calls that must fail, and frees on another thread than the allocation's. Threads are
// started before the tracer attaches, because starting one allocates.

#include <malloc.h>
#include <pthread.h>

#include <array>
#include <cstring>
#include <limits>
#include <mutex>
#include <new>

#include "workload.h"

namespace {

constexpr std::size_t max_threads = 64;

enum class Kind { none, plain, object, array, aligned_object };

struct Block {
    void* address = nullptr;
    std::size_t size = 0;
    Kind kind = Kind::none;
};

/// Blocks on their way to the thread that is to free them.
class Mailbox {
 public:
    bool put(const Block& block) {
        std::lock_guard lock(mutex_);
        if (count_ == blocks_.size()) return false;
        blocks_[count_++] = block;
        return true;
    }

    bool take(Block& block) {
        std::lock_guard lock(mutex_);
        if (count_ == 0) return false;
        block = blocks_[--count_];
        return true;
    }

 private:
    std::mutex mutex_;
    std::array<Block, 61> blocks_;
    std::size_t count_ = 0;
};

struct Worker {
    pthread_t thread{};
    std::uint64_t random = 0;
    std::uint64_t operations = 0;
    Truth truth;
    std::array<Block, 67> slots;
    Mailbox inbox;
    Mailbox* outbox = nullptr;
};

std::array<Worker, max_threads> workers;
pthread_barrier_t start_line;
pthread_barrier_t finish_line;

// A variable, so that the compiler does not see that the calls with it cannot succeed.
volatile std::size_t impossible_size = std::numeric_limits<std::ptrdiff_t>::max();

std::uint64_t next_random(Worker& worker) {  // xorshift64
    worker.random ^= worker.random << 13;
    worker.random ^= worker.random >> 7;
    worker.random ^= worker.random << 17;
    return worker.random;
}

void release(Worker& worker, Block& block) {
    switch (block.kind) {
        case Kind::none:
            return;
        case Kind::plain:
            free(block.address);
            break;
        case Kind::object:
            ::operator delete(block.address, block.size);
            break;
        case Kind::array:
            ::operator delete[](block.address);
            break;
        case Kind::aligned_object:
            ::operator delete (block.address, block.size, std::align_val_t{64});
            break;
    }
    worker.truth.freed(block.size);
    block = {};
}

void fill(Worker& worker, Block& block) {
    std::size_t size = 1 + next_random(worker) % 3001;
    Kind kind = Kind::plain;
    void* address = nullptr;
    switch (next_random(worker) % 12) {
        case 0:
            address = malloc(size);
            break;
        case 1:
            address = malloc(size = 0);
            break;
        case 2:
            address = calloc(7, size);
            size *= 7;
            break;
        case 3:
            address = realloc(nullptr, size);
            break;
        case 4:
            if (posix_memalign(&address, 32, size) != 0) address = nullptr;
            break;
        case 5:
            address = memalign(256, size);
            break;
        case 6:
            address = aligned_alloc(64, size = size / 64 * 64 + 64);
            break;
        case 7:
            address = strdup("thirty-one characters and a nul");
            size = 32;
            break;
        case 8:
            address = ::operator new(size);
            kind = Kind::object;
            break;
        case 9:
            address = ::operator new[](size);
            kind = Kind::array;
            break;
        case 10:
            address = ::operator new(size, std::nothrow);
            kind = Kind::object;
            break;
        case 11:
            size = size / 64 * 64 + 64;
            address = ::operator new (size, std::align_val_t{64});
            kind = Kind::aligned_object;
            break;
    }
    if (address == nullptr) _exit(1);
    keep(address);
    worker.truth.allocated(size);
    block = {address, size, kind};
}

void resize(Worker& worker, Block& block) {
    std::size_t size = 1 + next_random(worker) % 6007;
    void* address = realloc(block.address, size);
    if (address == nullptr) _exit(1);
    worker.truth.allocated(size);
    worker.truth.freed(block.size);
    block = {address, size, Kind::plain};
}

void fail_to_resize(Worker& worker, Block& block) {
    void* address = realloc(block.address, impossible_size);
    if (address != nullptr) _exit(1);
    worker.truth.failed_count++;
}

/// Calls that give no block, and a free of none. A failing operator new is not among them: even its
/// nothrow form throws within, and the exception is an allocation that the library makes.
void fail(Worker& worker) {
    void* block = nullptr;
    switch (next_random(worker) % 4) {
        case 0:
            block = malloc(impossible_size);
            break;
        case 1:
            block = calloc(impossible_size, impossible_size);
            break;
        case 2:
            if (posix_memalign(&block, 3, 100) == 0) _exit(1);
            break;
        case 3:
            free(block);
            return;
    }
    if (block != nullptr) _exit(1);
    worker.truth.failed_count++;
}

void operate(Worker& worker) {
    Block& block = worker.slots[next_random(worker) % worker.slots.size()];
    std::uint64_t choice = next_random(worker) % 16;
    if (choice == 0) return fail(worker);
    if (block.kind == Kind::none) return fill(worker, block);
    if (choice == 1 && block.kind == Kind::plain) return fail_to_resize(worker, block);
    if (choice < 6 && block.kind == Kind::plain) return resize(worker, block);
    if (choice < 11 && worker.outbox->put(block)) {
        block = {};
        return;
    }
    release(worker, block);
}

void* work(void* argument) {
    auto& worker = *static_cast<Worker*>(argument);
    pthread_barrier_wait(&start_line);
    for (std::uint64_t i = 0; i < worker.operations; i++) {
        operate(worker);
        for (Block block; worker.inbox.take(block);) release(worker, block);
    }
    pthread_barrier_wait(&finish_line);
    // Ending frees what starting allocated: that is not to happen before the last reading.
    for (;;) pause();
}

}  // namespace

int main(int argc, char** argv) {
    std::size_t threads = number_argument(argc, argv, 1, 2);
    std::uint64_t operations = number_argument(argc, argv, 2, 10'007);
    if (threads < 1 || threads > max_threads) return 2;

    pthread_barrier_init(&start_line, nullptr, threads + 1);
    pthread_barrier_init(&finish_line, nullptr, threads + 1);
    for (std::size_t i = 0; i < threads; i++) {
        Worker& worker = workers[i];
        worker.random = 0x9e3779b97f4a7c15 * (i + 1);
        worker.operations = operations;
        worker.outbox = &workers[(i + 1) % threads].inbox;
        if (pthread_create(&worker.thread, nullptr, work, &worker) != 0) return 1;
    }

    wait_until_attached();
    pthread_barrier_wait(&start_line);
    pthread_barrier_wait(&finish_line);
    Truth sum;
    for (std::size_t i = 0; i < threads; i++) sum += workers[i].truth;
    tell_truth_and_exit(sum);
}
