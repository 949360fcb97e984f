// SPDX-License-Identifier: GPL-2.0-only
#include "analysis/window.h"

#include <fmt/format.h>

#include <algorithm>

#include "base/text.h"

namespace seep {

namespace {

constexpr const char* usage_hint =
    "give offsets from the start as FROM:TO, for example 30s:5m, or leave one side empty";

Result<std::optional<std::int64_t>> parse_side(std::string_view text) {
    if (text.empty()) return std::optional<std::int64_t>();
    const Result<std::chrono::nanoseconds> offset = parse_duration(text);
    if (!offset) return offset.error();
    return std::optional<std::int64_t>(offset->count());
}

std::size_t nearest(std::int64_t offset, const std::vector<SnapshotRecord>& snapshots) {
    // Compared as offsets: an offset as large as parse_duration allows must not overflow a time.
    const auto offset_of = [&](const SnapshotRecord& snapshot) {
        return snapshot.time_ns - snapshots.front().time_ns;
    };
    const auto after = std::ranges::lower_bound(snapshots, offset, {}, offset_of);
    if (after == snapshots.begin()) return 0;
    const auto before = after - 1;
    const bool take_before =
        after == snapshots.end() || offset - offset_of(*before) < offset_of(*after) - offset;
    return static_cast<std::size_t>((take_before ? before : after) - snapshots.begin());
}

}  // namespace

Result<WindowRequest> parse_window(std::string_view text) {
    const std::size_t colon = text.find(':');
    if (colon == std::string_view::npos)
        return Error{ErrorKind::bad_input, fmt::format("bad window \"{}\": no \":\"", text),
                     usage_hint};
    const auto from = parse_side(text.substr(0, colon));
    if (!from) return from.error();
    const auto to = parse_side(text.substr(colon + 1));
    if (!to) return to.error();
    if (*from && *to && **from >= **to)
        return Error{ErrorKind::bad_input,
                     fmt::format("bad window \"{}\": it ends before it begins", text), usage_hint};
    return WindowRequest{*from, *to};
}

Result<Window> resolve_window(const WindowRequest& request,
                              const std::vector<SnapshotRecord>& snapshots) {
    const std::size_t end = snapshots.size() - 1;
    const Window window{request.from_ns ? nearest(*request.from_ns, snapshots) : 0,
                        request.to_ns ? nearest(*request.to_ns, snapshots) : end};
    const bool whole = !request.from_ns && !request.to_ns;
    if (whole || window.first < window.last) return window;
    const std::chrono::nanoseconds length(snapshots.back().time_ns - snapshots.front().time_ns);
    return Error{ErrorKind::bad_input, "the window holds fewer than two snapshots",
                 fmt::format("the recording has {} within {}; give a wider window",
                             format_count(snapshots.size()), format_duration(length))};
}

double observed_share(const SnapshotRecord& before, const SnapshotRecord& now) {
    const auto length = static_cast<double>(now.time_ns - before.time_ns);
    if (length <= 0) return 1;
    return std::clamp(1 - grown(now.unobserved_ns, before.unobserved_ns) / length, 0.0, 1.0);
}

}  // namespace seep
