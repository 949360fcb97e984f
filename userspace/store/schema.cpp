// SPDX-License-Identifier: GPL-2.0-only
#include "store/schema.h"

#include <fmt/format.h>
#include <fmt/ranges.h>

#include "drain/snapshot.h"

namespace seep {

namespace {

constexpr std::string_view id = "INTEGER PRIMARY KEY";
constexpr std::string_view number = "INTEGER NOT NULL";
constexpr std::string_view optional_number = "INTEGER";
constexpr std::string_view text = "TEXT NOT NULL";

std::vector<std::string_view> names_of(const std::vector<Column>& columns) {
    std::vector<std::string_view> names;
    names.reserve(columns.size());
    for (const Column& column : columns) names.push_back(column.name);
    return names;
}

Table process_sample_table() {
    Table table{"process_sample",
                {{"snapshot", number},
                 {"process", number},
                 {"alive", number},
                 {"rss_bytes", number},
                 {"anonymous_bytes", number},
                 {"swap_bytes", number},
                 {"virtual_bytes", number},
                 {"cpu_ns", number},
                 {"waited_ns", number},
                 {"cgroup_current_bytes", optional_number},
                 {"cgroup_limit_bytes", optional_number},
                 {"cgroup_inactive_file_bytes", optional_number},
                 {"allocated_count", number},
                 {"allocated_bytes", number},
                 {"freed_count", number},
                 {"failed_count", number},
                 {"probe_hits", number},
                 {"overhead_ns", number},
                 {"page_faults", number},
                 {"unobserved_page_faults", number},
                 {"mapped_bytes", optional_number},
                 {"allocator_mapped_bytes", optional_number},
                 {"thread_stack_bytes", optional_number},
                 {"earlier_mapped_bytes", optional_number},
                 {"touched_bytes", optional_number},
                 {"untold_bytes", optional_number},
                 {"earlier_bytes", optional_number}},
                "snapshot, process"};
    for (std::size_t loss = 0; loss < SEEP_LOSS_COUNT; ++loss)
        table.columns.push_back({loss_name(loss), number});
    return table;
}

// max() makes SQLite take the other columns from the row that holds the maximum.
constexpr std::string_view latest_totals_view =
    "CREATE VIEW latest_totals AS\n"
    "SELECT stack, max(snapshot) AS snapshot,\n"
    "       allocated_bytes - freed_bytes - lapsed_bytes AS live_bytes,\n"
    "       allocated_count - freed_count - lapsed_count AS live_count,\n"
    "       allocated_bytes, allocated_count, freed_bytes, freed_count\n"
    "FROM totals GROUP BY stack";

constexpr std::string_view stack_text_view =
    "CREATE VIEW stack_text AS\n"
    "SELECT stack, group_concat(name, ';') AS text FROM (\n"
    "  SELECT stack_frame.stack AS stack,\n"
    "         coalesce(nullif(symbol.function, ''),\n"
    "                  printf('[%s+0x%x]', coalesce(object.path, 'unknown'), location.address))\n"
    "           AS name\n"
    "  FROM stack_frame\n"
    "  JOIN location ON location.id = stack_frame.location\n"
    "  LEFT JOIN symbol ON symbol.location = location.id\n"
    "  LEFT JOIN object ON object.id = location.object\n"
    "  ORDER BY stack_frame.stack, stack_frame.position DESC, symbol.position DESC)\n"
    "GROUP BY stack";

/// Blocks of the processes' heaps by size, of some snapshots.
Table heap_sizes(const char* name) {
    return {name,
            {{"snapshot", number},
             {"process", number},
             {"chunk_bytes", number},
             {"blocks", number},
             {"bytes", number}},
            "snapshot, process, chunk_bytes"};
}

Schema make_schema() {
    return {
        .recording = {"recording",
                      {{"id", id},
                       {"seep_version", text},
                       {"started_ns", number},
                       {"interval_ns", number},
                       {"sampling_asked", text},
                       {"sampling_bytes", number},
                       {"budget_ppm", number},
                       {"kernel", text},
                       {"machine", text},
                       {"attach_mode", text},
                       {"sources", text},
                       {"frame_cost_ps", number}},
                      {}},
        .process = {"process",
                    {{"id", id},
                     {"pid", number},
                     {"command", text},
                     {"executable", text},
                     {"started_ns", number},
                     {"ended_ns", number},
                     {"allocators", text},
                     {"unwind_rows", number},
                     {"unwind_bytes", number}},
                    {}},
        .object = {"object",
                   {{"id", id}, {"kind", number}, {"path", text}, {"build_id", text}},
                   {}},
        .location = {"location",
                     {{"id", id},
                      {"object", number},
                      {"address", number},
                      {"is_call", number},
                      {"symbolized", number}},
                     {}},
        .symbol = {"symbol",
                   {{"location", number},
                    {"position", number},
                    {"function", text},
                    {"file", text},
                    {"line", number},
                    {"inlined", number}},
                   "location, position"},
        .stack = {"stack",
                  {{"id", id}, {"process", number}, {"ending", number}, {"kind", number}},
                  {}},
        .stack_frame = {"stack_frame",
                        {{"stack", number}, {"position", number}, {"location", number}},
                        "stack, position"},
        .probe = {"probe",
                  {{"id", id},
                   {"process", number},
                   {"object", number},
                   {"function", text},
                   {"address", number},
                   {"site", text},
                   {"hits", number},
                   {"hit_cost_ps", number}},
                  {}},
        .event =
            {"event",
             {{"id", id}, {"time_ns", number}, {"process", number}, {"kind", text}, {"text", text}},
             {}},
        .period = {"period",
                   {{"id", id},
                    {"started_ns", number},
                    {"ended_ns", number},
                    {"level", text},
                    {"sampling_bytes", number},
                    {"unobserved_ns", number}},
                   {}},
        .snapshot = {"snapshot",
                     {{"id", id},
                      {"time_ns", number},
                      {"unobserved_ns", number},
                      {"work", optional_number},
                      {"host_memory_bytes", optional_number},
                      {"host_available_bytes", optional_number},
                      {"host_swap_bytes", optional_number},
                      {"host_free_swap_bytes", optional_number},
                      {"pauses", number}},
                     {}},
        .process_sample = process_sample_table(),
        .totals = {"totals",
                   {{"snapshot", number},
                    {"stack", number},
                    {"allocated_count", number},
                    {"allocated_bytes", number},
                    {"freed_count", number},
                    {"freed_bytes", number},
                    {"allocated_squares", number},
                    {"freed_squares", number},
                    {"held_variance", number},
                    {"mean_birth_us", number},
                    {"lapsed_count", number},
                    {"lapsed_bytes", number},
                    {"least_held_bytes", number}},
                   "snapshot, stack"},
        .lifetime = {"lifetime", {{"stack", id}, {"buckets", text}}, {}},
        .revisit = {"revisit",
                    {{"stack", id},
                     {"looked", text},
                     {"gone", text},
                     {"vague_looked", text},
                     {"vague_gone", text}},
                    {}},
        .reachability = {"reachability",
                         {{"stack", id},
                          {"born_within_us", number},
                          {"looked", number},
                          {"lost", number},
                          {"lost_bytes", number},
                          {"lost_age_us", number},
                          {"followed", number},
                          {"refuted", number},
                          {"all_known", number},
                          {"object", number},
                          {"in_object", number}},
                         {}},
        .call_count = {"call_count",
                       {{"snapshot", number},
                        {"process", number},
                        {"location", number},
                        {"observed_ns", number},
                        {"observed_calls", number},
                        {"unobserved_ns", number},
                        {"unobserved_calls", number}},
                       "snapshot, process, location"},
        .heap_in_use = heap_sizes("heap_in_use"),
        .heap_lost = heap_sizes("heap_lost"),
        .views = {latest_totals_view, stack_text_view},
    };
}

}  // namespace

std::string Table::create_sql() const {
    std::string sql = fmt::format("CREATE TABLE {} (", name);
    std::string_view separator = "\n  ";
    for (const Column& column : columns) {
        sql += fmt::format("{}{} {}", separator, column.name, column.type);
        separator = ",\n  ";
    }
    if (primary_key.empty()) return sql + ")";
    return sql + fmt::format(",\n  PRIMARY KEY ({})) WITHOUT ROWID", primary_key);
}

std::string Table::insert_sql(std::string_view verb) const {
    const std::vector<std::string_view> parameters(columns.size(), "?");
    return fmt::format("{} INTO {} ({}) VALUES ({})", verb, name,
                       fmt::join(names_of(columns), ", "), fmt::join(parameters, ", "));
}

std::string Table::select_sql() const {
    return fmt::format("SELECT {} FROM {} ORDER BY {}", fmt::join(names_of(columns), ", "), name,
                       primary_key.empty() ? columns.front().name : primary_key);
}

std::vector<const Table*> Schema::tables() const {
    return {&recording,    &process,        &object,      &location, &symbol,
            &stack,        &stack_frame,    &probe,       &event,    &period,
            &snapshot,     &process_sample, &totals,      &lifetime, &revisit,
            &reachability, &call_count,     &heap_in_use, &heap_lost};
}

const Schema& recording_schema() {
    static const Schema schema = make_schema();
    return schema;
}

}  // namespace seep
