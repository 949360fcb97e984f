// SPDX-License-Identifier: GPL-2.0-only
// Links of C++: templates, virtual calls, exceptions in flight, destructors, callbacks of the
// standard library.

#include <algorithm>
#include <array>
#include <functional>
#include <iterator>
#include <new>
#include <stdexcept>
#include <utility>

#include "chains.h"

namespace {

template <int Levels>
struct Nest {
    template <typename... Numbers>
    NOINLINE static long go(int links, Numbers... numbers) {
        const long sum = Nest<Levels - 1>::go(links, numbers..., Levels);
        STAY();
        return sum + Levels;
    }
};

template <>
struct Nest<0> {
    template <typename... Numbers>
    NOINLINE static long go(int links, Numbers... numbers) {
        descend(links);
        STAY();
        return (0 + ... + numbers);
    }
};

void deep_templates(int links) {
    volatile long sum = Nest<7>::go(links);
    (void)sum;
}

struct Base {
    virtual ~Base() = default;
    virtual void go(int links) = 0;
};

struct Derived : Base {
    std::array<char, 40> memory{};
    void go(int links) override {
        descend(links);
        STAY();
    }
};

struct Other : virtual Derived {
    void go(int links) override {
        Derived::go(links);
        STAY();
    }
};

void virtual_call(int links) {
    Derived derived;
    Other other;
    Base& base = links % 2 != 0 ? static_cast<Base&>(derived) : other;
    base.go(links);
    STAY();
}

struct DescendsAtTheEnd {
    int links;
    ~DescendsAtTheEnd() {
        descend(links);
        STAY();
    }
};

NOINLINE void throws() {
    throw std::runtime_error("not caught here");
}

NOINLINE void unwound(int links) {
    const DescendsAtTheEnd guard{links};
    throws();
}

void exception_in_flight(int links) {
    try {
        unwound(links);
    } catch (const std::runtime_error&) {
        STAY();
    }
}

void in_catch(int links) {
    try {
        throws();
    } catch (const std::exception&) {
        descend(links);
        STAY();
    }
}

struct Thrown {
    explicit Thrown(int links) {
        descend(links);
        STAY();
    }
};

void in_thrown_constructor(int links) {
    try {
        throw Thrown(links);
    } catch (const Thrown&) {
        STAY();
    }
}

void in_destructor(int links) {
    const DescendsAtTheEnd guard{links};
    STAY();
}

void through_function(int links) {
    const std::function<void(int)> call = [](int rest) {
        descend(rest);
        STAY();
    };
    call(links);
    STAY();
}

void through_sort(int links) {
    std::array<int, 20> numbers{};
    for (int& number : numbers) number = static_cast<int>(random_below(100));
    bool done = false;
    std::sort(numbers.begin(), numbers.end(), [&](int a, int b) {
        if (!std::exchange(done, true)) descend(links);
        return a < b;
    });
}

void never_throws(int links) noexcept {
    descend(links);
    STAY();
}

constexpr Link cpp_links[] = {deep_templates, virtual_call,  exception_in_flight,
                              in_catch,       in_destructor, in_thrown_constructor,
                              through_sort,   never_throws,  through_function};

}  // namespace

int main(int argc, char** argv) {
    add_allocator(static_cast<Allocate>(&::operator new));
    add_allocator(static_cast<Allocate>(&::operator new[]));
    add_links(cpp_links, std::size(cpp_links));
    run_chains(argc, argv);
    std::exit(0);
}
