// SPDX-License-Identifier: GPL-2.0-only
#include "cli/held_log.h"

#include <spdlog/sinks/base_sink.h>
#include <spdlog/spdlog.h>
#include <unistd.h>

#include <deque>
#include <mutex>
#include <utility>

namespace seep {

class HeldLog::Sink : public spdlog::sinks::base_sink<std::mutex> {
 public:
    struct Line {
        spdlog::level::level_enum level;
        std::string text;
    };

    std::string take_last() {
        const std::lock_guard lock(mutex_);
        return std::exchange(last_, {});
    }
    std::deque<Line> take_all() {
        const std::lock_guard lock(mutex_);
        return std::move(lines_);
    }

 protected:
    void sink_it_(const spdlog::details::log_msg& message) override {
        constexpr std::size_t most_lines = 1000;
        last_.assign(message.payload.data(), message.payload.size());
        lines_.push_back({message.level, last_});
        if (lines_.size() > most_lines) lines_.pop_front();
    }
    void flush_() override {}

 private:
    std::deque<Line> lines_;
    std::string last_;
};

HeldLog::HeldLog() : before_(spdlog::default_logger()) {
    if (isatty(STDERR_FILENO) == 0) return;
    sink_ = std::make_shared<Sink>();
    auto logger = std::make_shared<spdlog::logger>(before_->name(), sink_);
    logger->set_level(before_->level());
    spdlog::set_default_logger(std::move(logger));
}

HeldLog::~HeldLog() {
    if (!sink_) return;
    spdlog::set_default_logger(before_);
    for (const Sink::Line& line : sink_->take_all())
        if (line.level >= spdlog::level::warn || before_->should_log(spdlog::level::debug))
            before_->log(line.level, line.text);
}

std::string HeldLog::take_last() {
    return sink_ ? sink_->take_last() : std::string();
}

}  // namespace seep
