// SPDX-License-Identifier: GPL-2.0-only
#include "cli/symbol_worker.h"

#include <spdlog/spdlog.h>

#include "base/text.h"

namespace seep {
namespace {

/// How long a JIT's map is taken to be complete before a name that is missing makes it be read
/// again.
constexpr std::chrono::seconds perf_map_lasts{1};

}  // namespace

Result<std::unique_ptr<SymbolWorker>> SymbolWorker::start(SymbolizerOptions options) {
    auto symbolizer = Symbolizer::create(std::move(options));
    if (!symbolizer) return symbolizer.error();
    return std::unique_ptr<SymbolWorker>(new SymbolWorker(std::move(*symbolizer)));
}

SymbolWorker::SymbolWorker(Symbolizer symbolizer)
    : symbolizer_(std::move(symbolizer)),
      thread_([this](const std::stop_token& stop) { run(stop); }) {}

SymbolWorker::~SymbolWorker() {
    thread_.request_stop();
    changed_.notify_all();
}

void SymbolWorker::add_source(SymbolSource source) {
    const std::lock_guard lock(mutex_);
    tasks_.emplace_back(std::move(source));
    changed_.notify_all();
}

void SymbolWorker::add_job(SymbolJob job) {
    const std::lock_guard lock(mutex_);
    tasks_.emplace_back(job);
    changed_.notify_all();
}

std::vector<SymbolAnswer> SymbolWorker::collect() {
    const std::lock_guard lock(mutex_);
    return std::exchange(answers_, {});
}

bool SymbolWorker::wait_idle(std::chrono::milliseconds timeout) {
    std::unique_lock lock(mutex_);
    return changed_.wait_for(lock, timeout, [this] { return tasks_.empty() && !busy_; });
}

void SymbolWorker::run(const std::stop_token& stop) {
    std::unique_lock lock(mutex_);
    while (changed_.wait(lock, stop, [this] { return !tasks_.empty(); })) {
        Task task = std::move(tasks_.front());
        tasks_.pop_front();
        busy_ = true;
        lock.unlock();
        std::vector<FrameRecord> frames;
        const SymbolJob* job = std::get_if<SymbolJob>(&task);
        if (job)
            frames = look_up(*job);
        else
            learn(std::get<SymbolSource>(task));
        lock.lock();
        busy_ = false;
        if (job) answers_.push_back({job->location, std::move(frames)});
        if (tasks_.empty()) changed_.notify_all();
    }
}

void SymbolWorker::learn(SymbolSource& source) {
    Result<void> added;
    switch (source.kind) {
        case ObjectKind::file:
            added = symbolizer_.add_object(source.object.value, std::move(source.file), source.path,
                                           source.build_id);
            break;
        case ObjectKind::vdso:
            added = symbolizer_.add_vdso(source.object.value, source.pid, source.start, source.end);
            break;
        case ObjectKind::anonymous:
            jit_processes_[source.object] = source.pid;
            break;
    }
    if (!added) spdlog::debug("no symbols: {}", printable(added.error().message));
}

std::vector<FrameRecord> SymbolWorker::look_up(const SymbolJob& job) {
    if (const auto jit = jit_processes_.find(job.object); jit != jit_processes_.end())
        return look_up_jit(jit->second, job.address);
    std::vector<FrameRecord> frames;
    for (const SourceFrame& frame : symbolizer_.resolve(job.object.value, job.address))
        frames.push_back({frame.function, frame.file, frame.line, frame.inlined});
    return frames;
}

std::vector<FrameRecord> SymbolWorker::look_up_jit(pid_t pid, std::uint64_t address) {
    const auto now = std::chrono::steady_clock::now();
    auto known = jit_names_.find(pid);
    const auto name_in = [&](const PerfMap& names) -> std::vector<FrameRecord> {
        const auto name = names.lookup(address);
        if (!name) return {};
        return {{std::string(*name), "", 0, false}};
    };
    if (known != jit_names_.end()) {
        std::vector<FrameRecord> frames = name_in(known->second.names);
        if (!frames.empty() || now - known->second.read_at < perf_map_lasts) return frames;
    }
    auto names = PerfMap::read(pid);
    if (!names) spdlog::debug("no names of JIT code: {}", printable(names.error().message));
    PerfMap read = names ? std::move(*names) : PerfMap();
    std::vector<FrameRecord> frames = name_in(read);
    jit_names_.insert_or_assign(pid, JitNames{std::move(read), now});
    return frames;
}

}  // namespace seep
