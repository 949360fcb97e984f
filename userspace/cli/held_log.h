// SPDX-License-Identifier: GPL-2.0-only
#pragma once

// The log while the screen is ours: lines are held instead of written, the last one can be shown,
// and what was worth a warning is written at the end. Where standard error is no terminal, the log
// goes on as it was. Log from any thread; one HeldLog at a time.

#include <spdlog/logger.h>

#include <memory>
#include <string>

namespace seep {

class HeldLog {
 public:
    HeldLog();
    HeldLog(const HeldLog&) = delete;
    HeldLog& operator=(const HeldLog&) = delete;
    ~HeldLog();

    /// The last line since the last call; empty if there was none.
    std::string take_last();

 private:
    class Sink;
    std::shared_ptr<spdlog::logger> before_;
    std::shared_ptr<Sink> sink_;  ///< Null: nothing is held.
};

}  // namespace seep
