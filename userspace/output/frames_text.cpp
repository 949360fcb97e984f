// SPDX-License-Identifier: GPL-2.0-only
#include "output/frames_text.h"

#include <fmt/format.h>

#include <algorithm>
#include <string>
#include <string_view>

namespace seep {
namespace {

std::string location_text(const ReportFrame& frame) {
    std::string text;
    if (!frame.file.empty()) {
        text = frame.line == 0 ? printable(frame.file, 400)
                               : fmt::format("{}:{}", printable(frame.file, 400), frame.line);
    } else if (!frame.function.empty() && !frame.module.empty()) {
        text = printable(frame.module, 400);
    }
    if (frame.inlined) text += text.empty() ? "inlined" : ", inlined";
    return text;
}

/// The end of a path says more than its beginning.
std::string fit_end(std::string_view text, std::size_t columns) {
    if (display_columns(text) <= columns) return std::string(text);
    std::size_t start = 0;
    while (display_columns(text.substr(start)) + 2 > columns) ++start;
    // Not in the middle of a character.
    while (start < text.size() && (static_cast<unsigned char>(text[start]) & 0xc0U) == 0x80)
        ++start;
    return ".." + std::string(text.substr(start));
}

/// The name, and the place beside it in a column of its own if both fit, else beneath.
void print_frame(Page& page, const ReportFrame& frame) {
    const std::size_t room = page.width() - frame_indent;
    const std::size_t column = room / 2;
    const std::string name = fit_columns(printable(frame_name(frame)), room);
    const std::string place = fit_end(location_text(frame), room - 4);
    const std::size_t start = std::max(column, display_columns(name) + 2);
    const std::string indent(frame_indent, ' ');
    if (place.empty()) {
        page.line(indent + name);
    } else if (start + display_columns(place) <= room) {
        page.line(indent + name + std::string(start - display_columns(name), ' ') +
                  page.styled(Style::dim, place));
    } else {
        page.line(indent + name);
        page.line(indent + "    " + page.styled(Style::dim, place));
    }
}

}  // namespace

void print_frames(Page& page, const std::vector<ReportFrame>& frames, bool truncated, Depth shown) {
    constexpr std::size_t innermost = 24;
    constexpr std::size_t outermost = 4;
    const std::size_t depth = frames.size();
    const bool elided = shown == Depth::ends && depth > innermost + outermost + 1;
    for (std::size_t at = 0; at < depth; ++at) {
        if (elided && at == innermost) {
            at = depth - outermost;
            page.line(page.styled(Style::dim, fmt::format("{:{}}... {} more frames ...", "",
                                                          frame_indent, at - innermost)));
        }
        print_frame(page, frames[at]);
    }
    if (truncated) {
        page.line(page.styled(Style::dim, fmt::format("{:{}}[truncated: the callers are not known]",
                                                      "", frame_indent)));
    }
}

}  // namespace seep
