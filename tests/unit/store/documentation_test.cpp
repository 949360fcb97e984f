// SPDX-License-Identifier: GPL-2.0-only
// docs/recording.md is held to the schema, and its queries are run.

#include <gmock/gmock.h>
#include <sqlite3.h>

#include <fstream>

#include "sample_recording.h"
#include "store/schema.h"

namespace seep {
namespace {

using namespace testing;

std::string document() {
    const std::filesystem::path store_tests = std::filesystem::path(__FILE__).parent_path();
    std::ifstream file(store_tests / "../../../docs/recording.md");
    return {std::istreambuf_iterator<char>(file), {}};
}

std::vector<std::string> sql_examples(const std::string& text) {
    constexpr std::string_view fence = "```sql\n";
    std::vector<std::string> examples;
    for (std::size_t at = 0; (at = text.find(fence, at)) != std::string::npos;) {
        at += fence.size();
        examples.push_back(text.substr(at, text.find("```", at) - at));
    }
    return examples;
}

/// The part of the document about a table.
std::string section(const std::string& text, std::string_view table) {
    const std::size_t begin = text.find("### " + std::string(table) + "\n");
    if (begin == std::string::npos) return {};
    return text.substr(begin, text.find("\n### ", begin) - begin);
}

TEST(Documentation, DescribesEveryTableAndColumn) {
    const std::string text = document();
    for (const Table* table : recording_schema().tables())
        for (const Column& column : table->columns)
            EXPECT_THAT(section(text, table->name),
                        ::testing::HasSubstr("`" + std::string(column.name) + "`"))
                << table->name;
    EXPECT_THAT(text, ::testing::HasSubstr("After 2,000,000 rows"));
    EXPECT_EQ(WriterOptions{}.max_rows, 2'000'000u);
}

/// FNV-1a, which is the same with every library.
std::uint32_t hash_of(std::string_view text) {
    std::uint32_t hash = 2166136261U;
    for (const unsigned char byte : text) hash = (hash ^ byte) * 16777619U;
    return hash;
}

TEST(Documentation, AChangedTableIsANewFormat) {
    std::string tables;
    for (const Table* table : recording_schema().tables()) tables += table->create_sql();
    EXPECT_EQ(recording_format, 5);
    EXPECT_EQ(hash_of(tables), 3042149981U)
        << "a table has changed: raise recording_format, say so in "
           "docs/recording.md, and put both numbers here";
    EXPECT_THAT(document(),
                ::testing::HasSubstr("is the format, " + std::to_string(recording_format) + "."));
}

/// Runs a query; its rows, each with "|" between columns.
std::vector<std::string> rows_of(sqlite3* db, const std::string& sql) {
    std::vector<std::string> rows;
    const auto collect = [](void* out, int count, char** values, char**) {
        std::string row;
        for (int i = 0; i < count; ++i)
            row += std::string(i > 0 ? "|" : "") + (values[i] ? values[i] : "");
        static_cast<std::vector<std::string>*>(out)->push_back(row);
        return 0;
    };
    EXPECT_EQ(sqlite3_exec(db, sql.c_str(), collect, &rows, nullptr), SQLITE_OK)
        << sqlite3_errmsg(db) << "\n"
        << sql;
    return rows;
}

TEST(Documentation, ItsQueriesAnswer) {
    const TemporaryDirectory directory;
    write_sample(directory.file(), 10);
    sqlite3* db = nullptr;
    ASSERT_EQ(sqlite3_open_v2(directory.file().c_str(), &db, SQLITE_OPEN_READONLY, nullptr),
              SQLITE_OK);
    const std::vector<std::string> examples = sql_examples(document());
    ASSERT_EQ(examples.size(), 8u);
    std::vector<std::string> first_rows;
    for (const std::string& example : examples) {
        const std::vector<std::string> rows = rows_of(db, example);
        ASSERT_FALSE(rows.empty()) << example;
        first_rows.push_back(rows.front());
    }
    sqlite3_close(db);
    EXPECT_EQ(first_rows[0], "900|9|[/usr/bin/leaky+0xffffffffffffff00];outer;inner;malloc");
    // 90 s in all: 900 bytes at the end, 600 after a minute.
    EXPECT_EQ(first_rows[1], "300|[/usr/bin/leaky+0xffffffffffffff00];outer;inner;malloc");
    EXPECT_EQ(first_rows[2], "2025-11-20 18:06:40|0|0");
    EXPECT_EQ(first_rows[3], "malloc|1400");
    EXPECT_EQ(first_rows[4], "/usr/bin/leaky|900|18");
    EXPECT_EQ(first_rows[5], "2025-11-20 18:06:40|4242|0|0|0|0");
    EXPECT_EQ(first_rows[6], "-1152921504606846975|9|900");
    EXPECT_EQ(first_rows[7], "malloc|emulated|12|0.0");
}

}  // namespace
}  // namespace seep
