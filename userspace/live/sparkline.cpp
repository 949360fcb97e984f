// SPDX-License-Identifier: GPL-2.0-only
#include "live/sparkline.h"

#include <algorithm>
#include <array>
#include <cmath>

namespace seep {
namespace {

constexpr std::array blocks{"▁", "▂", "▃", "▄", "▅", "▆", "▇", "█"};
constexpr std::array ascii{"_", ".", "-", "~", "=", "+", "*", "#"};

double value_at(const std::vector<CurvePoint>& curve, double seconds) {
    const auto after = std::ranges::lower_bound(curve, seconds, {}, &CurvePoint::seconds);
    if (after == curve.begin()) return curve.front().bytes;
    if (after == curve.end()) return curve.back().bytes;
    const CurvePoint& before = *(after - 1);
    const double part = (seconds - before.seconds) / (after->seconds - before.seconds);
    return before.bytes + part * (after->bytes - before.bytes);
}

}  // namespace

std::string sparkline(const std::vector<CurvePoint>& curve, double seconds, std::size_t columns,
                      bool unicode) {
    constexpr double least_height = 0.1;
    if (curve.empty() || columns == 0) return {};
    std::vector<double> values;
    for (std::size_t i = 1; i <= columns; ++i)
        values.push_back(
            value_at(curve, seconds * static_cast<double>(i) / static_cast<double>(columns)));
    const auto [least, most] = std::ranges::minmax(values);
    const double height = std::max(most - least, most * least_height);
    std::string line;
    for (const double value : values) {
        const double level = height > 0 ? (value - least) / height * (blocks.size() - 1) : 0;
        const auto index = static_cast<std::size_t>(std::lround(level));
        line += (unicode ? blocks : ascii)[std::min(index, blocks.size() - 1)];
    }
    return line;
}

}  // namespace seep
