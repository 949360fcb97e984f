// SPDX-License-Identifier: GPL-2.0-only

#include "support.h"

#include <fcntl.h>
#include <fmt/core.h>
#include <gtest/gtest.h>
#include <stdlib.h>

#include <cstdio>
#include <fstream>
#include <stdexcept>

namespace seep::test {
namespace {

constexpr std::string_view assembly_macros = R"(
.text
.macro function name
  .globl \name
  .type \name, @function
  \name:
.endm
.macro end name
  .size \name, . - \name
.endm
)";

}  // namespace

Workshop::Workshop() {
    std::string name = (std::filesystem::temp_directory_path() / "seep-probes-XXXXXX").string();
    if (mkdtemp(name.data()) == nullptr) throw std::runtime_error("mkdtemp");
    directory_ = name;
}

Workshop::~Workshop() {
    std::error_code ignored;
    std::filesystem::remove_all(directory_, ignored);
}

std::string Workshop::path(std::string_view name) const {
    return directory_ / name;
}

std::string Workshop::build(std::string_view file, std::string_view source,
                            std::string_view command) const {
    std::ofstream(path(file)) << source;
    const std::string out = path(std::string(file) + ".out");
    run(fmt::format(fmt::runtime(command), fmt::arg("src", path(file)), fmt::arg("out", out)));
    return out;
}

std::string Workshop::assemble(std::string_view source) const {
    return build("code.s", std::string(assembly_macros).append(source),
                 "gcc -shared -nostdlib -o {out} {src}");
}

std::string run(const std::string& command) {
    FILE* pipe = popen((command + " 2>&1").c_str(), "r");
    if (pipe == nullptr) throw std::runtime_error("popen");
    std::string output;
    char buffer[4096];
    for (std::size_t got; (got = fread(buffer, 1, sizeof buffer, pipe)) > 0;) {
        output.append(buffer, got);
    }
    if (pclose(pipe) != 0) throw std::runtime_error(command + ": " + output);
    return output;
}

ObjectFile open_object(const std::string& path) {
    auto object = ObjectFile::open(UniqueFd(open(path.c_str(), O_RDONLY | O_CLOEXEC)), path, {});
    if (!object) throw std::runtime_error(object.error().message);
    return std::move(*object);
}

std::string library(std::string_view name) {
    for (std::string_view folder :
         {"/lib/x86_64-linux-gnu/", "/usr/lib/x86_64-linux-gnu/", "/lib/"}) {
        std::string path = std::string(folder).append(name);
        if (std::filesystem::exists(path)) return path;
    }
    return {};
}

std::vector<FoundFunction> found_in(const std::string& path) {
    auto found = find_allocator_functions(open_object(path));
    if (!found) throw std::runtime_error(found.error().message);
    return *found;
}

std::vector<std::string> names_of(const std::vector<FoundFunction>& functions) {
    std::vector<std::string> names;
    for (const FoundFunction& function : functions) names.push_back(function.symbol);
    return names;
}

ProbePlans plans_for(const ObjectFile& object) {
    auto found = find_allocator_functions(object);
    if (!found) throw std::runtime_error(found.error().message);
    auto plans = plan_probes(object, *found);
    if (!plans) throw std::runtime_error(plans.error().message);
    return *plans;
}

ProbePlan plan_of(const ProbePlans& plans, std::string_view symbol) {
    for (const ProbePlan& plan : plans.plans) {
        if (plan.function.symbol == symbol) return plan;
    }
    throw std::runtime_error(fmt::format("no plan for {}", symbol));
}

}  // namespace seep::test
