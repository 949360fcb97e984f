// SPDX-License-Identifier: GPL-2.0-only
#include "triggers/start_condition.h"

#include <fmt/format.h>

#include <charconv>
#include <vector>

#include "base/text.h"

namespace seep {
namespace {

/// A slope is estimated from so many readings over its span: the cost is quadratic.
constexpr double readings_a_span = 48;
constexpr std::size_t least_readings = 12;
/// Of its span, what must have been seen.
constexpr double seen_share = 0.9;

/// Shorter ones would need to look more often than is cheap.
constexpr double least_span_seconds = 3;

/// All in the message: of a bad option's error, nothing else is shown.
Error bad(std::string_view text, std::string_view why) {
    return {ErrorKind::bad_input,
            fmt::format("bad condition \"{}\": {}; write rss>2G, rss-growth>50M/h, "
                        "rss-growth>50M/h over 1h, cgroup>80%, cgroup>3G, or signal, in quotes",
                        printable(text, 80), why),
            ""};
}

std::string_view trimmed(std::string_view text) {
    while (!text.empty() && text.front() == ' ') text.remove_prefix(1);
    while (!text.empty() && text.back() == ' ') text.remove_suffix(1);
    return text;
}

/// "80%" as a share of 1.
std::optional<double> parse_share(std::string_view text) {
    if (!text.ends_with('%')) return std::nullopt;
    text.remove_suffix(1);
    double percent = 0;
    const auto [rest, error] = std::from_chars(text.data(), text.data() + text.size(), percent);
    const bool whole = error == std::errc() && rest == text.data() + text.size();
    if (!whole || !(percent > 0 && percent <= 100)) return std::nullopt;
    return percent / 100;
}

/// "50M/h" in bytes a second.
Result<double> parse_rate(std::string_view text) {
    const std::size_t slash = text.find('/');
    const std::string_view unit =
        slash == std::string_view::npos ? std::string_view() : trimmed(text.substr(slash + 1));
    double seconds = 0;
    if (unit == "s") seconds = 1;
    if (unit == "m" || unit == "min") seconds = 60;
    if (unit == "h") seconds = 3600;
    if (unit == "d") seconds = 86400;
    if (seconds == 0) return Error{ErrorKind::bad_input, "a growth is so many bytes a time", ""};
    const auto bytes = parse_size(trimmed(text.substr(0, slash)));
    if (!bytes) return bytes.error();
    return static_cast<double>(*bytes) / seconds;
}

}  // namespace

Result<StartCondition> StartCondition::parse(std::string_view text) {
    StartCondition condition;
    condition.text_ = std::string(trimmed(text));
    if (condition.text_ == "signal") return condition;
    const std::size_t sign = condition.text_.find('>');
    if (sign == std::string::npos) return bad(text, "there is no \">\" in it");
    const std::string_view all = condition.text_;
    const std::string_view name = trimmed(all.substr(0, sign));
    std::string_view value = trimmed(all.substr(sign + 1));

    if (name == "cgroup" && value.ends_with('%')) {
        const auto share = parse_share(value);
        if (!share) return bad(text, "the share must be above 0 % and 100 % at most");
        condition.kind_ = Kind::cgroup_share;
        condition.threshold_ = *share;
        return condition;
    }
    if (name == "rss-growth") {
        condition.kind_ = Kind::rss_growth;
        constexpr std::string_view over = " over ";
        if (const std::size_t at = value.find(over); at != std::string_view::npos) {
            const auto span = parse_duration(trimmed(value.substr(at + over.size())));
            if (!span) return bad(text, span.error().message);
            condition.span_seconds_ = std::chrono::duration<double>(*span).count();
            if (condition.span_seconds_ < least_span_seconds)
                return bad(text, "3s is the shortest span");
            value = trimmed(value.substr(0, at));
        }
        const auto rate = parse_rate(value);
        if (!rate) return bad(text, rate.error().message);
        condition.threshold_ = *rate;
        return condition;
    }
    if (name != "rss" && name != "cgroup")
        return bad(text, fmt::format("nothing is called \"{}\"", printable(name, 40)));
    const auto size = parse_size(value);
    if (!size) return bad(text, size.error().message);
    condition.kind_ = name == "rss" ? Kind::rss : Kind::cgroup_bytes;
    condition.threshold_ = static_cast<double>(*size);
    return condition;
}

double StartCondition::step_seconds() const {
    return span_seconds_ / readings_a_span;
}

bool StartCondition::grows(const MemoryReading& reading) {
    // A clock that ticks once a step is not to miss every other reading.
    constexpr double early = 0.9;
    if (!readings_.empty() && reading.seconds - readings_.back().x < early * step_seconds())
        return false;
    readings_.push_back({reading.seconds, static_cast<double>(reading.rss_bytes)});
    while (readings_.back().x - readings_.front().x > span_seconds_) readings_.pop_front();
    if (readings_.size() < least_readings ||
        readings_.back().x - readings_.front().x < seen_share * span_seconds_)
        return false;
    const auto slope = theil_sen(std::vector<Point>(readings_.begin(), readings_.end()));
    return slope && slope->low > threshold_;
}

bool StartCondition::holds(const MemoryReading& reading) {
    switch (kind_) {
        case Kind::rss:
            return static_cast<double>(reading.rss_bytes) > threshold_;
        case Kind::rss_growth:
            return grows(reading);
        case Kind::cgroup_share:
            return reading.cgroup_bytes && reading.cgroup_limit &&
                   static_cast<double>(*reading.cgroup_bytes) >
                       threshold_ * static_cast<double>(*reading.cgroup_limit);
        case Kind::cgroup_bytes:
            return reading.cgroup_bytes && static_cast<double>(*reading.cgroup_bytes) > threshold_;
        case Kind::signal:
            return false;
    }
    return false;
}

std::string StartCondition::hopeless(const MemoryReading& reading) const {
    const bool of_cgroup = kind_ == Kind::cgroup_share || kind_ == Kind::cgroup_bytes;
    if (of_cgroup && !reading.cgroup_bytes)
        return "the memory of the target's control group cannot be seen";
    if (kind_ == Kind::cgroup_share && !reading.cgroup_limit)
        return "the target's control group has no memory limit";
    return {};
}

}  // namespace seep
