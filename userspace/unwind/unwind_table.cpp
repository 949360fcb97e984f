// SPDX-License-Identifier: GPL-2.0-only
#include "unwind/unwind_table.h"

#include <algorithm>
#include <bit>
#include <cstring>

#include "target/elf_reading.h"

namespace seep {
namespace {

// LLVM 14, with 50 MB of code, has 950,000.
constexpr std::size_t max_rows = 16U << 20;
constexpr std::uint64_t max_code_bytes = 4ULL << 30;
constexpr std::uint64_t block_bytes = 1ULL << SEEP_BLOCK_SHIFT;

constexpr std::uint16_t unknown_number = 0;
constexpr std::uint16_t unsupported_number = 1;
constexpr std::size_t max_rules = 65536;

using RuleWords = std::array<std::uint64_t, 2>;

/// Two 32-bit numbers a word, the even one in its low half.
std::uint32_t half_word(const std::vector<std::uint64_t>& words, std::size_t first,
                        std::size_t index) {
    return static_cast<std::uint32_t>(words[first + index / 2] >> (index % 2 * 32));
}

void append_half_words(std::vector<std::uint64_t>& words,
                       const std::vector<std::uint32_t>& numbers) {
    for (std::size_t i = 0; i < numbers.size(); i += 2) {
        const std::uint64_t high = i + 1 < numbers.size() ? numbers[i + 1] : 0;
        words.push_back(high << 32 | numbers[i]);
    }
}

std::uint32_t row_offset(std::uint32_t row) {
    return row >> 16;
}

}  // namespace

seep_rule find_rule(const UnwindTable& table, std::uint64_t address) {
    const std::uint64_t block = (address - table.base) >> SEEP_BLOCK_SHIFT;
    if (address < table.base || block >= table.blocks) return {};
    const auto offset = static_cast<std::uint32_t>((address - table.base) % block_bytes);
    // The last row that begins at or before the address; it may be one of an earlier block.
    std::uint32_t low = half_word(table.words, 0, block);
    std::uint32_t high = half_word(table.words, 0, block + 1);
    while (low < high) {
        const std::uint32_t middle = low + (high - low) / 2;
        if (row_offset(half_word(table.words, table.rows, middle)) <= offset) {
            low = middle + 1;
        } else {
            high = middle;
        }
    }
    if (low == 0) return {};
    const std::uint32_t number = half_word(table.words, table.rows, low - 1) & 0xffff;
    seep_rule rule{};
    std::memcpy(&rule, &table.words[table.rules + 2 * number], sizeof rule);
    return rule;
}

std::size_t TableBuilder::RuleHash::operator()(const RuleWords& rule) const {
    constexpr std::uint64_t odd = 0x9e3779b97f4a7c15;
    return (rule[0] * odd ^ std::rotr(rule[1] * odd, 32)) * odd >> 16;
}

TableBuilder::TableBuilder() {
    number_of({});
    number_of(unsupported_rule(Unsupported::none));
}

std::uint16_t TableBuilder::number_of(const TranslatedRule& rule) {
    ++unsupported_[static_cast<std::size_t>(rule.reason)];
    const auto words = std::bit_cast<RuleWords>(rule.rule);
    const std::size_t next = rules_.size() / words.size();
    if (const auto known = numbers_.find(words); known != numbers_.end()) return known->second;
    if (next == max_rules) {
        ++unsupported_[static_cast<std::size_t>(Unsupported::too_many_rules)];
        return unsupported_number;
    }
    numbers_.emplace(words, static_cast<std::uint16_t>(next));
    rules_.insert(rules_.end(), words.begin(), words.end());
    return static_cast<std::uint16_t>(next);
}

bool TableBuilder::full() const {
    return rows_.size() >= max_rows || end_ - base_ > max_code_bytes;
}

void TableBuilder::add(std::uint64_t start, std::uint64_t end, const TranslatedRule& rule) {
    if (!started_) base_ = end_ = start;
    started_ = true;
    start = std::max(start, end_);
    if (start >= end || full()) return;
    if (start > end_) add_row(end_, unknown_number);
    end_ = end;
    if (!full()) add_row(start, number_of(rule));
}

void TableBuilder::add_row(std::uint64_t address, std::uint16_t rule) {
    if (rule == last_rule_) return;
    last_rule_ = rule;
    const std::uint64_t block = (address - base_) >> SEEP_BLOCK_SHIFT;
    if (block_rows_.size() <= block) {
        block_rows_.resize(block + 1, static_cast<std::uint32_t>(rows_.size()));
    }
    const auto offset = static_cast<std::uint32_t>((address - base_) % block_bytes);
    rows_.push_back(offset << 16 | rule);
}

Result<UnwindTable> TableBuilder::finish(UnwindCounts counts) && {
    if (!started_) return bad_elf("its .eh_frame describes no code");
    if (full()) return bad_elf("its .eh_frame describes more code than can be");
    // Where the code ends with its last block, that is its end.
    if ((end_ - base_) % block_bytes != 0) add_row(end_, unknown_number);
    UnwindTable table;
    table.base = base_;
    table.blocks = static_cast<std::uint32_t>((end_ - base_ + block_bytes - 1) / block_bytes);
    block_rows_.resize(table.blocks + 1, static_cast<std::uint32_t>(rows_.size()));
    append_half_words(table.words, block_rows_);
    table.rows = static_cast<std::uint32_t>(table.words.size());
    append_half_words(table.words, rows_);
    table.rules = static_cast<std::uint32_t>(table.words.size());
    table.words.insert(table.words.end(), rules_.begin(), rules_.end());
    counts.rows = rows_.size();
    counts.rules = rules_.size() / 2;
    counts.unsupported = unsupported_;
    for (const std::uint64_t count : unsupported_) counts.cfi_rows += count;
    table.counts = counts;
    return table;
}

}  // namespace seep
