// SPDX-License-Identifier: GPL-2.0-only
//
// What symbolizer_test compiles in several ways: functions that are inlined and copied, local and
// public, C++ and C.
#include <cstdio>
#include <cstdlib>
#include <string>
#include <vector>

namespace shop {
namespace {

struct Item {
    std::string name;
    int price = 0;
};

__attribute__((noinline)) int weigh(const Item& item) {
    return item.price * 3 + static_cast<int>(item.name.size());
}

int twice(int number) {
    return std::rand() + number * 2;
}

}  // namespace

class Store {
 public:
    void fill(int count) {
        for (int i = 0; i < count; ++i) items_.push_back({std::to_string(i), twice(i)});
    }
    __attribute__((noinline)) int total(int factor) const {
        int sum = 0;
        for (const Item& item : items_) sum += weigh(item) * factor + twice(item.price);
        return sum;
    }

 private:
    std::vector<Item> items_;
};

}  // namespace shop

static inline __attribute__((always_inline)) void* make(std::size_t size) {
    return std::malloc(size);  // The call that the test asks for.
}

extern "C" __attribute__((noinline)) void* exported_make(std::size_t size) {
    void* block = make(size + 1);
    std::puts("made");
    return block;
}

int main(int argc, char**) {
    shop::Store store;
    store.fill(argc * 10);
    void* block = exported_make(static_cast<std::size_t>(argc));
    std::printf("%d\n", store.total(argc));
    std::free(block);
}
