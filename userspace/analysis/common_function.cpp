// SPDX-License-Identifier: GPL-2.0-only
#include "analysis/common_function.h"

#include <fmt/format.h>

#include <algorithm>
#include <map>
#include <string>
#include <utility>
#include <vector>

#include "analysis/culprit.h"
#include "analysis/findings.h"
#include "analysis/growth.h"

namespace seep {
namespace {

/// Of what most has in common, what a function within must have.
constexpr double nearly_all = 0.9;
/// What the others must add to the first.
constexpr double worth_a_word = 0.05;

/// A finding, and the functions that all of its stacks go through.
struct Shared {
    const Finding* finding = nullptr;
    std::vector<const ReportFrame*> functions;

    [[nodiscard]] bool has(const ReportFrame& function) const {
        return std::ranges::any_of(functions, [&](const ReportFrame* frame) {
            return function_key(*frame) == function_key(function);
        });
    }
};

using Stacks = std::map<std::string, const ReportStack*>;

Shared shared_of(const Finding& finding, const Stacks& stack_of) {
    std::vector<const ReportStack*> stacks;
    for (const std::string& id : finding.stacks) stacks.push_back(stack_of.at(id));
    return {&finding, functions_on_all(stacks)};
}

/// What comes from one function.
struct Sum {
    const ReportFrame* function = nullptr;
    std::size_t findings = 0;
    Growth growth;
};

Sum sum_under(const ReportFrame& function, const std::vector<Shared>& all) {
    Sum sum{.function = &function, .findings = 0, .growth = {}};
    for (const Shared& shared : all) {
        if (!shared.has(function)) continue;
        ++sum.findings;
        accumulate(sum.growth, shared.finding->growth);
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
    if (report.findings.empty() || !grows(report.findings.front()) ||
        std::ranges::count_if(report.findings, grows) < 2)
        return;
    Stacks stack_of;
    for (const ReportStack& stack : report.stacks) stack_of.emplace(stack.id, &stack);
    std::vector<Shared> all;
    for (const Finding& finding : report.findings)
        if (grows(finding)) all.push_back(shared_of(finding, stack_of));
    Finding& first = report.findings.front();
    std::vector<Sum> sums;  // from the innermost outwards
    double most = 0;
    for (const ReportFrame* const frame : all.front().functions) {
        sums.push_back(sum_under(*frame, all));
        most = std::max(most, sums.back().growth.bytes_per_second);
    }
    if (most < (1 + worth_a_word) * first.growth.bytes_per_second) return;
    const auto sum = std::ranges::find_if(sums, [&](const Sum& each) {
        return each.findings > 1 && each.growth.bytes_per_second >= nearly_all * most;
    });
    if (sum == sums.end()) return;
    const std::size_t others = sum->findings - 1;
    first.sentence +=
        fmt::format("; with {} finding{}, all under `{}`, {}",
                    others == 1 ? "another" : fmt::format("{} more", others),
                    others == 1 ? "" : "s", brief_name(*sum->function), hourly(sum->growth));
}

}  // namespace seep
