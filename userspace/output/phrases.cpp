// SPDX-License-Identifier: GPL-2.0-only
#include "output/phrases.h"

#include <fmt/format.h>

#include <algorithm>

#include "base/text.h"

namespace seep {

std::string signed_bytes(double bytes) {
    return (bytes > 0 ? "+" : "") + format_bytes(bytes);
}

std::string percent(double share) {
    return share > 0 && share < 0.001 ? "under 0.1 %" : fmt::format("{:.3g} %", share * 100);
}

const char* kind_text(StackKind kind) {
    switch (kind) {
        case StackKind::mapping:
            return "  (mapping, not heap)";
        case StackKind::fault:
            return "  (pages touched)";
        case StackKind::heap:
            break;
    }
    return "";
}

std::string lapsed_text(const Totals& totals) {
    if (totals.lapsed_count == 0) return {};
    return fmt::format(" + {} lapsed", format_bytes(static_cast<double>(totals.lapsed_bytes)));
}

std::string live_text(const Totals& totals, const std::optional<double>& standard_error) {
    std::string text = format_bytes(static_cast<double>(totals.live_bytes()));
    if (standard_error) text += " ± " + format_bytes(*standard_error);
    return text;
}

std::string losses_text(const Losses& losses) {
    std::string text;
    for (std::size_t loss = 0; loss < losses.size(); ++loss) {
        if (losses[loss] == 0) continue;
        std::string name = loss_name(loss);
        std::replace(name.begin(), name.end(), '_', ' ');
        if (losses[loss] == 1 && name.ends_with('s')) name.pop_back();
        text += fmt::format("{}{} {}", text.empty() ? "" : ", ", format_count(losses[loss]), name);
    }
    return text.empty() ? "none" : text;
}

}  // namespace seep
