// SPDX-License-Identifier: GPL-2.0-only
// libFuzzer: any bytes as mappings, table, registers and stack. A walk ends, reads nothing outside,
// and takes a bounded number of reads; what is taken for a walk from before is the same walk.
#include <algorithm>
#include <cstdint>
#include <cstdlib>
#include <cstring>
#include <vector>

#include "unwind/native_walk.h"

namespace {

constexpr std::uint64_t stack_start = 0x10000;
constexpr std::size_t page_bytes = 4096;
/// Two searches of a few look-ups each and some words of stack, for each frame.
constexpr std::uint64_t most_reads = 1 + SEEP_MAX_FRAMES * 64;

class Input {
 public:
    Input(const std::uint8_t* data, std::size_t size) : data_(data), size_(size) {}
    template <typename Value>
    std::vector<Value> take(std::size_t count) {
        std::vector<Value> values(count);
        const std::size_t bytes = std::min(size_, count * sizeof(Value));
        if (bytes > 0) std::memcpy(values.data(), data_, bytes);
        data_ += bytes;
        size_ -= bytes;
        return values;
    }

 private:
    const std::uint8_t* data_;
    std::size_t size_;
};

struct Change {
    std::uint16_t at;
    unsigned char to;
};

bool same(const seep_stack& one, const seep_stack& other) {
    return one.depth == other.depth && one.end == other.end &&
           std::equal(one.frames, one.frames + one.depth, other.frames);
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
    Input input(data, size);
    const auto counts = input.take<std::uint8_t>(3);
    const auto registers = input.take<native_registers>(1);
    const auto mappings = input.take<seep_mapping>(1 + counts[0] % 8);
    const auto table = input.take<std::uint64_t>(1 + counts[1]);
    auto stack = input.take<unsigned char>(counts[2] * std::size_t{8});
    stack.resize(page_bytes);
    const native_table only{1, static_cast<std::uint32_t>(table.size()), table.data()};
    const native_world world{mappings.data(), static_cast<std::uint32_t>(mappings.size()),
                             &only,           1,
                             stack_start,     stack.data(),
                             stack.size()};
    seep_stack walked{};
    const std::uint64_t reads = native_walk(&world, registers.data(), &walked);
    if (reads > most_reads || walked.depth < 2 || walked.depth > SEEP_MAX_FRAMES ||
        walked.end > SEEP_STACK_UNSUPPORTED) {
        std::abort();
    }

    // The thread goes on: some of its stack and its registers change.
    const auto changes = input.take<Change>(4);
    auto later = stack;
    for (const Change& change : changes)
        if (!later.empty()) later[change.at % later.size()] = change.to;
    native_registers now = registers[0];
    if (changes[0].at % 2 != 0) now.fp = changes[0].to;
    if (changes[1].at % 2 != 0) now.bx = changes[1].to;
    native_world then = world;
    then.stack = later.data();
    if (native_remembers(&then, &now) != 0) {
        seep_stack again{};
        native_walk(&then, &now, &again);
        if (!same(walked, again)) std::abort();
    }

    // And from anywhere on, with as many frames as there may be.
    const auto from = input.take<seep_deferred_walk>(1);
    native_walk_on(&world, from.data(), &walked);
    if (walked.depth > SEEP_MAX_FRAMES || walked.end > SEEP_STACK_UNSUPPORTED) std::abort();
    return 0;
}
