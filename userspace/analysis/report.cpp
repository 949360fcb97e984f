// SPDX-License-Identifier: GPL-2.0-only
#include "analysis/report.h"

#include <fmt/format.h>

#include <string_view>

#include "base/text.h"

namespace seep {

std::string frame_name(const ReportFrame& frame) {
    if (!frame.function.empty()) return frame.function;
    std::string_view module = frame.module;
    if (module.empty()) module = "unknown";
    if (module.starts_with('[') && module.ends_with(']'))  // "[jit 1234]"
        module = module.substr(1, module.size() - 2);
    return fmt::format("[{}+0x{:x}]", module, frame.offset);
}

std::string counted(std::uint64_t count, StackKind kind) {
    const char* unit = kind == StackKind::heap      ? "block"
                       : kind == StackKind::mapping ? "mapping"
                                                    : "page";
    return fmt::format("{} {}{}", format_count(count), unit, count == 1 ? "" : "s");
}

const char* memory_limit_name(MemoryLimit limit) {
    switch (limit) {
        case MemoryLimit::cgroup:
            return "cgroup";
        case MemoryLimit::host:
            return "host";
        case MemoryLimit::unknown:
            break;
    }
    return "";
}

const char* verdict_name(Verdict verdict) {
    switch (verdict) {
        case Verdict::leak:
            return "leak";
        case Verdict::growing:
            return "growing";
        case Verdict::warming:
            return "warming";
        case Verdict::load:
            return "load";
        case Verdict::steady:
            return "steady";
        case Verdict::undetermined:
            break;
    }
    return "undetermined";
}

}  // namespace seep
