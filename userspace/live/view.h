// SPDX-License-Identifier: GPL-2.0-only
#pragma once

// What the screen shows: lines of text, styled as a Page has them. Pure but for the model's place.

#include <cstddef>
#include <optional>
#include <string>
#include <vector>

#include "live/controls.h"
#include "live/model.h"
#include "live/summary.h"

namespace seep {

struct LiveSize {
    std::size_t lines = 24;
    std::size_t columns = 80;
    bool operator==(const LiveSize&) const = default;
};
/// The least that a view is drawn on.
inline constexpr LiveSize least_live_size{12, 60};
bool is_too_small(const LiveSize& size);

struct LiveScreen {
    std::vector<std::string> lines;       ///< At most as many as the size has.
    std::optional<std::size_t> selected;  ///< The line to highlight.
};

/// On a size that is too small, a line that says so. The model has a report.
LiveScreen draw(LiveModel& model, LiveControls& controls, const LiveStatus& status,
                const LiveSize& size);

/// The same without keys, for a file or a pipe: summary and the first `top` rows (0: all).
std::string batch_text(const LiveModel& model, const LiveStatus& status, std::size_t columns,
                       std::size_t top);

}  // namespace seep
