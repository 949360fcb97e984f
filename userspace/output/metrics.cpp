// SPDX-License-Identifier: GPL-2.0-only
#include "output/metrics.h"

#include <fmt/format.h>

#include <algorithm>
#include <unordered_map>
#include <unordered_set>

#include "output/metrics_parts.h"

namespace seep {
namespace {

std::vector<const ReportStack*> by_held_bytes(const Report& report, std::size_t most) {
    std::vector<const ReportStack*> stacks;
    stacks.reserve(report.stacks.size());
    for (const ReportStack& stack : report.stacks) stacks.push_back(&stack);
    const std::size_t count = std::min(most, stacks.size());
    std::ranges::partial_sort(stacks, stacks.begin() + static_cast<std::ptrdiff_t>(count),
                              [](const ReportStack* a, const ReportStack* b) {
                                  return a->totals.held_bytes() != b->totals.held_bytes()
                                             ? a->totals.held_bytes() > b->totals.held_bytes()
                                             : a->id < b->id;
                              });
    stacks.resize(count);
    return stacks;
}

}  // namespace

std::string program_name(const ReportProcess& process) {
    std::string name = process.command.substr(0, process.command.find_first_of(": \t\n"));
    name.erase(0, name.rfind('/') + 1);
    if (name.starts_with('-')) name.erase(0, 1);  // a login shell
    if (!name.empty()) return name;
    return process.executable.substr(process.executable.rfind('/') + 1);
}

std::string target_name(const ReportProcess& process) {
    return fmt::format("{}-{}", program_name(process), process.pid);
}

std::vector<const ReportStack*> stacks_to_show(const Report& report, std::size_t top,
                                               const std::set<std::string>& shown) {
    std::unordered_map<std::string, const ReportStack*> by_id;
    for (const ReportStack& stack : report.stacks) by_id.emplace(stack.id, &stack);
    std::vector<const ReportStack*> chosen;
    std::unordered_set<const ReportStack*> is_chosen;
    const auto choose = [&](const ReportStack* stack) {
        if (chosen.size() < top && is_chosen.insert(stack).second) chosen.push_back(stack);
    };
    for (const Finding& finding : report.findings)
        for (const std::string& id : finding.stacks)
            if (const auto found = by_id.find(id); found != by_id.end()) choose(found->second);
    const std::vector<const ReportStack*> largest = by_held_bytes(report, 2 * top);
    for (const ReportStack* stack : largest)
        if (shown.contains(stack->id)) choose(stack);
    for (const ReportStack* stack : largest) choose(stack);
    return chosen;
}

std::vector<prometheus::MetricFamily> MetricsWriter::write(
    const std::vector<MetricsTarget>& targets) {
    MetricFamilies families;
    families.gauge("seep_build_info", "Always 1; the version of seep is a label.",
                   {{"version", SEEP_VERSION}}, 1);
    for (const MetricsTarget& target : targets) {
        const Labels labels{{"target", target.name}};
        std::set<std::string>& shown = shown_[target.name];
        const auto stacks = stacks_to_show(target.report, top_, shown);
        shown.clear();
        for (const ReportStack* stack : stacks) shown.insert(stack->id);
        add_memory_metrics(target.report, labels, families);
        add_process_metrics(target.report, labels, top_, families);
        add_tracing_metrics(target.report, labels, families);
        add_stack_metrics(target.report, labels, top_, stacks, families);
    }
    std::vector<prometheus::MetricFamily> written = std::move(families).take();
    counters_.apply(written);
    return written;
}

}  // namespace seep
