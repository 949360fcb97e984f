// SPDX-License-Identifier: GPL-2.0-only
// Every form of operator new, each with every form of operator delete that fits it. Of each pair a
// prime number of blocks is made and one of them is leaked.

#include <new>

#include "workload.h"

namespace {

// A multiple of the alignment: libstdc++ rounds the size up before it asks the allocator.
constexpr std::size_t block_size = 1'088;
constexpr int blocks_of_a_pair = 31;
constexpr std::align_val_t alignment{64};
using std::nothrow;

using New = void* (*)();
using Delete = void (*)(void*);

constexpr New plain_news[] = {
    [] { return ::operator new(block_size); },
    [] { return ::operator new(block_size, nothrow); },
};
constexpr Delete plain_deletes[] = {
    [](void* block) { ::operator delete(block); },
    [](void* block) { ::operator delete(block, block_size); },
    [](void* block) { ::operator delete(block, nothrow); },
};
constexpr New array_news[] = {
    [] { return ::operator new[](block_size); },
    [] { return ::operator new[](block_size, nothrow); },
};
constexpr Delete array_deletes[] = {
    [](void* block) { ::operator delete[](block); },
    [](void* block) { ::operator delete[](block, block_size); },
    [](void* block) { ::operator delete[](block, nothrow); },
};
constexpr New aligned_news[] = {
    [] { return ::operator new(block_size, alignment); },
    [] { return ::operator new(block_size, alignment, nothrow); },
};
constexpr Delete aligned_deletes[] = {
    [](void* block) { ::operator delete(block, alignment); },
    [](void* block) { ::operator delete(block, block_size, alignment); },
    [](void* block) { ::operator delete(block, alignment, nothrow); },
};
constexpr New aligned_array_news[] = {
    [] { return ::operator new[](block_size, alignment); },
    [] { return ::operator new[](block_size, alignment, nothrow); },
};
constexpr Delete aligned_array_deletes[] = {
    [](void* block) { ::operator delete[](block, alignment); },
    [](void* block) { ::operator delete[](block, block_size, alignment); },
    [](void* block) { ::operator delete[](block, alignment, nothrow); },
};

Truth truth;

void use(New make, Delete release) {
    for (int i = 0; i < blocks_of_a_pair; i++) {
        void* block = make();
        keep(block);
        truth.allocated(block_size);
        if (i == 0) continue;
        release(block);
        truth.freed(block_size);
    }
}

template <std::size_t N, std::size_t M>
void use_all(const New (&news)[N], const Delete (&deletes)[M]) {
    for (New make : news)
        for (Delete release : deletes) use(make, release);
}

}  // namespace

int main() {
    wait_until_attached();
    use_all(plain_news, plain_deletes);
    use_all(array_news, array_deletes);
    use_all(aligned_news, aligned_deletes);
    use_all(aligned_array_news, aligned_array_deletes);
    tell_truth_and_exit(truth);
}
