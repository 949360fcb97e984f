// SPDX-License-Identifier: GPL-2.0-only
#include "analysis/suppressions.h"

#include <fmt/format.h>

#include <algorithm>

#include "base/text.h"

namespace seep {

namespace {

constexpr std::string_view rule_kind = "leak:";
constexpr std::string_view blanks = " \t\r";

std::string_view stripped(std::string_view text) {
    const std::size_t start = text.find_first_not_of(blanks);
    if (start == std::string_view::npos) return {};
    return text.substr(start, text.find_last_not_of(blanks) - start + 1);
}

std::vector<std::string> split(std::string_view text, char separator) {
    std::vector<std::string> pieces;
    while (true) {
        const std::size_t end = text.find(separator);
        pieces.emplace_back(text.substr(0, end));
        if (end == std::string_view::npos) return pieces;
        text.remove_prefix(end + 1);
    }
}

bool matches_location(const NamePattern& pattern, const LocationRecord& location,
                      const ObjectRecord* object) {
    const auto matches_frame = [&](const FrameRecord& frame) {
        return pattern.matches(frame.function) || pattern.matches(frame.file);
    };
    if (std::ranges::any_of(location.frames, matches_frame)) return true;
    if (object == nullptr) return false;
    // By its whole path, as LeakSanitizer does, and by its name, which is what reports show.
    return pattern.matches(object->path) ||
           pattern.matches(std::string_view(object->path).substr(object->path.rfind('/') + 1));
}

}  // namespace

NamePattern::NamePattern(std::string_view pattern) : text_(pattern) {
    at_start_ = pattern.starts_with('^');
    if (at_start_) pattern.remove_prefix(1);
    at_end_ = pattern.ends_with('$');
    if (at_end_) pattern.remove_suffix(1);
    pieces_ = split(pattern, '*');
}

bool NamePattern::matches(std::string_view text) const {
    if (text.empty()) return false;  // an unknown name is no name
    // Leftmost places for all pieces but a last one that is held to the end: if any places do, so
    // do these.
    for (std::size_t i = 0; i < pieces_.size(); ++i) {
        const std::string_view piece = pieces_[i];
        const bool first = i == 0;
        const bool last = i + 1 == pieces_.size();
        if (first && last && at_start_ && at_end_) return text == piece;
        if (last && at_end_) return text.ends_with(piece);
        const std::size_t place = text.find(piece);
        if (place == std::string_view::npos || (first && at_start_ && place != 0)) return false;
        text.remove_prefix(place + piece.size());
    }
    return true;
}

Result<Suppressions> Suppressions::parse(std::string_view text, std::string_view name) {
    Suppressions suppressions;
    std::size_t number = 0;
    for (const std::string& raw : split(text, '\n')) {
        ++number;
        const std::string_view line = stripped(raw);
        if (line.empty() || line.starts_with('#')) continue;
        const auto bad = [&](std::string_view what) {
            return Error{ErrorKind::bad_input,
                         fmt::format("{}, line {}: {}", printable(name), number, what),
                         "write one leak:PATTERN a line, or # and a comment"};
        };
        if (!line.starts_with(rule_kind))
            return bad(fmt::format("not a rule: '{}'", printable(line, 80)));
        const NamePattern pattern(stripped(line.substr(rule_kind.size())));
        if (pattern.text().find_first_not_of("^$") == std::string::npos)
            return bad("the pattern is empty");
        suppressions.patterns_.push_back(pattern);
    }
    return suppressions;
}

SuppressionMatcher::SuppressionMatcher(const Suppressions& suppressions,
                                       const RecordingContents& contents) {
    const std::vector<NamePattern>& patterns = suppressions.patterns();
    if (patterns.empty()) return;
    for (const auto& [id, located] : contents.locations) {
        const LocationRecord& location = located;
        const auto object = contents.objects.find(location.object);
        const auto found = std::ranges::find_if(patterns, [&](const NamePattern& pattern) {
            return matches_location(pattern, location,
                                    object == contents.objects.end() ? nullptr : &object->second);
        });
        if (found != patterns.end())
            matches_.emplace(id, static_cast<std::size_t>(found - patterns.begin()));
    }
}

std::optional<std::size_t> SuppressionMatcher::match(const StackRecord& stack) const {
    if (matches_.empty()) return std::nullopt;
    for (const LocationId id : stack.locations)
        if (const auto found = matches_.find(id); found != matches_.end()) return found->second;
    return std::nullopt;
}

}  // namespace seep
