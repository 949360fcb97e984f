// SPDX-License-Identifier: GPL-2.0-only
#include "probes/calibration_unwinding.h"

#include <bpf/bpf.h>

#include <array>
#include <bit>
#include <utility>
#include <vector>

#include "base/handles.h"
#include "bpf/wire.h"
#include "probes/calibration_code.h"

namespace seep {
namespace {

constexpr std::uint32_t table_slot = SEEP_UNWIND_TABLES - 1;
constexpr std::uint32_t rows = 64;
constexpr std::uint32_t first_row = 1;                      // word
constexpr std::uint32_t first_rule = first_row + rows / 2;  // word

/// Laid out as wire.h says: one block, whose rows all have rule 1.
std::vector<std::uint64_t> table_of(const seep_rule& rule) {
    constexpr std::uint32_t bytes_a_row = (1U << SEEP_BLOCK_SHIFT) / rows;
    const auto pair = [](std::uint64_t low, std::uint64_t high) { return low | high << 32; };
    const auto row = [](std::uint32_t index) { return (index * bytes_a_row) << 16 | 1; };
    std::vector<std::uint64_t> words{pair(0, rows)};
    for (std::uint32_t i = 0; i < rows; i += 2) words.push_back(pair(row(i), row(i + 1)));
    const auto rule_words = std::bit_cast<std::array<std::uint64_t, 2>>(rule);
    words.insert(words.end(), {0, 0, rule_words[0], rule_words[1]});
    return words;
}

std::vector<seep_mapping> space_of(const CalibrationStack& stack) {
    seep_mapping count{};
    count.start = 1;
    return {count, seep_mapping{.start = stack.start,
                                .end = stack.end,
                                .bias = 0,
                                .base = stack.start,
                                .table = table_slot,
                                .blocks = 1,
                                .rows = first_row,
                                .rules = first_rule}};
}

/// Makes an array map of the values, and puts it into a slot of `outer` that nothing is in.
template <typename Value>
Result<void> insert(int outer, std::uint32_t slot, std::uint32_t flags,
                    const std::vector<Value>& values) {
    LIBBPF_OPTS(bpf_map_create_opts, options, .map_flags = flags);
    const UniqueFd map(bpf_map_create(BPF_MAP_TYPE_ARRAY, "seep_own", sizeof(std::uint32_t),
                                      sizeof(Value), static_cast<std::uint32_t>(values.size()),
                                      &options));
    if (!map) return errno_error("cannot make a map of seep's own code");
    for (std::uint32_t i = 0; i < values.size(); ++i)
        if (bpf_map_update_elem(map.get(), &i, &values[i], BPF_ANY) != 0)
            return errno_error("cannot fill a map of seep's own code");
    std::uint32_t id = 0;
    if (bpf_map_lookup_elem(outer, &slot, &id) == 0)
        return Error{ErrorKind::failed, "the slot for seep's own code is taken", {}};
    const int fd = map.get();
    if (bpf_map_update_elem(outer, &slot, &fd, BPF_ANY) != 0)
        return errno_error("cannot tell the kernel where seep's own code is");
    return {};
}

}  // namespace

Result<OwnUnwinding> OwnUnwinding::begin(const KernelObject& kernel) {
    const CalibrationStack stack = calibration_stack();
    Result<void> inserted = insert(kernel.unwind_tables_map(), table_slot,
                                   BPF_F_INNER_MAP | BPF_F_MMAPABLE, table_of(stack.rule));
    if (!inserted) return inserted.error();
    OwnUnwinding unwinding(kernel);
    inserted = insert(kernel.unwind_spaces_map(), process_slot, BPF_F_INNER_MAP, space_of(stack));
    if (!inserted) return inserted.error();
    return unwinding;
}

OwnUnwinding::OwnUnwinding(OwnUnwinding&& other) noexcept
    : kernel_(std::exchange(other.kernel_, nullptr)) {}

OwnUnwinding::~OwnUnwinding() {
    if (kernel_ == nullptr) return;
    bpf_map_delete_elem(kernel_->unwind_spaces_map(), &process_slot);
    bpf_map_delete_elem(kernel_->unwind_tables_map(), &table_slot);
}

}  // namespace seep
