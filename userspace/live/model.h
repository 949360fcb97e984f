// SPDX-License-Identifier: GPL-2.0-only
#pragma once

// What a live view shows of a report: which stacks, in which order, and which of them is selected.
// The selection belongs to a stack, not to a place: it stays on it while reports come in and ranks
// change. Until somebody moves it, it is the first row. Not thread-safe.

#include <cstddef>
#include <memory>
#include <string>
#include <vector>

#include "analysis/ranking.h"
#include "analysis/report.h"

namespace seep {

class LiveModel {
 public:
    explicit LiveModel(SortBy sort = SortBy::growth) : sort_(sort) {}

    void show(std::shared_ptr<const Report> report);
    /// Null before the first show().
    [[nodiscard]] const std::shared_ptr<const Report>& report() const { return report_; }

    [[nodiscard]] SortBy sort() const { return sort_; }
    void sort_by(SortBy sort);
    void sort_by_next();

    /// Only stacks with this anywhere in a function, module, file or verdict, in either case;
    /// empty: all.
    [[nodiscard]] const std::string& filter() const { return filter_; }
    void filter_by(std::string text);
    /// Only stacks that a finding could be made of: those that grow, for whatever reason.
    [[nodiscard]] bool only_growing() const { return only_growing_; }
    void toggle_only_growing();

    /// What is left, in order.
    [[nodiscard]] const std::vector<const ReportStack*>& rows() const { return rows_; }
    /// Index of the selected row; 0 if there is none.
    [[nodiscard]] std::size_t selected() const { return selected_; }
    [[nodiscard]] const ReportStack* selected_stack() const;
    /// By so many rows, to the first or last at most.
    void move(std::ptrdiff_t rows);
    void move_to_first();
    void move_to_last();

    /// The first row to show where so many fit: as before, unless the selected one is out of sight.
    std::size_t first_of(std::size_t visible_rows);

 private:
    void arrange();
    void select(std::size_t row);
    [[nodiscard]] bool is_shown(const ReportStack& stack) const;

    std::shared_ptr<const Report> report_;
    SortBy sort_;
    std::string filter_;
    std::string folded_filter_;  ///< In small letters.
    bool only_growing_ = false;
    std::vector<const ReportStack*> rows_;  ///< Into report_.
    std::size_t selected_ = 0;
    std::string selected_id_;  ///< Empty: nobody has moved the selection.
    std::size_t first_ = 0;
};

}  // namespace seep
