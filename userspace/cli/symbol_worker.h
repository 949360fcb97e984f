// SPDX-License-Identifier: GPL-2.0-only
#pragma once

// Symbols off the hot path: a thread that looks up code addresses while the recording goes on, so
// that a slow debug-info file never delays a snapshot. add_*() and collect() are called by one
// thread (the recorder); the work is done on the worker's own.

#include <sys/types.h>

#include <chrono>
#include <condition_variable>
#include <deque>
#include <map>
#include <memory>
#include <mutex>
#include <string>
#include <thread>
#include <utility>
#include <variant>
#include <vector>

#include "base/handles.h"
#include "base/ids.h"
#include "base/result.h"
#include "store/model.h"
#include "symbols/perf_map.h"
#include "symbols/symbolizer.h"

namespace seep {

/// An object whose code will be asked for.
struct SymbolSource {
    ObjectId object;
    ObjectKind kind = ObjectKind::file;
    UniqueFd file;  ///< For a file, if it could be opened.
    std::string path;
    std::string build_id;
    pid_t pid = 0;            ///< For vdso and anonymous code: the process to ask.
    std::uint64_t start = 0;  ///< For the vdso: where it is mapped.
    std::uint64_t end = 0;
};

struct SymbolJob {
    LocationId location;
    ObjectId object;
    std::uint64_t address = 0;  ///< To look up: of the call, not of the return.
};

struct SymbolAnswer {
    LocationId location;
    std::vector<FrameRecord> frames;
};

class SymbolWorker {
 public:
    static Result<std::unique_ptr<SymbolWorker>> start(SymbolizerOptions options);
    ~SymbolWorker();
    SymbolWorker(const SymbolWorker&) = delete;
    SymbolWorker& operator=(const SymbolWorker&) = delete;

    void add_source(SymbolSource source);
    void add_job(SymbolJob job);
    /// What has been looked up since the last call.
    std::vector<SymbolAnswer> collect();
    /// Waits until everything asked for is looked up; false if that takes longer.
    bool wait_idle(std::chrono::milliseconds timeout);

 private:
    using Task = std::variant<SymbolSource, SymbolJob>;

    explicit SymbolWorker(Symbolizer symbolizer);
    void run(const std::stop_token& stop);
    void learn(SymbolSource& source);
    std::vector<FrameRecord> look_up(const SymbolJob& job);
    std::vector<FrameRecord> look_up_jit(pid_t pid, std::uint64_t address);

    Symbolizer symbolizer_;
    std::map<ObjectId, pid_t> jit_processes_;
    struct JitNames {
        PerfMap names;
        std::chrono::steady_clock::time_point read_at;
    };
    std::map<pid_t, JitNames> jit_names_;

    std::mutex mutex_;
    std::condition_variable_any changed_;
    std::deque<Task> tasks_;             // guarded by mutex_
    std::vector<SymbolAnswer> answers_;  // guarded by mutex_
    bool busy_ = false;                  // guarded by mutex_
    std::jthread thread_;                // last: it uses all of the above
};

}  // namespace seep
