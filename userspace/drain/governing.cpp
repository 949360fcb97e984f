// SPDX-License-Identifier: GPL-2.0-only
#include "drain/governing.h"

#include <fmt/format.h>

#include <utility>

#include "base/clock.h"
#include "base/text.h"

namespace seep {
namespace {

/// Of the budget, what may go into counting calls between windows, or beside sampling.
constexpr double counting_share = 0.04;

std::string describe(const FollowingLevel& level) {
    const std::string followed = level.bytes == 0
                                     ? "every allocation"
                                     : fmt::format("one allocation in about {}",
                                                   format_bytes(static_cast<double>(level.bytes)));
    return level.windows ? followed + ", in windows with pauses between" : followed;
}

}  // namespace

Governing::Governing(Tracer& tracer, std::uint64_t bytes,
                     const std::optional<GovernorOptions>& options)
    : tracer_(&tracer), level_{false, bytes} {
    if (options) {
        governor_.emplace(*options);
        budget_ = options->budget;
    }
    begin_period(level_);
}

void Governing::begin_period(const FollowingLevel& level) {
    period_ = {.id = period_.id + 1,
               .started_ns = tracer_->time_ns(),
               .ended_ns = 0,
               .level = level.windows ? "windows" : "continuous",
               .sampling_bytes = level.bytes,
               .unobserved_ns = 0};
    unobserved_ns_ = tracer_->unobserved_ns();
}

void Governing::end_period() {
    period_.ended_ns = tracer_->time_ns();
    period_.unobserved_ns = tracer_->unobserved_ns() - unobserved_ns_;
}

Result<std::chrono::nanoseconds> Governing::look() {
    const GovernorDecision decision =
        governor_->look(static_cast<double>(monotonic_ns()) / 1e9, tracer_->target_work());
    const bool changes = decision.level != level_;
    if (changes) {
        level_ = decision.level;
        end_period();
        ended_.push_back(period_);
        begin_period(level_);
    }
    // Away with the probes before, and back after: nothing is followed in the wrong way.
    if (!decision.attached)
        if (Result<void> paused = tracer_->pause(); !paused) return paused.error();
    if (changes) tracer_->set_sampling(level_.bytes);
    if (!decision.reason.empty())
        tracer_->note("level", fmt::format("{} ({})", describe(level_), decision.reason));
    if (decision.attached) {
        if (Result<void> resumed = tracer_->resume(); !resumed) return resumed.error();
        if (!level_.windows) tracer_->count_calls(level_.bytes == 0 ? 0 : counting_share * budget_);
    } else {
        tracer_->count_calls(counting_share * budget_);
    }
    return std::chrono::nanoseconds(static_cast<std::int64_t>(decision.next_look_s * 1e9));
}

std::vector<PeriodRecord> Governing::take_periods() {
    end_period();
    std::vector<PeriodRecord> periods = std::exchange(ended_, {});
    periods.push_back(period_);
    return periods;
}

}  // namespace seep
