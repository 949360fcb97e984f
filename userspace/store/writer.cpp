// SPDX-License-Identifier: GPL-2.0-only
#include "store/writer.h"

#include <fmt/format.h>
#include <sys/stat.h>

#include <algorithm>
#include <optional>
#include <span>

#include "store/new_file.h"
#include "store/retention.h"
#include "store/schema.h"
#include "store/sql.h"
#include "store/thinning.h"

namespace seep {

namespace {

constexpr int busy_timeout_ms = 2000;

Result<void> create_schema(sqlite3* db) {
    std::string sql = fmt::format("BEGIN; PRAGMA application_id = {}; PRAGMA user_version = {};",
                                  recording_application_id, recording_format);
    for (const Table* table : recording_schema().tables()) sql += table->create_sql() + ";";
    for (const std::string_view view : recording_schema().views) sql += std::string(view) + ";";
    return execute(db, sql + "COMMIT");
}

Result<Database> open_database(const std::string& path) {
    sqlite3* raw = nullptr;
    const int code = sqlite3_open_v2(as_file_name(path).c_str(), &raw,
                                     SQLITE_OPEN_READWRITE | SQLITE_OPEN_NOMUTEX, nullptr);
    Database db(raw);
    if (code != SQLITE_OK) return sql_error(db.get());
    sqlite3_busy_timeout(db.get(), busy_timeout_ms);
    // The schema is written before WAL is on, so that the main file is a recording by itself from
    // the start. journal_size_limit gives back the disk that a held-up WAL had grown to.
    Result<void> ready = create_schema(db.get());
    if (ready)
        ready = execute(db.get(),
                        "PRAGMA journal_mode = WAL; PRAGMA synchronous = NORMAL;"
                        "PRAGMA journal_size_limit = 16777216; PRAGMA temp_store = MEMORY;");
    if (!ready) return ready.error();
    return db;
}

/// Every statement that the writer runs again and again.
struct Statements {
    Statement recording, process, object, location, forget_symbols, symbol, stack, stack_frame,
        probe, event, period, snapshot, process_sample, totals, lifetime, revisit, reachability,
        call_count, heap_in_use, heap_lost;

    static Result<Statements> prepare(sqlite3* db) {
        const Schema& schema = recording_schema();
        Preparer prepared(db);
        Statements all{
            .recording = prepared(schema.recording.insert_sql("REPLACE")),
            .process = prepared(schema.process.insert_sql("REPLACE")),
            .object = prepared(schema.object.insert_sql("REPLACE")),
            .location = prepared(schema.location.insert_sql("REPLACE")),
            .forget_symbols = prepared("DELETE FROM symbol WHERE location = ?"),
            .symbol = prepared(schema.symbol.insert_sql("INSERT")),
            .stack = prepared(schema.stack.insert_sql("REPLACE")),
            .stack_frame = prepared(schema.stack_frame.insert_sql("REPLACE")),
            .probe = prepared(schema.probe.insert_sql("REPLACE")),
            .event = prepared(schema.event.insert_sql("INSERT")),
            .period = prepared(schema.period.insert_sql("REPLACE")),
            .snapshot = prepared(schema.snapshot.insert_sql("INSERT")),
            .process_sample = prepared(schema.process_sample.insert_sql("INSERT")),
            .totals = prepared(schema.totals.insert_sql("INSERT")),
            .lifetime = prepared(schema.lifetime.insert_sql("REPLACE")),
            .revisit = prepared(schema.revisit.insert_sql("REPLACE")),
            .reachability = prepared(schema.reachability.insert_sql("REPLACE")),
            .call_count = prepared(schema.call_count.insert_sql("INSERT")),
            .heap_in_use = prepared(schema.heap_in_use.insert_sql("INSERT")),
            .heap_lost = prepared(schema.heap_lost.insert_sql("INSERT")),
        };
        if (prepared.error()) return *prepared.error();
        return all;
    }
};

/// A JSON array without the zeros at its end: compact, and SQL reads it with json_each().
std::string counts_text(std::span<const std::uint64_t> counts) {
    std::size_t size = counts.size();
    while (size > 0 && counts[size - 1] == 0) --size;
    std::string text = "[";
    for (std::size_t bucket = 0; bucket < size; ++bucket) {
        if (bucket > 0) text += ',';
        const fmt::format_int count(counts[bucket]);
        text.append(count.data(), count.size());
    }
    return text += ']';
}

/// In key order, so that rows are appended to the B-tree instead of being scattered over it.
std::vector<const StackTotals*> by_key(const std::vector<StackTotals>& changed) {
    std::vector<const StackTotals*> sorted;
    sorted.reserve(changed.size());
    for (const StackTotals& stack : changed) sorted.push_back(&stack);
    std::ranges::sort(sorted, {}, [](const StackTotals* s) { return bits(s->stack.value); });
    return sorted;
}

}  // namespace

struct RecordingWriter::State {
    std::string path;
    struct stat file {};
    Database db;
    Statements statements;
    Thinning thinning;
    Retention retention;
    std::int64_t last_time_ns = 0;
    std::uint32_t last_snapshot = 0;
    /// Once a transaction failed, what it held is lost, and later rows would refer to it: nothing
    /// is written any more.
    std::optional<Error> failure;

    Result<void> begin();
    Result<void> fail(Error error);
    template <typename... Values>
    Result<void> write(Statement& statement, const Values&... values);
    Result<void> write_totals(const std::vector<StackTotals>& changed);
    [[nodiscard]] Result<void> still_in_place() const;
};

Result<void> RecordingWriter::State::begin() {
    if (failure) return *failure;
    if (sqlite3_get_autocommit(db.get()) == 0) return {};
    return execute(db.get(), "BEGIN");
}

Result<void> RecordingWriter::State::fail(Error error) {
    if (!failure) failure = std::move(error);
    if (sqlite3_get_autocommit(db.get()) == 0) (void)execute(db.get(), "ROLLBACK");
    return *failure;
}

template <typename... Values>
Result<void> RecordingWriter::State::write(Statement& statement, const Values&... values) {
    if (Result<void> begun = begin(); !begun) return fail(begun.error());
    if (Result<void> run = statement.run(values...); !run) return fail(run.error());
    return {};
}

Result<void> RecordingWriter::State::write_totals(const std::vector<StackTotals>& changed) {
    for (const StackTotals* stack : by_key(changed)) {
        const Totals& totals = stack->totals;
        Result<void> done = write(statements.totals, last_snapshot, bits(stack->stack.value),
                                  counter(totals.allocated_count), counter(totals.allocated_bytes),
                                  counter(totals.freed_count), counter(totals.freed_bytes),
                                  bits(totals.allocated_squares), bits(totals.freed_squares),
                                  counter(totals.held_variance), counter(totals.mean_birth_us),
                                  counter(totals.lapsed_count), counter(totals.lapsed_bytes),
                                  counter(totals.held_bytes()));
        if (done)
            done =
                write(statements.lifetime, bits(stack->stack.value), counts_text(stack->lifetimes));
        if (!done) return done;
    }
    return {};
}

/// SQLite writes on into a file that was deleted; its user would learn it at the end.
Result<void> RecordingWriter::State::still_in_place() const {
    struct stat now {};
    if (stat(path.c_str(), &now) == 0 && now.st_dev == file.st_dev && now.st_ino == file.st_ino)
        return {};
    return Error{ErrorKind::failed,
                 fmt::format("recording {} was deleted or replaced while it was written", path),
                 "what was recorded is lost; record again, to a place that stays"};
}

RecordingWriter::RecordingWriter(std::unique_ptr<State> state) : state_(std::move(state)) {}
RecordingWriter::RecordingWriter(RecordingWriter&&) noexcept = default;

RecordingWriter& RecordingWriter::operator=(RecordingWriter&& other) noexcept {
    if (this != &other) {
        if (state_) (void)close();
        state_ = std::move(other.state_);
    }
    return *this;
}

RecordingWriter::~RecordingWriter() {
    if (state_) (void)close();
}

Result<RecordingWriter> RecordingWriter::create(const std::string& path, const RecordingInfo& info,
                                                WriterOptions options) {
    Result<struct stat> file = create_private_file(path);
    if (!file) return file.error();
    const auto give_up = [&](Error error) {
        for (const char* suffix : {"", "-wal", "-shm", "-journal"})
            (void)unlink((path + suffix).c_str());
        return error;
    };
    Result<Database> db = open_database(path);
    if (!db) return give_up(db.error());
    Result<Statements> statements = Statements::prepare(db->get());
    if (!statements) return give_up(statements.error());
    Result<Thinning> thinning = Thinning::create(db->get(), options.max_rows);
    if (!thinning) return give_up(thinning.error());
    Result<Retention> retention = Retention::create(db->get(), options.keep);
    if (!retention) return give_up(retention.error());

    RecordingWriter writer(std::make_unique<State>(State{
        .path = path,
        .file = *file,
        .db = std::move(*db),
        .statements = std::move(*statements),
        .thinning = std::move(*thinning),
        .retention = std::move(*retention),
    }));
    Result<void> begun = writer.put_info(info);
    if (begun) begun = writer.commit();
    if (!begun) return give_up(begun.error());
    return writer;
}

const std::string& RecordingWriter::path() const {
    return state_->path;
}

Result<void> RecordingWriter::put_info(const RecordingInfo& info) {
    constexpr int only_row = 1;
    return state_->write(state_->statements.recording, only_row, info.seep_version, info.started_ns,
                         counter(info.interval_ns), info.sampling_asked,
                         counter(info.sampling_bytes), counter(info.budget_ppm), info.kernel,
                         info.machine, info.attach_mode, sources_name(info.sources),
                         counter(info.frame_cost_ps));
}

Result<void> RecordingWriter::put(const ProcessRecord& process) {
    return state_->write(state_->statements.process, process.id.value, process.pid, process.command,
                         process.executable, process.started_ns, process.ended_ns,
                         process.allocators, counter(process.unwind_rows),
                         counter(process.unwind_bytes));
}

Result<void> RecordingWriter::put(const ObjectRecord& object) {
    return state_->write(state_->statements.object, object.id.value, static_cast<int>(object.kind),
                         object.path, object.build_id);
}

Result<void> RecordingWriter::put(const LocationRecord& location) {
    Result<void> done =
        state_->write(state_->statements.location, location.id.value, location.object.value,
                      bits(location.address), location.is_call, location.symbolized);
    if (done) done = state_->write(state_->statements.forget_symbols, location.id.value);
    const std::size_t count = std::min(location.frames.size(), max_recorded_symbols);
    for (std::size_t position = 0; done && position < count; ++position) {
        const FrameRecord& frame = location.frames[position];
        done =
            state_->write(state_->statements.symbol, location.id.value, static_cast<int>(position),
                          frame.function, frame.file, frame.line, frame.inlined);
    }
    return done;
}

Result<void> RecordingWriter::put(const StackRecord& stack) {
    Result<void> done =
        state_->write(state_->statements.stack, bits(stack.id.value), stack.process.value,
                      static_cast<int>(stack.end), static_cast<int>(stack.kind));
    for (std::size_t position = 0; done && position < stack.locations.size(); ++position)
        done = state_->write(state_->statements.stack_frame, bits(stack.id.value),
                             static_cast<int>(position), stack.locations[position].value);
    return done;
}

Result<void> RecordingWriter::put(const ProbeRecord& probe) {
    return state_->write(state_->statements.probe, probe.id, probe.process.value,
                         probe.object.value, probe.function, bits(probe.address), probe.site,
                         counter(probe.hits), counter(probe.hit_cost_ps));
}

Result<void> RecordingWriter::put_event(std::int64_t time_ns, ProcessId process,
                                        const std::string& kind, const std::string& text) {
    return state_->write(state_->statements.event, std::optional<std::uint64_t>(), time_ns,
                         process.value, kind, text);
}

Result<void> RecordingWriter::put(const PeriodRecord& period) {
    return state_->write(state_->statements.period, period.id, period.started_ns, period.ended_ns,
                         period.level, counter(period.sampling_bytes),
                         counter(period.unobserved_ns));
}

Result<void> RecordingWriter::put_snapshot(const Snapshot& snapshot) {
    State& state = *state_;
    // CLOCK_REALTIME may be set back; the recording's time never goes back.
    state.last_time_ns = std::max(snapshot.time_ns, state.last_time_ns + 1);
    ++state.last_snapshot;
    const auto host = [&](std::uint64_t HostMemory::*bytes) {
        return snapshot.host ? std::optional(counter((*snapshot.host).*bytes)) : std::nullopt;
    };
    Result<void> done = state.write(
        state.statements.snapshot, state.last_snapshot, state.last_time_ns,
        counter(snapshot.unobserved_ns),
        snapshot.work ? std::optional(counter(*snapshot.work)) : std::nullopt,
        host(&HostMemory::memory), host(&HostMemory::available), host(&HostMemory::swap),
        host(&HostMemory::free_swap), counter(snapshot.pauses));
    for (const ProcessSample& sample : snapshot.processes) {
        if (!done) return done;
        const auto mapped = [&](std::uint64_t MappedBytes::*bytes) {
            return sample.mapped ? std::optional((*sample.mapped).*bytes) : std::nullopt;
        };
        const auto faulted = [&](std::uint64_t FaultedBytes::*bytes) {
            return sample.faulted ? std::optional((*sample.faulted).*bytes) : std::nullopt;
        };
        done = state.write(
            state.statements.process_sample, state.last_snapshot, sample.process.value,
            sample.alive, counter(sample.rss_bytes), counter(sample.anonymous_bytes),
            counter(sample.swap_bytes), counter(sample.virtual_bytes), counter(sample.cpu_ns),
            counter(sample.waited_ns), sample.cgroup_current, sample.cgroup_limit,
            sample.cgroup_inactive_file, counter(sample.allocated_count),
            counter(sample.allocated_bytes), counter(sample.freed_count),
            counter(sample.failed_count), counter(sample.probe_hits), counter(sample.overhead_ns),
            counter(sample.page_faults), counter(sample.unobserved_page_faults),
            mapped(&MappedBytes::program), mapped(&MappedBytes::allocator),
            mapped(&MappedBytes::thread_stacks), mapped(&MappedBytes::earlier),
            faulted(&FaultedBytes::touched), faulted(&FaultedBytes::untold),
            faulted(&FaultedBytes::earlier), std::span(sample.losses));
    }
    if (done) done = state.write_totals(snapshot.changed);
    for (const StackRevisits& stack : snapshot.revisits)
        if (done)
            done = state.write(state.statements.revisit, bits(stack.stack.value),
                               counts_text(stack.sure.looked), counts_text(stack.sure.gone),
                               counts_text(stack.vague.looked), counts_text(stack.vague.gone));
    for (const StackReachability& stack : snapshot.reachability)
        if (done)
            done = state.write(state.statements.reachability, bits(stack.stack.value),
                               counter(stack.born_within_us), counter(stack.looked),
                               counter(stack.lost), counter(stack.lost_bytes),
                               counter(stack.lost_age_us), counter(stack.followed),
                               counter(stack.refuted), stack.all_known, bits(stack.object.value),
                               counter(stack.in_object));
    for (const CallCount& call : snapshot.calls)
        if (done)
            done = state.write(state.statements.call_count, state.last_snapshot, call.process.value,
                               call.location.value, counter(call.observed_ns),
                               counter(call.observed_calls), counter(call.unobserved_ns),
                               counter(call.unobserved_calls));
    const auto write_heap = [&](Statement& statement, const std::vector<HeapInUse>& sizes) {
        for (const HeapInUse& size : sizes)
            if (done)
                done = state.write(statement, state.last_snapshot, size.process.value,
                                   counter(size.chunk_bytes), counter(size.blocks),
                                   counter(size.bytes));
    };
    write_heap(state.statements.heap_in_use, snapshot.heap);
    write_heap(state.statements.heap_lost, snapshot.heap_lost);
    if (!done) return done;
    const std::size_t rows = 1 + snapshot.processes.size() + snapshot.changed.size() +
                             snapshot.calls.size() + snapshot.heap.size() +
                             snapshot.heap_lost.size();
    done = state.thinning.add({state.last_snapshot, state.last_time_ns}, rows);
    if (done) done = state.retention.add(snapshot.processes, state.thinning);
    return done ? done : state.fail(done.error());
}

Result<void> RecordingWriter::halve() {
    State& state = *state_;
    Result<void> done = state.begin();
    if (done) done = state.thinning.halve();
    return done ? done : state.fail(done.error());
}

Result<void> RecordingWriter::commit() {
    State& state = *state_;
    if (state.failure) return *state.failure;
    if (sqlite3_get_autocommit(state.db.get()) == 0)
        if (Result<void> done = execute(state.db.get(), "COMMIT"); !done)
            return state.fail(done.error());
    if (Result<void> there = state.still_in_place(); !there) return state.fail(there.error());
    return {};
}

Result<void> RecordingWriter::close() {
    Result<void> result = commit();
    const std::unique_ptr<State> state = std::move(state_);
    // A program that reads the recording right now holds the -wal file back: then it stays, and the
    // recording is complete in both files.
    Result<void> folded = execute(state->db.get(), "PRAGMA wal_checkpoint(TRUNCATE)");
    if (folded) folded = execute(state->db.get(), "PRAGMA journal_mode = DELETE");
    const bool held_back = (sqlite3_errcode(state->db.get()) & 0xff) == SQLITE_BUSY;
    return result && !folded && !held_back ? folded : result;
}

}  // namespace seep
