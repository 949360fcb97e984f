// SPDX-License-Identifier: GPL-2.0-only
#include "live/model.h"

#include <algorithm>
#include <array>
#include <cctype>
#include <string_view>
#include <utility>

namespace seep {
namespace {

constexpr std::array sort_order{SortBy::growth, SortBy::live, SortBy::count, SortBy::allocated};

/// ASCII alone: names in programs hardly have other letters.
std::string small_letters(std::string_view text) {
    std::string result(text);
    std::ranges::transform(result, result.begin(),
                           [](unsigned char c) { return static_cast<char>(std::tolower(c)); });
    return result;
}

bool contains(std::string_view text, const std::string& folded) {
    return small_letters(text).find(folded) != std::string::npos;
}

bool grows(Verdict verdict) {
    return verdict != Verdict::steady && verdict != Verdict::undetermined;
}

}  // namespace

void LiveModel::show(std::shared_ptr<const Report> report) {
    report_ = std::move(report);
    arrange();
}

void LiveModel::sort_by(SortBy sort) {
    sort_ = sort;
    arrange();
}

void LiveModel::sort_by_next() {
    const auto now = std::ranges::find(sort_order, sort_);
    sort_by(now + 1 == sort_order.end() ? sort_order.front() : *(now + 1));
}

void LiveModel::filter_by(std::string text) {
    filter_ = std::move(text);
    folded_filter_ = small_letters(filter_);
    arrange();
}

void LiveModel::toggle_only_growing() {
    only_growing_ = !only_growing_;
    arrange();
}

bool LiveModel::is_shown(const ReportStack& stack) const {
    if (only_growing_ && !grows(stack.verdict)) return false;
    if (folded_filter_.empty() || contains(verdict_name(stack.verdict), folded_filter_))
        return true;
    return std::ranges::any_of(stack.frames, [&](const ReportFrame& frame) {
        return contains(frame_name(frame), folded_filter_) ||
               contains(frame.module, folded_filter_) || contains(frame.file, folded_filter_);
    });
}

void LiveModel::arrange() {
    rows_.clear();
    if (!report_) return;
    for (const ReportStack& stack : report_->stacks)
        if (is_shown(stack)) rows_.push_back(&stack);
    std::ranges::sort(rows_, [&](const ReportStack* a, const ReportStack* b) {
        return ranks_before(*a, *b, sort_);
    });
    const auto found = std::ranges::find(rows_, selected_id_, &ReportStack::id);
    selected_ =
        found == rows_.end() ? 0 : static_cast<std::size_t>(std::distance(rows_.begin(), found));
}

const ReportStack* LiveModel::selected_stack() const {
    return selected_ < rows_.size() ? rows_[selected_] : nullptr;
}

void LiveModel::select(std::size_t row) {
    selected_ = row;
    selected_id_ = rows_[row]->id;
}

void LiveModel::move(std::ptrdiff_t rows) {
    if (rows_.empty()) return;
    const auto last = static_cast<std::ptrdiff_t>(rows_.size() - 1);
    const auto to =
        std::clamp(static_cast<std::ptrdiff_t>(selected_) + rows, std::ptrdiff_t{0}, last);
    select(static_cast<std::size_t>(to));
}

void LiveModel::move_to_first() {
    selected_ = 0;
    selected_id_.clear();
}

void LiveModel::move_to_last() {
    if (!rows_.empty()) select(rows_.size() - 1);
}

std::size_t LiveModel::first_of(std::size_t visible_rows) {
    visible_rows = std::max<std::size_t>(visible_rows, 1);
    const std::size_t most = rows_.size() > visible_rows ? rows_.size() - visible_rows : 0;
    first_ = std::min(first_, std::min(selected_, most));
    if (selected_ >= first_ + visible_rows) first_ = selected_ - visible_rows + 1;
    return first_;
}

}  // namespace seep
