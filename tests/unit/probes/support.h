// SPDX-License-Identifier: GPL-2.0-only
#pragma once

// Objects for the tests: those of the system, and some built on the spot.

#include <filesystem>
#include <string>
#include <string_view>
#include <vector>

#include "probes/finder.h"
#include "probes/sites.h"
#include "target/object_file.h"

namespace seep::test {

/// A directory that goes away with its contents.
class Workshop {
 public:
    Workshop();
    ~Workshop();
    Workshop(const Workshop&) = delete;
    Workshop& operator=(const Workshop&) = delete;

    [[nodiscard]] std::string path(std::string_view name) const;
    /// Writes `source` to a file of that name and runs `command`, in which {src} and {out} are the
    /// file and the result. Returns the result's path; throws if the command fails.
    [[nodiscard]] std::string build(std::string_view file, std::string_view source,
                                    std::string_view command) const;
    /// A shared object of assembly in which `function NAME` and `end NAME` bracket a function.
    [[nodiscard]] std::string assemble(std::string_view source) const;

 private:
    std::filesystem::path directory_;
};

/// Runs the command; its output. Throws if it fails.
std::string run(const std::string& command);

ObjectFile open_object(const std::string& path);
/// Path of a library of the system; empty if it is not installed.
std::string library(std::string_view name);

std::vector<FoundFunction> found_in(const std::string& path);
std::vector<std::string> names_of(const std::vector<FoundFunction>& functions);
/// The plans for what find_allocator_functions() finds.
ProbePlans plans_for(const ObjectFile& object);
/// The plan of the function with that name; fails the test if there is none.
ProbePlan plan_of(const ProbePlans& plans, std::string_view symbol);

}  // namespace seep::test
