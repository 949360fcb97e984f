// SPDX-License-Identifier: GPL-2.0-only
#include "store/reader.h"

#include <fmt/format.h>
#include <sys/stat.h>

#include <algorithm>
#include <charconv>
#include <span>
#include <unordered_map>
#include <unordered_set>

#include "store/schema.h"
#include "store/sql.h"

namespace seep {

namespace {

constexpr int busy_timeout_ms = 2000;
constexpr int max_value_bytes = 1 << 20;

Error damaged(std::string_view table, std::string_view problem) {
    return {ErrorKind::bad_input,
            fmt::format("the recording is damaged: table {}: {}", table, problem),
            "take another copy of it from where it was recorded"};
}

Error foreign(const std::string& path) {
    return {ErrorKind::bad_input, fmt::format("{} is not a recording of seep", path),
            "give a file that `seep record` wrote"};
}

/// "file:/x%3fy?mode=ro": as SQLite takes options beside a name.
std::string as_uri(const std::string& path, bool immutable) {
    std::string uri = path.starts_with('/') ? "file:" : "file:./";
    for (const char c : path) {
        if (c == '%' || c == '?' || c == '#')
            fmt::format_to(std::back_inserter(uri), "%{:02x}", static_cast<unsigned>(c));
        else
            uri += c;
    }
    return uri + (immutable ? "?mode=ro&immutable=1" : "?mode=ro");
}

/// A missing -wal file means that nobody writes: a live recorder always has one. Then `immutable`
/// is safe, and it is what makes files in read-only places readable. (A -journal file may be left
/// where a recorder was killed while it left WAL mode; all that it guards is the mode's mark in the
/// header, so that the recording is whole without it.)
Result<Database> open_database(const std::string& path) {
    struct stat status {};
    if (stat(path.c_str(), &status) != 0)
        return errno_error(fmt::format("cannot open recording {}", path), errno,
                           ErrorKind::bad_input, "check the file's name");
    if (!S_ISREG(status.st_mode)) return foreign(path);
    const bool immutable = stat((path + "-wal").c_str(), &status) != 0;

    sqlite3* raw = nullptr;
    const int code =
        sqlite3_open_v2(as_uri(path, immutable).c_str(), &raw,
                        SQLITE_OPEN_READONLY | SQLITE_OPEN_URI | SQLITE_OPEN_NOMUTEX, nullptr);
    Database db(raw);
    if (code == SQLITE_OK) return db;
    return Error{ErrorKind::bad_input,
                 fmt::format("cannot open recording {}: {}", path, sqlite3_errmsg(raw)),
                 "a recording is readable to the user who made it, and to root"};
}

/// The file decides nothing but data: no triggers, views or functions out of it are run.
Result<void> distrust(sqlite3* db) {
    sqlite3_busy_timeout(db, busy_timeout_ms);
    sqlite3_db_config(db, SQLITE_DBCONFIG_DEFENSIVE, 1, nullptr);
    sqlite3_db_config(db, SQLITE_DBCONFIG_TRUSTED_SCHEMA, 0, nullptr);
    sqlite3_db_config(db, SQLITE_DBCONFIG_ENABLE_TRIGGER, 0, nullptr);
    sqlite3_db_config(db, SQLITE_DBCONFIG_ENABLE_VIEW, 0, nullptr);
    sqlite3_limit(db, SQLITE_LIMIT_LENGTH, max_value_bytes);
    sqlite3_limit(db, SQLITE_LIMIT_ATTACHED, 0);
    return execute(db, "PRAGMA cell_size_check = ON; PRAGMA mmap_size = 0");
}

/// Ours, of this format, and with exactly our tables.
/// SQLite takes what is missing of the last page for zeros.
Result<void> check_whole(sqlite3* db, const std::string& path) {
    const Result<std::int64_t> page = query_integer(db, "PRAGMA page_size");
    if (!page) return page.error();
    struct stat file {};
    if (stat(path.c_str(), &file) != 0 || file.st_size % *page == 0) return {};
    return Error{ErrorKind::bad_input, fmt::format("recording {} is cut off", path),
                 "copy it again, all of it"};
}

Result<void> check_format(sqlite3* db, const std::string& path) {
    const Result<std::int64_t> application = query_integer(db, "PRAGMA application_id");
    if (!application) return application.error();
    if (*application != recording_application_id) return foreign(path);
    const Result<std::int64_t> format = query_integer(db, "PRAGMA user_version");
    if (!format) return format.error();
    if (*format > recording_format)
        return Error{ErrorKind::bad_input,
                     fmt::format("{} has recording format {}, this seep reads {}", path, *format,
                                 recording_format),
                     "read it with the version of seep that wrote it, or a newer one"};
    if (*format < 1) return foreign(path);
    if (*format < recording_format)
        return Error{ErrorKind::bad_input,
                     fmt::format("{} has recording format {}, of an older seep; this one reads {}",
                                 path, *format, recording_format),
                     "read it with the version of seep that wrote it, or record again"};

    std::unordered_map<std::string, std::string> found;
    Result<Statement> schema =
        Statement::prepare(db, "SELECT name, sql FROM sqlite_schema WHERE type = 'table'");
    if (!schema) return schema.error();
    Result<void> read = schema->for_each([&](Row& row) -> Result<void> {
        std::string name = row.text(0);
        found[std::move(name)] = row.text(1);
        return {};
    });
    if (!read) return read;
    for (const Table* table : recording_schema().tables())
        if (found[std::string(table->name)] != table->create_sql())
            return damaged(table->name, "is missing or not as seep writes it");
    return {};
}

/// "[1,0,7]" as the writer has it; into so many at most. What is left of them is 0.
bool parse_counts(std::string_view text, std::span<std::uint64_t> counts) {
    if (text.size() < 2 || text.front() != '[' || text.back() != ']') return false;
    const char* at = text.data() + 1;
    const char* const end = text.data() + text.size() - 1;
    for (std::uint64_t& count : counts) {
        if (at == end) return true;
        const auto [next, error] = std::from_chars(at, end, count);
        if (error != std::errc()) return false;
        if (next == end) return true;
        if (*next != ',') return false;
        at = next + 1;
    }
    return false;
}

/// Of two columns, from that one on.
Looks read_looks(Row& row, int column) {
    Lifetimes looked{};
    Lifetimes gone{};
    if (!parse_counts(row.text(column), looked)) row.reject(column, "is not a list of counts");
    if (!parse_counts(row.text(column + 1), gone))
        row.reject(column + 1, "is not a list of counts");
    std::size_t buckets = looked.size();
    while (buckets > 0 && looked[buckets - 1] == 0) --buckets;
    for (std::size_t i = 0; i < gone.size(); ++i)
        if (gone[i] > looked[i]) row.reject(column + 1, "has more than were looked at");
    return {{looked.begin(), looked.begin() + static_cast<std::ptrdiff_t>(buckets)},
            {gone.begin(), gone.begin() + static_cast<std::ptrdiff_t>(buckets)}};
}

}  // namespace

struct RecordingReader::State {
    Database db;
    RecordingInfo info;
    std::vector<SnapshotRecord> snapshots;
    std::vector<std::uint32_t> snapshot_ids;  ///< Parallel to `snapshots`, ascending.
    std::vector<ProcessRecord> processes;
    std::unordered_set<ProcessId> process_ids;

    /// Calls `row` for each row of the table; a row whose values do not fit is an error.
    template <typename Function>
    Result<void> each(const Table& table, Function&& row);
    template <typename Key>
    Result<std::unordered_set<Key>> keys(const Table& table);
    /// Of a table with a row a stack: what `read` makes of the stack and its row.
    template <typename OfStack, typename Read>
    Result<std::vector<OfStack>> of_stacks(const Table& table, Read&& read);
    /// The index in `snapshots`; a bad row if there is no such snapshot.
    std::uint32_t snapshot_index(Row& row, int column) const;
    ProcessId process(Row& row, int column, bool none = false) const;
    /// Of a table of blocks of a heap by size.
    Result<std::vector<HeapInUseRow>> heap_sizes(const Table& table);

    Result<void> read_info();
    Result<void> read_processes();
    Result<void> read_snapshots();
    Result<void> read_samples();
    Result<void> read_symbols(std::vector<LocationRecord>& locations);
    Result<void> read_stack_frames(std::vector<StackRecord>& stacks);
};

template <typename Function>
Result<void> RecordingReader::State::each(const Table& table, Function&& row) {
    Result<Statement> select = Statement::prepare(db.get(), table.select_sql());
    if (!select) return select.error();
    return select->for_each([&](Row& values) -> Result<void> {
        row(values);
        if (values.problem().empty()) return {};
        return damaged(table.name, values.problem());
    });
}

template <typename Key>
Result<std::unordered_set<Key>> RecordingReader::State::keys(const Table& table) {
    std::unordered_set<Key> keys;
    Result<void> read = each(
        table, [&](Row& row) { keys.insert(Key(static_cast<decltype(Key::value)>(row.bits(0)))); });
    if (!read) return read.error();
    return keys;
}

template <typename OfStack, typename Read>
Result<std::vector<OfStack>> RecordingReader::State::of_stacks(const Table& table, Read&& read) {
    const Result<std::unordered_set<StackId>> stacks = keys<StackId>(recording_schema().stack);
    if (!stacks) return stacks.error();
    std::vector<OfStack> all;
    Result<void> done = each(table, [&](Row& row) {
        const StackId stack(row.bits(0));
        if (!stacks->contains(stack)) row.reject(0, "names a stack that is not there");
        all.push_back(read(stack, row));
    });
    if (!done) return done.error();
    return all;
}

std::uint32_t RecordingReader::State::snapshot_index(Row& row, int column) const {
    const std::uint32_t id = row.id(column);
    const auto found = std::ranges::lower_bound(snapshot_ids, id);
    if (found == snapshot_ids.end() || *found != id) {
        row.reject(column, "names a snapshot that is not there");
        return 0;
    }
    return static_cast<std::uint32_t>(found - snapshot_ids.begin());
}

ProcessId RecordingReader::State::process(Row& row, int column, bool none) const {
    const ProcessId id(row.id(column, none));
    if (id && !process_ids.contains(id)) row.reject(column, "names a process that is not there");
    return id;
}

Result<void> RecordingReader::State::read_info() {
    return each(recording_schema().recording, [&](Row& row) {
        info.seep_version = row.text(1);
        info.started_ns = bits(row.counter(2));
        info.interval_ns = row.counter(3);
        info.sampling_asked = row.text(4);
        info.sampling_bytes = row.counter(5);
        info.budget_ppm = row.counter(6);
        info.kernel = row.text(7);
        info.machine = row.text(8);
        info.attach_mode = row.text(9);
        const std::string sources = row.text(10);
        info.sources = parse_sources(sources).value_or(Sources{});
        if (sources_name(info.sources) != sources) row.reject(10, "is no list of sources");
        info.frame_cost_ps = row.counter(11);
        if (info.sampling_asked != "auto" && info.sampling_asked != "exact" &&
            info.sampling_asked != "bytes")
            row.reject(4, "is neither auto, exact nor bytes");
        if (info.budget_ppm > 1'000'000) row.reject(6, "is more than everything");
    });
}

Result<void> RecordingReader::State::read_processes() {
    return each(recording_schema().process, [&](Row& row) {
        ProcessRecord process;
        process.id = ProcessId(row.id(0));
        process.pid = row.integer(1, 0, std::numeric_limits<std::int32_t>::max());
        process.command = row.text(2);
        process.executable = row.text(3);
        process.started_ns = bits(row.counter(4));
        process.ended_ns = bits(row.counter(5));
        process.allocators = row.text(6);
        process.unwind_rows = row.counter(7);
        process.unwind_bytes = row.counter(8);
        process_ids.insert(process.id);
        processes.push_back(std::move(process));
    });
}

namespace {

/// Of a row of `snapshot`: none where any of its values is missing.
std::optional<HostMemory> host_memory(Row& row) {
    const auto memory = row.optional_counter(4);
    const auto available = row.optional_counter(5);
    const auto swap = row.optional_counter(6);
    const auto free_swap = row.optional_counter(7);
    if (!memory || !available || !swap || !free_swap) return std::nullopt;
    if (*available > *memory) row.reject(5, "is more than there is");
    if (*free_swap > *swap) row.reject(7, "is more than there is");
    return HostMemory{*memory, *available, *swap, *free_swap};
}

}  // namespace

Result<void> RecordingReader::State::read_snapshots() {
    Result<void> read = each(recording_schema().snapshot, [&](Row& row) {
        snapshot_ids.push_back(row.id(0));
        const std::int64_t time = bits(row.counter(1));
        if (!snapshots.empty() && time <= snapshots.back().time_ns)
            row.reject(1, "does not ascend");
        const std::uint64_t unobserved = row.counter(2);
        if (!snapshots.empty() && unobserved < snapshots.back().unobserved_ns)
            row.reject(2, "descends");
        const std::uint64_t pauses = row.counter(8);
        if (!snapshots.empty() && pauses < snapshots.back().pauses) row.reject(8, "descends");
        snapshots.push_back({.time_ns = time,
                             .work = row.optional_counter(3),
                             .unobserved_ns = unobserved,
                             .pauses = pauses,
                             .host = host_memory(row),
                             .processes = {}});
    });
    return read ? read_samples() : read;
}

Result<void> RecordingReader::State::read_samples() {
    return each(recording_schema().process_sample, [&](Row& row) {
        ProcessSample sample;
        const std::uint32_t snapshot = snapshot_index(row, 0);
        sample.process = process(row, 1);
        sample.alive = row.boolean(2);
        sample.rss_bytes = row.counter(3);
        sample.anonymous_bytes = row.counter(4);
        sample.swap_bytes = row.counter(5);
        sample.virtual_bytes = row.counter(6);
        sample.cpu_ns = row.counter(7);
        sample.waited_ns = row.counter(8);
        sample.cgroup_current = row.optional_counter(9);
        sample.cgroup_limit = row.optional_counter(10);
        sample.cgroup_inactive_file = row.optional_counter(11);
        sample.allocated_count = row.counter(12);
        sample.allocated_bytes = row.counter(13);
        sample.freed_count = row.counter(14);
        sample.failed_count = row.counter(15);
        sample.probe_hits = row.counter(16);
        sample.overhead_ns = row.counter(17);
        sample.page_faults = row.counter(18);
        sample.unobserved_page_faults = row.counter(19);
        if (const auto program = row.optional_counter(20))
            sample.mapped = {*program, row.optional_counter(21).value_or(0),
                             row.optional_counter(22).value_or(0),
                             row.optional_counter(23).value_or(0)};
        if (const auto touched = row.optional_counter(24))
            sample.faulted = {*touched, row.optional_counter(25).value_or(0),
                              row.optional_counter(26).value_or(0)};
        for (std::size_t loss = 0; loss < sample.losses.size(); ++loss)
            sample.losses[loss] = row.counter(27 + static_cast<int>(loss));
        if (row.problem().empty()) snapshots[snapshot].processes.push_back(sample);
    });
}

RecordingReader::RecordingReader(std::unique_ptr<State> state) : state_(std::move(state)) {}
RecordingReader::RecordingReader(RecordingReader&&) noexcept = default;
RecordingReader& RecordingReader::operator=(RecordingReader&&) noexcept = default;
RecordingReader::~RecordingReader() = default;

Result<RecordingReader> RecordingReader::open(const std::string& path) {
    Result<Database> db = open_database(path);
    if (!db) return db.error();
    auto state = std::make_unique<State>();
    state->db = std::move(*db);
    // One read transaction for the reader's life: all that is read is of one moment, even while the
    // recording is being written.
    Result<void> done = distrust(state->db.get());
    if (done) done = execute(state->db.get(), "BEGIN");
    if (done) done = check_format(state->db.get(), path);
    if (done) done = check_whole(state->db.get(), path);
    if (done) done = state->read_info();
    if (done) done = state->read_processes();
    if (done) done = state->read_snapshots();
    if (!done) return done.error();
    if (state->snapshots.empty())
        return Error{ErrorKind::bad_input, fmt::format("recording {} has no snapshot", path),
                     "its recorder ended before it took the first one; record again"};
    return RecordingReader(std::move(state));
}

const RecordingInfo& RecordingReader::info() const {
    return state_->info;
}
const std::vector<SnapshotRecord>& RecordingReader::snapshots() const {
    return state_->snapshots;
}
const std::vector<ProcessRecord>& RecordingReader::processes() const {
    return state_->processes;
}

Result<std::vector<ObjectRecord>> RecordingReader::objects() {
    std::vector<ObjectRecord> objects;
    Result<void> read = state_->each(recording_schema().object, [&](Row& row) {
        ObjectRecord object;
        object.id = ObjectId(row.id(0));
        object.kind = static_cast<ObjectKind>(
            row.integer(1, 0, static_cast<std::int64_t>(ObjectKind::anonymous)));
        object.path = row.text(2);
        object.build_id = row.text(3);
        objects.push_back(std::move(object));
    });
    if (!read) return read.error();
    return objects;
}

Result<void> RecordingReader::State::read_symbols(std::vector<LocationRecord>& locations) {
    // Both are sorted by location.
    auto location = locations.begin();
    return each(recording_schema().symbol, [&](Row& row) {
        const LocationId id(row.id(0));
        while (location != locations.end() && location->id < id) ++location;
        if (location == locations.end() || location->id != id)
            return row.reject(0, "names a location that is not there");
        const auto position = static_cast<std::size_t>(
            row.integer(1, 0, static_cast<std::int64_t>(max_recorded_symbols) - 1));
        if (position != location->frames.size()) return row.reject(1, "leaves a gap");
        FrameRecord frame;
        frame.function = row.text(2);
        frame.file = row.text(3);
        frame.line = row.id(4, true);
        frame.inlined = row.boolean(5);
        location->frames.push_back(std::move(frame));
    });
}

Result<std::vector<LocationRecord>> RecordingReader::locations() {
    const Result<std::unordered_set<ObjectId>> objects =
        state_->keys<ObjectId>(recording_schema().object);
    if (!objects) return objects.error();
    std::vector<LocationRecord> locations;
    Result<void> read = state_->each(recording_schema().location, [&](Row& row) {
        LocationRecord location;
        location.id = LocationId(row.id(0));
        location.object = ObjectId(row.id(1, true));
        location.address = row.bits(2);
        location.is_call = row.boolean(3);
        location.symbolized = row.boolean(4);
        if (location.object && !objects->contains(location.object))
            row.reject(1, "names an object that is not there");
        locations.push_back(std::move(location));
    });
    if (read) read = state_->read_symbols(locations);
    if (!read) return read.error();
    return locations;
}

Result<void> RecordingReader::State::read_stack_frames(std::vector<StackRecord>& stacks) {
    const Result<std::unordered_set<LocationId>> locations =
        keys<LocationId>(recording_schema().location);
    if (!locations) return locations.error();
    // Both are sorted by the stack's id as a signed integer.
    auto stack = stacks.begin();
    return each(recording_schema().stack_frame, [&](Row& row) {
        const std::int64_t id = bits(row.bits(0));
        while (stack != stacks.end() && bits(stack->id.value) < id) ++stack;
        if (stack == stacks.end() || bits(stack->id.value) != id)
            return row.reject(0, "names a stack that is not there");
        const auto position = static_cast<std::size_t>(row.integer(1, 0, SEEP_MAX_FRAMES - 1));
        if (position != stack->locations.size()) return row.reject(1, "leaves a gap");
        const LocationId location(row.id(2));
        if (!locations->contains(location)) row.reject(2, "names a location that is not there");
        stack->locations.push_back(location);
    });
}

Result<std::vector<StackRecord>> RecordingReader::stacks() {
    std::vector<StackRecord> stacks;
    Result<void> read = state_->each(recording_schema().stack, [&](Row& row) {
        StackRecord stack;
        stack.id = StackId(row.bits(0));
        stack.process = state_->process(row, 1);
        stack.end = static_cast<StackEnd>(
            row.integer(2, 0, static_cast<std::int64_t>(StackEnd::unsupported)));
        stack.kind =
            static_cast<StackKind>(row.integer(3, 0, static_cast<std::int64_t>(StackKind::fault)));
        stacks.push_back(std::move(stack));
    });
    if (read) read = state_->read_stack_frames(stacks);
    if (!read) return read.error();
    return stacks;
}

Result<std::vector<ProbeRecord>> RecordingReader::probes() {
    const Result<std::unordered_set<ObjectId>> objects =
        state_->keys<ObjectId>(recording_schema().object);
    if (!objects) return objects.error();
    std::vector<ProbeRecord> probes;
    Result<void> read = state_->each(recording_schema().probe, [&](Row& row) {
        ProbeRecord probe;
        probe.id = row.id(0);
        probe.process = state_->process(row, 1);
        probe.object = ObjectId(row.id(2, true));
        probe.function = row.text(3);
        probe.address = row.bits(4);
        probe.site = row.text(5);
        probe.hits = row.counter(6);
        probe.hit_cost_ps = row.counter(7);
        if (probe.object && !objects->contains(probe.object))
            row.reject(2, "names an object that is not there");
        probes.push_back(std::move(probe));
    });
    if (!read) return read.error();
    return probes;
}

Result<std::vector<EventRecord>> RecordingReader::events() {
    std::vector<EventRecord> events;
    Result<void> read = state_->each(recording_schema().event, [&](Row& row) {
        EventRecord event;
        event.time_ns = bits(row.counter(1));
        event.process = state_->process(row, 2, true);
        event.kind = row.text(3);
        event.text = row.text(4);
        events.push_back(std::move(event));
    });
    if (!read) return read.error();
    return events;
}

Result<std::vector<PeriodRecord>> RecordingReader::periods() {
    std::vector<PeriodRecord> periods;
    Result<void> read = state_->each(recording_schema().period, [&](Row& row) {
        PeriodRecord period;
        period.id = row.id(0);
        period.started_ns = bits(row.counter(1));
        period.ended_ns = bits(row.counter(2));
        period.level = row.text(3);
        period.sampling_bytes = row.counter(4);
        period.unobserved_ns = row.counter(5);
        if (period.level != "continuous" && period.level != "windows")
            row.reject(3, "is neither continuous nor windows");
        periods.push_back(std::move(period));
    });
    if (!read) return read.error();
    return periods;
}

Result<void> RecordingReader::for_each_totals(const std::function<void(const TotalsRow&)>& row) {
    const Result<std::unordered_set<StackId>> stacks =
        state_->keys<StackId>(recording_schema().stack);
    if (!stacks) return stacks.error();
    return state_->each(recording_schema().totals, [&](Row& values) {
        TotalsRow totals;
        totals.snapshot = state_->snapshot_index(values, 0);
        totals.stack = StackId(values.bits(1));
        if (!stacks->contains(totals.stack)) values.reject(1, "names a stack that is not there");
        Totals& t = totals.totals;
        t.allocated_count = values.counter(2);
        t.allocated_bytes = values.counter(3);
        // The kernel's counters are not read in one instant: what was freed may be ahead.
        t.freed_count = std::min(values.counter(4), t.allocated_count);
        t.freed_bytes = std::min(values.counter(5), t.allocated_bytes);
        t.allocated_squares = values.bits(6);
        t.freed_squares = values.bits(7);
        t.held_variance = values.counter(8);
        t.mean_birth_us = values.counter(9);
        t.lapsed_count = std::min(values.counter(10), t.held_count());
        t.lapsed_bytes = std::min(values.counter(11), t.held_bytes());
        totals.least_held_bytes = std::min(values.counter(12), t.held_bytes());
        if (values.problem().empty()) row(totals);
    });
}

Result<std::vector<std::pair<StackId, Lifetimes>>> RecordingReader::lifetimes() {
    return state_->of_stacks<std::pair<StackId, Lifetimes>>(
        recording_schema().lifetime, [](StackId stack, Row& row) {
            Lifetimes lifetimes{};
            if (!parse_counts(row.text(1), lifetimes)) row.reject(1, "is not a list of counts");
            return std::pair(stack, lifetimes);
        });
}

Result<std::vector<StackRevisits>> RecordingReader::revisits() {
    return state_->of_stacks<StackRevisits>(
        recording_schema().revisit, [](StackId stack, Row& row) {
            return StackRevisits{stack, read_looks(row, 1), read_looks(row, 3)};
        });
}

Result<std::vector<StackReachability>> RecordingReader::reachability() {
    return state_->of_stacks<StackReachability>(
        recording_schema().reachability, [](StackId stack, Row& row) {
            StackReachability seen{.stack = stack};
            seen.born_within_us = row.counter(1);
            seen.looked = row.counter(2);
            seen.lost = row.counter(3);
            seen.lost_bytes = row.counter(4);
            seen.lost_age_us = row.counter(5);
            seen.followed = row.counter(6);
            seen.refuted = row.counter(7);
            seen.all_known = row.boolean(8);
            seen.object = StackId(row.bits(9));
            seen.in_object = row.counter(10);
            if (seen.lost > seen.looked) row.reject(3, "has more than were looked for");
            if (seen.refuted > seen.followed) row.reject(7, "has more than were followed");
            if (seen.in_object > seen.lost) row.reject(10, "has more than were lost");
            return seen;
        });
}

Result<std::vector<CallCountRow>> RecordingReader::call_counts() {
    const Result<std::unordered_set<LocationId>> locations =
        state_->keys<LocationId>(recording_schema().location);
    if (!locations) return locations.error();
    std::vector<CallCountRow> rows;
    const Result<void> read = state_->each(recording_schema().call_count, [&](Row& row) {
        CallCountRow counted;
        counted.snapshot = state_->snapshot_index(row, 0);
        counted.count.process = state_->process(row, 1);
        counted.count.location = LocationId(row.id(2));
        counted.count.observed_ns = row.counter(3);
        counted.count.observed_calls = row.counter(4);
        counted.count.unobserved_ns = row.counter(5);
        counted.count.unobserved_calls = row.counter(6);
        if (!locations->contains(counted.count.location))
            row.reject(2, "names a location that is not there");
        rows.push_back(counted);
    });
    if (!read) return read.error();
    return rows;
}

Result<std::vector<HeapInUseRow>> RecordingReader::State::heap_sizes(const Table& table) {
    std::vector<HeapInUseRow> rows;
    const Result<void> read = each(table, [&](Row& row) {
        HeapInUseRow counted;
        counted.snapshot = snapshot_index(row, 0);
        counted.size.process = process(row, 1);
        counted.size.chunk_bytes = row.counter(2);
        counted.size.blocks = row.counter(3);
        counted.size.bytes = row.counter(4);
        rows.push_back(counted);
    });
    if (!read) return read.error();
    return rows;
}

Result<std::vector<HeapInUseRow>> RecordingReader::heap_in_use() {
    return state_->heap_sizes(recording_schema().heap_in_use);
}

Result<std::vector<HeapInUseRow>> RecordingReader::heap_lost() {
    return state_->heap_sizes(recording_schema().heap_lost);
}

}  // namespace seep
