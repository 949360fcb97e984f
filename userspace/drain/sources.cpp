// SPDX-License-Identifier: GPL-2.0-only
#include "drain/sources.h"

#include <fmt/format.h>
#include <fmt/ranges.h>

#include <vector>

#include "base/text.h"

namespace seep {

bool Sources::repeats(StackKind kind) const {
    return kind == StackKind::fault && (heap || mappings);
}

StackKind Sources::leading() const {
    return heap ? StackKind::heap : mappings ? StackKind::mapping : StackKind::fault;
}

Result<Sources> parse_sources(std::string_view text) {
    Sources sources{.heap = false, .mappings = false, .faults = false};
    for (bool more = true; more;) {
        const std::size_t comma = text.find(',');
        const std::string_view name = text.substr(0, comma);
        more = comma != std::string_view::npos;
        text.remove_prefix(more ? comma + 1 : text.size());
        if (name == "heap")
            sources.heap = true;
        else if (name == "mapping")
            sources.mappings = true;
        else if (name == "faults")
            sources.faults = true;
        else
            return Error{ErrorKind::bad_input,
                         fmt::format("no source is called '{}'", printable(name, 80)),
                         "the sources are heap, mapping and faults; separate them by a comma"};
    }
    return sources;
}

std::string sources_name(const Sources& sources) {
    std::vector<std::string_view> names;
    if (sources.heap) names.emplace_back("heap");
    if (sources.mappings) names.emplace_back("mapping");
    if (sources.faults) names.emplace_back("faults");
    return fmt::format("{}", fmt::join(names, ","));
}

}  // namespace seep
