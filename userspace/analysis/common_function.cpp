// SPDX-License-Identifier: GPL-2.0-only
#include "analysis/common_function.h"

#include <fmt/format.h>

#include <algorithm>
#include <map>
#include <string>
#include <vector>

#include "analysis/culprit.h"
#include "analysis/findings.h"

namespace seep {
namespace {

/// Of what most has in common, what a function within must have.
constexpr double nearly_all = 0.9;
/// What the others must add to the first.
constexpr double worth_a_word = 0.05;

/// Of a finding: the functions that all of its stacks go through, from the innermost of the first.
struct Shared {
    const Finding* finding = nullptr;
    std::vector<const ReportFrame*> frames;

    [[nodiscard]] bool has(const std::string& key) const {
        return std::ranges::any_of(
            frames, [&](const ReportFrame* frame) { return function_key(*frame) == key; });
    }
};

Shared shared_of(const Finding& finding,
                 const std::map<std::string, const ReportStack*>& stack_of) {
    std::map<std::string, std::size_t> counts;
    std::vector<const ReportFrame*> first;
    for (const std::string& id : finding.stacks) {
        std::map<std::string, const ReportFrame*> met;
        for (const ReportFrame* const frame : functions_on(*stack_of.at(id)))
            if (met.emplace(function_key(*frame), frame).second && &id == &finding.stacks.front())
                first.push_back(frame);
        for (const auto& [key, frame] : met) ++counts[key];
    }
    std::erase_if(first, [&](const ReportFrame* frame) {
        return counts.at(function_key(*frame)) < finding.stacks.size();
    });
    return {&finding, std::move(first)};
}

struct Sum {
    std::size_t findings = 0;
    Growth growth;
};
Sum sum_under(const std::string& key, const std::vector<Shared>& all) {
    Sum sum;
    for (const Shared& shared : all) {
        if (!shared.has(key)) continue;
        ++sum.findings;
        sum.growth.bytes_per_second += shared.finding->growth.bytes_per_second;
        sum.growth.low += shared.finding->growth.low;
        sum.growth.high += shared.finding->growth.high;
    }
    return sum;
}

bool grows(const Finding& finding) {
    return finding.kind == StackKind::heap && !finding.stacks.empty() &&
           (finding.verdict == verdict_name(Verdict::leak) ||
            finding.verdict == verdict_name(Verdict::growing));
}

}  // namespace

void add_up_common_function(Report& report) {
    if (report.findings.empty() || !grows(report.findings.front())) return;
    std::map<std::string, const ReportStack*> stack_of;
    for (const ReportStack& stack : report.stacks) stack_of.emplace(stack.id, &stack);
    std::vector<Shared> all;
    for (const Finding& finding : report.findings)
        if (grows(finding)) all.push_back(shared_of(finding, stack_of));
    double most = 0;
    for (const ReportFrame* const frame : all.front().frames)
        most = std::max(most, sum_under(function_key(*frame), all).growth.bytes_per_second);
    Finding& first = report.findings.front();
    if (most < (1 + worth_a_word) * first.growth.bytes_per_second) return;
    for (const ReportFrame* const frame : all.front().frames) {
        const Sum sum = sum_under(function_key(*frame), all);
        if (sum.growth.bytes_per_second < nearly_all * most) continue;
        const std::size_t others = sum.findings - 1;
        first.sentence +=
            fmt::format("; with {} finding{}, all under `{}`, {}",
                        others == 1 ? "another" : fmt::format("{} more", others),
                        others == 1 ? "" : "s", brief_name(*frame), hourly(sum.growth));
        return;
    }
}

}  // namespace seep
