// SPDX-License-Identifier: GPL-2.0-only
#pragma once

// An object's unwind table, in the layout that the kernel side walks (bpf/wire.h, "Unwind tables"),
// and what makes one out of rules. Addresses are the object's own. Not thread-safe while building.

#include <array>
#include <cstdint>
#include <unordered_map>
#include <vector>

#include "base/result.h"
#include "bpf/wire.h"
#include "unwind/rules.h"

namespace seep {

struct UnwindCounts {
    std::uint64_t functions = 0;
    std::uint64_t rows = 0;
    std::uint64_t rules = 0;
    std::uint64_t cfi_rows = 0;  ///< Before neighbours with the same rule became one row.
    std::array<std::uint64_t, unsupported_reasons> unsupported{};  ///< CFI rows, by Unsupported.
    std::uint64_t unusable_entries = 0;   ///< FDEs and CIEs that make no sense.
    std::uint64_t functions_outside = 0;  ///< FDEs of what is no code of the object.
};

struct UnwindTable {
    std::vector<std::uint64_t> words;
    std::uint64_t base = 0;  ///< Address of block 0.
    std::uint32_t blocks = 0;
    std::uint32_t rows = 0;   ///< Word of the first row.
    std::uint32_t rules = 0;  ///< Word of the first rule.
    UnwindCounts counts;
};

/// The rule at an address, as the kernel finds it; SEEP_CFA_UNKNOWN where there is none.
seep_rule find_rule(const UnwindTable& table, std::uint64_t address);

class TableBuilder {
 public:
    TableBuilder();

    /// Ranges come ascending; what overlaps an earlier one is left to that.
    void add(std::uint64_t start, std::uint64_t end, const TranslatedRule& rule);
    /// No more can be added: the table would be larger than any object's should be.
    [[nodiscard]] bool full() const;
    /// An error if nothing was added, or too much.
    Result<UnwindTable> finish(UnwindCounts counts) &&;

 private:
    struct RuleHash {
        std::size_t operator()(const std::array<std::uint64_t, 2>& rule) const;
    };

    void add_row(std::uint64_t address, std::uint16_t rule);
    std::uint16_t number_of(const TranslatedRule& rule);

    std::unordered_map<std::array<std::uint64_t, 2>, std::uint16_t, RuleHash> numbers_;
    std::vector<std::uint64_t> rules_;
    std::vector<std::uint32_t> rows_;
    std::vector<std::uint32_t> block_rows_;
    std::array<std::uint64_t, unsupported_reasons> unsupported_{};
    std::uint64_t base_ = 0;
    std::uint64_t end_ = 0;
    std::uint16_t last_rule_ = 0;
    bool started_ = false;
};

}  // namespace seep
