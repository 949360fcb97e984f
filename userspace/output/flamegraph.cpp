// SPDX-License-Identifier: GPL-2.0-only
#include "output/flamegraph.h"

#include <fmt/format.h>

#include <algorithm>
#include <cmath>
#include <limits>
#include <map>
#include <nlohmann/json.hpp>
#include <string_view>

#include "base/text.h"
#include "output/flame_tree.h"
#include "output/flamegraph_assets.h"

namespace seep {
namespace {

constexpr std::size_t max_frames = 10'000;  // What a browser lays out in a fraction of a second.
constexpr std::size_t max_name_bytes = 1024;

// Pixels. flamegraph.js is handed those that it lays out with.
constexpr double page_width = 1200;
constexpr double margin = 12;
constexpr double top = 92;     // Title, subtitle, toolbar.
constexpr double bottom = 34;  // Legend.
constexpr double row = 19;
constexpr double frame_height = 18;
constexpr double label_padding = 5;
// A column of 12px monospaced text; the widest of the usual fonts.
constexpr double column_width = 7.4;
constexpr std::size_t least_label_columns = 5;

/// Any bytes as XML character data, also within double quotes.
std::string xml(std::string_view text, std::size_t max_bytes = max_name_bytes) {
    std::string escaped;
    for (const char c : printable(text, max_bytes)) {
        switch (c) {
            case '&':
                escaped += "&amp;";
                break;
            case '<':
                escaped += "&lt;";
                break;
            case '>':
                escaped += "&gt;";
                break;
            case '"':
                escaped += "&quot;";
                break;
            default:
                escaped += c;
        }
    }
    return escaped;
}

/// FNV-1a: the same name has the same colour in every graph.
std::uint32_t hash(std::string_view text) {
    std::uint32_t value = 2166136261;
    for (const char c : text) value = (value ^ static_cast<unsigned char>(c)) * 16777619;
    return value;
}

/// What functions of one library or class have in common: the name up to its first separator.
std::string_view family(std::string_view name) {
    name.remove_prefix(std::min(name.find_first_not_of('_'), name.size()));
    return name.substr(0, name.find_first_of(":_<(."));
}

std::string palette_class(const FlameFrame& frame) {
    switch (frame.kind) {
        case FrameKind::root:
            return "root";
        case FrameKind::allocator:
            return "alloc";
        case FrameKind::unknown:
        case FrameKind::truncated:
            return "unknown";
        case FrameKind::merged:
            return "merged";
        case FrameKind::function:
            break;
    }
    return fmt::format("h{} s{}", hash(family(frame.name)) % 6, hash(frame.name) / 6 % 3);
}

/// Shade of a difference, 1 to 4; the square root keeps small ones visible.
std::string difference_class(const FlameFrame& frame, double greatest) {
    const double difference = static_cast<double>(frame.value) - static_cast<double>(frame.base);
    if (difference == 0 || greatest == 0) return "same";
    const double shade = std::ceil(4 * std::sqrt(std::abs(difference) / greatest));
    return fmt::format("{}{}", difference > 0 ? "grew" : "shrank", static_cast<int>(shade));
}

double greatest_difference(const std::vector<FlameFrame>& frames) {
    double greatest = 0;
    for (const FlameFrame& frame : frames) {
        greatest = std::max(
            greatest, std::abs(static_cast<double>(frame.value) - static_cast<double>(frame.base)));
    }
    return greatest;
}

/// Ten-thousandths of a pixel: neighbours meet exactly after rounding, too.
double rounded(double pixels) {
    return std::round(pixels * 1e4) / 1e4;
}

std::string number(double pixels) {
    return fmt::format("{:.10g}", rounded(pixels));
}

std::string frame_label(const FlameFrame& frame) {
    if (frame.kind == FrameKind::merged) return format_count(frame.siblings) + " more";
    return printable(frame.name, max_name_bytes);
}

std::string root_name(const FlameFrame& root, StackValue value) {
    if (root.value == 0) return "nothing to show";
    const std::string count = format_count(static_cast<std::uint64_t>(root.count)) + " blocks";
    if (value == StackValue::count) return "all, " + count;
    return fmt::format("all, {} in {}", format_bytes(static_cast<double>(root.value)), count);
}

class Drawing {
 public:
    Drawing(const std::vector<FlameFrame>& frames, bool is_difference)
        : frames_(frames), is_difference_(is_difference), greatest_(greatest_difference(frames)) {}

    [[nodiscard]] double height() const {
        std::size_t depth = 0;
        for (const FlameFrame& frame : frames_) depth = std::max(depth, frame.depth);
        return top + static_cast<double>(depth + 1) * row + bottom;
    }

    [[nodiscard]] std::string rects() const {
        std::string text;
        for (const FlameFrame& frame : frames_) {
            const double x = rounded(left(frame));
            const double width = rounded(right(frame)) - x;
            text += fmt::format(R"(<rect class="{}{}" x="{}" y="{}" width="{}" height="{}"/>)"
                                "\n",
                                color(frame), width < 3 ? " thin" : "", number(x), number(y(frame)),
                                number(width), frame_height);
        }
        return text;
    }

    [[nodiscard]] std::string labels() const {
        std::string text;
        for (const FlameFrame& frame : frames_) {
            const double room = (right(frame) - left(frame) - 2 * label_padding) / column_width;
            if (room < least_label_columns) continue;
            text += fmt::format(
                R"(<text x="{}" y="{}">{}</text>)"
                "\n",
                number(left(frame) + label_padding), number(y(frame) + frame_height - 5),
                xml(fit_columns(frame_label(frame), static_cast<std::size_t>(room))));
        }
        return text;
    }

 private:
    [[nodiscard]] std::string color(const FlameFrame& frame) const {
        return is_difference_ ? difference_class(frame, greatest_) : palette_class(frame);
    }

    [[nodiscard]] double left(const FlameFrame& frame) const { return edge(frame.start); }

    /// The root fills the page even if there is nothing to show.
    [[nodiscard]] double right(const FlameFrame& frame) const {
        if (frame.kind == FrameKind::root) return page_width - margin;
        return edge(saturating_add(frame.start, frame.value));
    }

    /// Where a position among the values is on the page.
    [[nodiscard]] double edge(std::int64_t position) const {
        const double total = std::max(static_cast<double>(frames_[0].value), 1.0);
        return margin + static_cast<double>(position) / total * (page_width - 2 * margin);
    }

    static double y(const FlameFrame& frame) {
        return top + static_cast<double>(frame.depth) * row;
    }

    const std::vector<FlameFrame>& frames_;
    bool is_difference_;
    double greatest_;
};

/// A number that a script reads without loss: beyond 2^53 as text.
nlohmann::json exact(std::int64_t value) {
    constexpr std::int64_t limit = std::int64_t{1} << 53;
    if (value >= -limit && value <= limit) return value;
    return std::to_string(value);
}

/// What the script shows and computes with: each name once, and of each frame, in the order of the
/// rectangles: depth, index of the name, value, count, value in the base, and frames merged into
/// it.
std::string data(const std::vector<FlameFrame>& frames, StackValue value, bool is_difference) {
    nlohmann::json names = nlohmann::json::array();
    nlohmann::json numbers = nlohmann::json::array();
    std::map<std::string, std::size_t> ids;
    for (const FlameFrame& frame : frames) {
        const auto [id, added] = ids.try_emplace(frame_label(frame), ids.size());
        if (added) names.push_back(id->first);
        numbers.insert(numbers.end(), {frame.depth, id->second, exact(frame.value),
                                       exact(frame.count), exact(frame.base), frame.siblings});
    }
    const nlohmann::json json{{"names", std::move(names)},
                              {"frames", std::move(numbers)},
                              {"unit", value == StackValue::count ? "blocks" : "bytes"},
                              {"difference", is_difference},
                              {"margin", margin},
                              {"padding", label_padding}};
    return xml(json.dump(), std::numeric_limits<std::size_t>::max());
}

struct LegendEntry {
    const char* color;
    const char* text;
};

std::string legend(bool is_difference, double y) {
    static const std::vector<LegendEntry> kinds{{"h2", "function (hue by library or class)"},
                                                {"alloc", "allocator's function"},
                                                {"unknown", "no symbol"},
                                                {"merged", "too narrow, merged"}};
    static const std::vector<LegendEntry> differences{{"grew4", "grew most"},
                                                      {"grew1", "grew"},
                                                      {"same", "as before"},
                                                      {"shrank1", "shrank"},
                                                      {"shrank4", "shrank most"}};
    std::string text;
    double x = margin;
    for (const LegendEntry& entry : is_difference ? differences : kinds) {
        text += fmt::format(R"(<rect class="{}" x="{}" y="{}" width="11" height="11"/>)"
                            R"(<text x="{}" y="{}">{}</text>)"
                            "\n",
                            entry.color, x, y, x + 16, y + 10, entry.text);
        x += 16 + 5.9 * static_cast<double>(std::string_view(entry.text).size()) + 18;
    }
    return text;
}

constexpr const char* document = R"(<?xml version="1.0" encoding="UTF-8"?>
<svg xmlns="http://www.w3.org/2000/svg" class="seep" width="{width}" height="{height}" viewBox="0 0 {width} {height}">
<title>{title}</title>
<style><![CDATA[
{style}]]></style>
<rect class="page" width="100%" height="100%"/>
<text class="title" x="{margin}" y="28">{title}</text>
<text class="subtitle" x="{margin}" y="48">{subtitle}</text>
<g class="toolbar"/>
<g class="frames">
{rects}</g>
<g class="labels">
{labels}</g>
<g class="legend">
{legend}</g>
<script type="application/json">{data}</script>
<script><![CDATA[{script}]]></script>
</svg>
)";

}  // namespace

std::string flame_graph(const std::vector<FoldedStack>& stacks, const FlameOptions& options,
                        const FlameBase* base) {
    const bool is_difference = base != nullptr;
    std::vector<FlameFrame> frames =
        flame_tree(stacks, is_difference ? &base->stacks : nullptr, max_frames);
    const std::string subtitle = options.subtitle + (is_difference ? "; " + base->text : "");
    frames[0].name = root_name(frames[0], options.value);
    const Drawing drawing(frames, is_difference);
    const double height = drawing.height();
    return fmt::format(document, fmt::arg("width", page_width), fmt::arg("height", height),
                       fmt::arg("margin", margin), fmt::arg("style", flamegraph_style),
                       fmt::arg("script", flamegraph_script), fmt::arg("title", xml(options.title)),
                       fmt::arg("subtitle", xml(subtitle)), fmt::arg("rects", drawing.rects()),
                       fmt::arg("labels", drawing.labels()),
                       fmt::arg("legend", legend(is_difference, height - 22)),
                       fmt::arg("data", data(frames, options.value, is_difference)));
}

}  // namespace seep
