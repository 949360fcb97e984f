// SPDX-License-Identifier: GPL-2.0-only
#pragma once

// A page of text for a terminal, put together line by line. Not thread-safe.

#include <fmt/format.h>

#include <algorithm>
#include <cstddef>
#include <optional>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "analysis/report.h"
#include "base/text.h"
#include "output/text_report.h"

namespace seep {

enum class Style { bold, dim, red, yellow, green };

/// Lines of at most `width` columns, styled if asked. Styles do not count as columns.
class Page {
 public:
    explicit Page(const TextOptions& options)
        : color_(options.color), width_(std::max<std::size_t>(options.width, 40)) {}

    [[nodiscard]] std::size_t width() const { return width_; }

    [[nodiscard]] std::string styled(Style style, std::string_view text) const {
        static constexpr std::string_view codes[] = {"1", "2", "1;31", "1;33", "32"};
        if (!color_) return std::string(text);
        return fmt::format("\x1b[{}m{}\x1b[0m", codes[static_cast<std::size_t>(style)], text);
    }

    void line(std::string_view text = {}) {
        text_ += text;
        text_ += '\n';
    }

    /// `label` in a column of its own, `indent` wide, then `words` wrapped beside it.
    void paragraph(std::string_view label, std::size_t indent, std::string_view words,
                   std::optional<Style> label_style = std::nullopt) {
        std::string column = fmt::format("{:{}}", label, indent);
        if (label_style) column = styled(*label_style, column);
        line(wrap_words(column, indent, words, width_));
    }

    [[nodiscard]] std::string take() { return std::exchange(text_, {}); }
    [[nodiscard]] std::vector<std::string> take_lines() {
        std::vector<std::string> lines;
        std::string_view rest = text_;
        while (!rest.empty()) {
            const std::size_t end = rest.find('\n');
            lines.emplace_back(rest.substr(0, end));
            rest.remove_prefix(end + 1);  // line() ends every line
        }
        text_.clear();
        return lines;
    }

 private:
    bool color_;
    std::size_t width_;
    std::string text_;
};

/// How a verdict is shown where there is colour.
inline Style verdict_style(std::string_view verdict) {
    if (verdict == "leak" || verdict == "growing") return Style::red;
    if (verdict == "steady") return Style::green;
    if (verdict == "undetermined") return Style::bold;
    return Style::yellow;
}

}  // namespace seep
