// SPDX-License-Identifier: GPL-2.0-only
#include "support.h"

#include <fcntl.h>
#include <fmt/format.h>
#include <gtest/gtest.h>
#include <linux/capability.h>

#include <algorithm>
#include <cstdlib>
#include <filesystem>
#include <fstream>
#include <stdexcept>

namespace seep::test {

SystemFacts good_facts() {
    SystemFacts facts;
    facts.kernel_release = "6.18.1-amd64";
    facts.machine = "x86_64";
    facts.btf_bytes = 5'000'000;
    facts.uprobe_pmu = true;
    facts.trials.attach_modes = {AttachMode::session, AttachMode::multi, AttachMode::single};
    facts.trials.verifying = std::chrono::milliseconds(300);
    facts.trials.costs.emplace();
    facts.trials.costs->of(SiteKind::emulated, ExitProbe::none).call_ns = 754;
    facts.trials.costs->of(SiteKind::single_stepped, ExitProbe::return_probe).call_ns = 20'567;
    facts.trials.costs->set_frame_ns(290);
    facts.capabilities = ~std::uint64_t{0};
    facts.perf_event_paranoid = 3;
    facts.unprivileged_bpf_disabled = 2;
    facts.ptrace_scope = 1;
    facts.lockdown = "integrity";
    facts.open_files = 1024;
    facts.open_files_max = 1'048'576;
    facts.libbpf_version = "v1.4";
    return facts;
}

SystemFacts facts_without_privilege() {
    SystemFacts facts = good_facts();
    const Error refused{ErrorKind::untraceable, "Operation not permitted", "run as root"};
    facts.capabilities = 0;
    facts.trials = {.bpf = refused, .events = refused};
    return facts;
}

Check check_named(const std::vector<Check>& checks, std::string_view name) {
    const auto found = std::ranges::find(checks, name, &Check::name);
    if (found == checks.end()) throw std::runtime_error(fmt::format("no check {}", name));
    return *found;
}

std::vector<std::string> names_with(const std::vector<Check>& checks, CheckStatus status) {
    std::vector<std::string> names;
    for (const Check& check : checks) {
        if (check.status == status) names.push_back(check.name);
    }
    return names;
}

ObjectFile build(std::string_view file_name, std::string_view source, std::string_view flags) {
    char pattern[] = "/tmp/seep-doctor-XXXXXX";
    if (mkdtemp(pattern) == nullptr) throw std::runtime_error("mkdtemp");
    const std::filesystem::path directory = pattern;
    std::ofstream(directory / file_name) << source;
    const std::string output = directory / "object";
    const std::string command =
        fmt::format("cc {} -o {} {}", flags, output, (directory / file_name).string());
    const int status = std::system(command.c_str());
    UniqueFd fd(open(output.c_str(), O_RDONLY | O_CLOEXEC));
    std::filesystem::remove_all(directory);
    if (status != 0) throw std::runtime_error("failed: " + command);
    auto object = ObjectFile::open(std::move(fd), output, {.device = 1, .inode = 1});
    if (!object) throw std::runtime_error(object.error().message);
    return std::move(*object);
}

}  // namespace seep::test
