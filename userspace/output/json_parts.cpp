// SPDX-License-Identifier: GPL-2.0-only
#include "output/json_parts.h"

#include <fmt/format.h>

namespace seep {
namespace {

/// Names may hold any bytes; invalid UTF-8 becomes U+FFFD.
std::string dumped(const Json& json, int indent) {
    return json.dump(indent, ' ', false, Json::error_handler_t::replace);
}

}  // namespace

Json process_json(const ReportProcess& process) {
    return {{"pid", process.pid},
            {"command", process.command},
            {"executable", process.executable},
            {"allocators", process.allocators},
            {"unwind_tables", {{"rows", process.unwind_rows}, {"bytes", process.unwind_bytes}}}};
}

Json frame_json(const ReportFrame& frame) {
    return {{"function", frame.function}, {"module", frame.module}, {"offset", frame.offset},
            {"file", frame.file},         {"line", frame.line},     {"inlined", frame.inlined}};
}

Json frames_json(const std::vector<ReportFrame>& frames) {
    Json json = Json::array();
    for (const ReportFrame& frame : frames) json.push_back(frame_json(frame));
    return json;
}

std::string document(const Json& header, const char* key, std::size_t count,
                     const std::function<Json(std::size_t)>& item) {
    std::string text = dumped(header, 2);
    text.resize(text.rfind("\n}"));
    text += fmt::format(",\n  \"{}\": [", key);
    for (std::size_t i = 0; i < count; ++i)
        text += (i == 0 ? "\n    " : ",\n    ") + dumped(item(i), -1);
    return text + (count == 0 ? "]\n}\n" : "\n  ]\n}\n");
}

}  // namespace seep
