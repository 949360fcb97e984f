// SPDX-License-Identifier: GPL-2.0-only

// Compiles the unwind tables of files, and of all files below directories, and compares them with
// libdw's rows. Prints what it cost and what the tables cannot say; fails if there is a
// disagreement.
//
//     unwind_tables [--stride N] [--verbose] PATH...
//
// With a stride of N only every Nth function is compared, with 0 none.
#include <fcntl.h>
#include <fmt/format.h>

#include <chrono>
#include <cstdlib>
#include <filesystem>
#include <set>
#include <string_view>
#include <vector>

#include "base/text.h"
#include "oracle.h"
#include "unwind/cfi_compiler.h"

namespace seep {
namespace {

struct Options {
    std::size_t stride = 1;
    bool verbose = false;
    std::vector<std::filesystem::path> paths;
};

struct Sum {
    std::uint64_t objects = 0;
    std::uint64_t without_table = 0;
    std::uint64_t words = 0;
    std::uint64_t compared = 0;
    std::uint64_t disagreements = 0;
    std::chrono::duration<double> time{};
    UnwindCounts counts;
};

void add(const UnwindCounts& counts, UnwindCounts& sum) {
    sum.functions += counts.functions;
    sum.rows += counts.rows;
    sum.rules = std::max(sum.rules, counts.rules);
    sum.cfi_rows += counts.cfi_rows;
    sum.unusable_entries += counts.unusable_entries;
    sum.functions_outside += counts.functions_outside;
    for (std::size_t i = 0; i < unsupported_reasons; ++i)
        sum.unsupported[i] += counts.unsupported[i];
}

std::string unsupported_text(const UnwindCounts& counts) {
    std::string text;
    for (std::size_t i = 1; i < unsupported_reasons; ++i) {
        if (counts.unsupported[i] == 0) continue;
        text += fmt::format("{} {} ", name_of(static_cast<Unsupported>(i)), counts.unsupported[i]);
    }
    return text.empty() ? "none" : text;
}

void print(std::string_view name, const UnwindTable& table, double seconds,
           const test::Comparison& comparison) {
    const UnwindCounts& counts = table.counts;
    fmt::print(
        "{}: {} functions, {} rows of {}, {} rules, {}, {:.1f} ms, unsupported {}, "
        "unusable {}, outside {}, compared {}, disagreements {} {}\n",
        name, counts.functions, counts.rows, counts.cfi_rows, counts.rules,
        format_bytes(static_cast<double>(8 * table.words.size())), seconds * 1000,
        unsupported_text(counts), counts.unusable_entries, counts.functions_outside,
        comparison.rows, comparison.disagreements, comparison.first);
}

void examine(const std::filesystem::path& path, const Options& options, Sum& sum) {
    UniqueFd fd(open(path.c_str(), O_RDONLY | O_CLOEXEC | O_NONBLOCK));
    const auto object = ObjectFile::open(std::move(fd), path, {});
    if (!object || object->architecture() != Architecture::x86_64) return;
    ++sum.objects;
    const auto start = std::chrono::steady_clock::now();
    const auto table = compile_unwind_table(*object);
    const std::chrono::duration<double> time = std::chrono::steady_clock::now() - start;
    if (!table) {
        ++sum.without_table;
        if (options.verbose) fmt::print("{}\n", table.error().message);
        return;
    }
    test::Comparison comparison;
    if (options.stride > 0) {
        comparison = test::compare_with_libdw(*table, object->fd(), options.stride);
    }
    sum.time += time;
    sum.words += table->words.size();
    sum.compared += comparison.rows;
    sum.disagreements += comparison.disagreements;
    add(table->counts, sum.counts);
    const bool odd = comparison.disagreements > 0;
    if (options.verbose || odd) print(path.string(), *table, time.count(), comparison);
}

void walk(const std::filesystem::path& root, const Options& options,
          std::set<std::filesystem::path>& done, Sum& sum) {
    namespace fs = std::filesystem;
    const auto once = [&](const fs::path& path) {
        std::error_code error;
        const fs::path real = fs::canonical(path, error);
        if (!error && fs::is_regular_file(real) && done.insert(real).second) {
            examine(real, options, sum);
        }
    };
    if (!fs::is_directory(root)) return once(root);
    const auto flags = fs::directory_options::skip_permission_denied;
    for (const auto& entry : fs::recursive_directory_iterator(root, flags)) {
        if (!entry.is_directory()) once(entry.path());
    }
}

int run(const Options& options) {
    Sum sum;
    std::set<std::filesystem::path> done;
    for (const auto& path : options.paths) walk(path, options, done, sum);
    const UnwindCounts& counts = sum.counts;
    fmt::print("{} objects, {} without a table\n", sum.objects, sum.without_table);
    fmt::print("{} functions, {} rows of {}, at most {} rules, {:.2f} bytes a row, {} in all\n",
               counts.functions, counts.rows, counts.cfi_rows, counts.rules,
               8.0 * static_cast<double>(sum.words) / static_cast<double>(counts.rows),
               format_bytes(8.0 * static_cast<double>(sum.words)));
    fmt::print("unsupported: {}; {} unusable entries, {} functions outside the code\n",
               unsupported_text(counts), counts.unusable_entries, counts.functions_outside);
    fmt::print("{:.2f} s to compile; {} rows compared, {} disagreements\n", sum.time.count(),
               sum.compared, sum.disagreements);
    return sum.objects == 0 || sum.disagreements > 0 ? 1 : 0;
}

}  // namespace
}  // namespace seep

int main(int argc, char** argv) {
    seep::Options options;
    for (int i = 1; i < argc; ++i) {
        const std::string_view argument = argv[i];
        if (argument == "--stride" && i + 1 < argc) {
            options.stride = std::strtoul(argv[++i], nullptr, 10);
        } else if (argument == "--verbose") {
            options.verbose = true;
        } else {
            options.paths.emplace_back(argument);
        }
    }
    return seep::run(options);
}
