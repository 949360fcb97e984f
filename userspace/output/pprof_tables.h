// SPDX-License-Identifier: GPL-2.0-only
#pragma once

// The tables of a profile that its samples refer to: strings, functions, locations, mappings, each
// thing once. Not thread-safe. See output/pprof.h.

#include <cstdint>
#include <map>
#include <protozero/pbf_writer.hpp>
#include <span>
#include <string>
#include <string_view>
#include <tuple>
#include <unordered_map>
#include <vector>

#include "analysis/report.h"

namespace seep {

class PprofTables {
 public:
    explicit PprofTables(const std::vector<ObjectRecord>& objects);

    /// Index of an untrusted text, made printable, in the string table.
    std::int64_t text(std::string_view untrusted);
    /// Ids of the stack's locations, innermost first.
    std::vector<std::uint64_t> locations(const ReportStack& stack);
    /// All that was asked for, in any part of the message but the samples.
    void write(protozero::pbf_writer& profile, std::uint32_t main_object) const;

 private:
    struct Line {
        std::uint64_t function = 0;
        std::int64_t line = 0;
        auto operator<=>(const Line&) const = default;
    };
    struct Location {
        std::uint32_t object = 0;
        std::uint64_t address = 0;
        std::vector<Line> lines;
        auto operator<=>(const Location&) const = default;
    };
    struct Function {
        std::int64_t name = 0;
        std::int64_t file = 0;
        auto operator<=>(const Function&) const = default;
    };
    /// What is known of the code of an object at all its locations so far.
    struct Mapping {
        bool is_file = false;
        std::int64_t path = 0;
        std::int64_t build_id = 0;
        bool used = false;
        bool functions = true;
        bool files = true;
        bool lines = true;
        bool inlines = false;
    };

    std::uint64_t location(std::span<const ReportFrame> frames);
    /// The name to give a function; empty if a reader may find a better one.
    [[nodiscard]] std::string name_of(const ReportFrame& frame) const;
    std::uint64_t function(const std::string& name, const std::string& file);
    void write_mapping(protozero::pbf_writer& profile, std::uint32_t object) const;

    std::vector<std::string> strings_;
    std::unordered_map<std::string, std::int64_t> string_index_;
    std::map<Function, std::uint64_t> functions_;
    std::map<Location, std::uint64_t> locations_;
    std::vector<Mapping> mappings_;  ///< By object - 1.
};

}  // namespace seep
