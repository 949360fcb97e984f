// SPDX-License-Identifier: GPL-2.0-only
#include "output/html_report.h"
#include "output/base64.h"

#include <fmt/format.h>

#include <algorithm>
#include <array>
#include <cmath>
#include <map>
#include <string_view>
#include <tuple>

#include "analysis/findings.h"
#include "base/text.h"
#include "output/flamegraph.h"
#include "output/flamegraph_assets.h"
#include "output/json_parts.h"
#include "output/report_assets.h"

namespace seep {
namespace {

constexpr std::size_t longest_name = 1024;

double rounded(double value, double unit) {
    return std::round(value / unit) * unit;
}

/// Milliseconds and whole bytes are finer than any chart.
Json points_json(const std::vector<CurvePoint>& points) {
    Json json = Json::array();
    for (const CurvePoint& point : points)
        json.insert(json.end(), {std::llround(point.seconds * 1000), std::llround(point.bytes)});
    return json;
}

Json survival_json(const std::vector<Survival>& curve) {
    constexpr double unit = 1e-4;
    Json json = Json::array();
    for (const Survival& point : curve)
        json.push_back({point.age_seconds, rounded(point.share, unit), rounded(point.low, unit),
                        rounded(point.high, unit)});
    return json;
}

Json trend_json(const TrendLine& trend) {
    return {{"from", trend.from_seconds},
            {"to", trend.to_seconds},
            {"seconds", trend.through.seconds},
            {"bytes", trend.through.bytes}};
}

Json lifetimes_json(const Lifetimes& lifetimes) {
    const auto last = std::find_if(lifetimes.rbegin(), lifetimes.rend(),
                                   [](std::uint64_t count) { return count > 0; });
    return std::vector<std::uint64_t>(lifetimes.begin(), last.base());
}

Json curves_json(const StackCurves& curves) {
    Json json{{"live", points_json(curves.live)},
              {"lifetimes", lifetimes_json(curves.lifetimes)},
              {"survival", survival_json(curves.survival)}};
    if (curves.trend) {
        json["troughs"] = points_json(curves.troughs);
        json["trend"] = trend_json(*curves.trend);
    }
    return json;
}

/// Frames and texts once each: the stacks of a program share most of theirs.
class FrameTable {
 public:
    std::size_t id(const ReportFrame& frame) {
        const Key key{text_id(frame_name(frame)), text_id(frame.module), text_id(frame.file),
                      frame.line, frame.inlined};
        const auto [found, added] = frames_.try_emplace(key, frames_.size());
        if (added) {
            const auto& [name, module, file, line, inlined] = key;
            numbers_.insert(numbers_.end(), {name, module, file, line, inlined ? 1 : 0});
        }
        return found->second;
    }

    void move_to(Json& data) {
        data["texts"] = std::move(texts_);
        data["frames"] = std::move(numbers_);
    }

 private:
    using Key = std::tuple<std::size_t, std::size_t, std::size_t, std::uint32_t, bool>;

    std::size_t text_id(const std::string& text) {
        const auto [found, added] = text_ids_.try_emplace(text, text_ids_.size());
        if (added) texts_.push_back(text);
        return found->second;
    }

    std::map<std::string, std::size_t> text_ids_;
    std::map<Key, std::size_t> frames_;
    Json texts_ = Json::array();
    Json numbers_ = Json::array();  ///< Name, module, file, line, inlined of each frame.
};

Json stack_data(const ReportStack& stack, FrameTable& table) {
    Json frames = Json::array();
    for (const ReportFrame& frame : stack.frames) frames.push_back(table.id(frame));
    Json json = stack_facts_json(stack);
    json["curves"] = curves_json(stack.curves);
    json["frames"] = std::move(frames);
    json["culprit"] = stack.culprit;
    return json;
}

Json memory_data(const std::vector<MemoryMoment>& moments) {
    Json json = Json::array();
    for (const MemoryMoment& moment : moments)
        json.insert(json.end(), {std::llround(moment.seconds * 1000), moment.rss_bytes,
                                 moment.anonymous_bytes, moment.heap_bytes});
    return json;
}

Json flames_data(const Report& report) {
    struct Flame {
        StackValue value;
        const char* label;
    };
    constexpr std::array flames{Flame{StackValue::growth, "What grew"},
                                Flame{StackValue::live, "What is live"},
                                Flame{StackValue::allocated, "What was allocated"}};
    Json json = Json::array();
    for (const Flame& flame : flames) {
        const std::vector<FoldedStack> stacks = fold(report, flame.value);
        json.push_back({{"label", flame.label},
                        {"empty", stacks.empty()},
                        {"svg", flame_graph(stacks, flame_options(report, flame.value))}});
    }
    return json;
}

/// Names from the target, wherever they are.
void make_printable(Json& json) {
    if (json.is_string()) {
        json = printable(json.get_ref<const std::string&>(), longest_name);
    } else if (json.is_structured()) {
        for (Json& part : json) make_printable(part);
    }
}

/// For a script element: nothing in it can end the element or begin another. Outside of strings
/// JSON has none of these characters.
std::string data_text(const Json& data) {
    std::string text;
    for (const char c : data.dump()) {
        switch (c) {
            case '<':
                text += "\\u003c";
                break;
            case '>':
                text += "\\u003e";
                break;
            case '&':
                text += "\\u0026";
                break;
            default:
                text += c;
        }
    }
    return text;
}

/// What lower-case hexadecimal digits stand for.
std::string bytes_of(std::string_view hex) {
    const auto value = [](char digit) { return digit <= '9' ? digit - '0' : digit - 'a' + 10; };
    std::string bytes;
    for (std::size_t at = 0; at + 1 < hex.size(); at += 2)
        bytes += static_cast<char>(value(hex[at]) << 4 | value(hex[at + 1]));
    return bytes;
}

}  // namespace

std::string html_report(const Report& report, std::size_t top) {
    const std::size_t count = report.stacks.size();
    Json data = report_header_json(report);
    data["window"]["interval_seconds"] = static_cast<double>(report.recording.interval_ns) / 1e9;
    data["over_time"] = memory_data(report.over_time);
    data["stack_count"] = count;
    if (report.findings.empty()) data["without_findings"] = without_findings(report);
    FrameTable table;
    Json stacks = Json::array();
    for (std::size_t i = 0; i < (top == 0 ? count : std::min(top, count)); ++i)
        stacks.push_back(stack_data(report.stacks[i], table));
    data["stacks"] = std::move(stacks);
    table.move_to(data);
    make_printable(data);
    data["flames"] = flames_data(report);  // is printable, and longer than a name
    return fmt::format(
        fmt::runtime(report_page), fmt::arg("version", SEEP_VERSION),
        fmt::arg("script_hashes",
                 fmt::format("'sha256-{}' 'sha256-{}'", base64(bytes_of(report_script_sha256)),
                             base64(bytes_of(flamegraph_script_sha256)))),
        fmt::arg("style", report_style), fmt::arg("script", report_script),
        fmt::arg("data", data_text(data)));
}

}  // namespace seep
