// SPDX-License-Identifier: GPL-2.0-only
#include "cli/results.h"

#include <spdlog/spdlog.h>
#include <sys/ioctl.h>
#include <unistd.h>

#include <cstdlib>
#include <set>

#include "base/text.h"
#include "cli/command.h"
#include "store/reader.h"
#include "symbols/symbolizer.h"

namespace seep {
namespace {

bool wants_symbols(const LocationRecord& location, bool all_again) {
    return location.object && (all_again || !location.symbolized);
}

/// Looks up what the recorder could not finish, or everything if there are new debug directories.
/// What is not found anew stays as it was recorded.
Result<void> add_symbols(RecordingContents& contents, const std::vector<std::string>& directories) {
    const bool all_again = !directories.empty();
    auto symbolizer = Symbolizer::create({.debug_directories = directories, .debuginfod = true});
    if (!symbolizer) return symbolizer.error();
    std::set<ObjectId> known;
    for (auto& [id, location] : contents.locations) {
        if (!wants_symbols(location, all_again)) continue;
        const ObjectRecord& object = contents.objects.at(location.object);
        if (object.kind != ObjectKind::file) continue;
        if (known.insert(object.id).second) {
            const Result<void> added =
                symbolizer->add_object(object.id.value, {}, object.path, object.build_id);
            if (!added) spdlog::debug("{}", printable(added.error().message));
        }
        const std::vector<SourceFrame>& frames =
            symbolizer->resolve(object.id.value, location.address - (location.is_call ? 1 : 0));
        if (frames.empty()) continue;
        location.frames.clear();
        for (const SourceFrame& frame : frames)
            location.frames.push_back({frame.function, frame.file, frame.line, frame.inlined});
    }
    return {};
}

}  // namespace

void add_request_options(CLI::App& command, ReportRequest& request) {
    command.add_option("file", request.file, "The recording")->type_name("FILE")->required();
    command
        .add_option("--window", request.window,
                    "Only from FROM to TO after the start, as 30s:5m; either may be left out")
        ->type_name("FROM:TO")
        ->check(check_with(parse_window, ""));
    command
        .add_option_function<std::string>(
            "--sort",
            [&request](const std::string& name) { request.sort = parse_sort(name).value(); },
            "What ranks first [growth]")
        ->type_name("growth|live|count|allocated")
        ->check(check_with(parse_sort, ""));
    command
        .add_option("--debug-dir", request.debug_directories,
                    "Look all symbols up again, with debug files and objects from this directory")
        ->type_name("DIR")
        ->check(CLI::ExistingDirectory);
}

void add_kind_option(CLI::App& command, std::optional<StackKind>& kind) {
    const std::map<std::string, std::optional<StackKind>> kinds{
        {"heap", StackKind::heap}, {"mapping", StackKind::mapping}, {"all", std::nullopt}};
    command
        .add_option_function<std::string>(
            "--kind", [&kind, kinds](const std::string& name) { kind = kinds.at(name); },
            "Only stacks of this kind [all]")
        ->type_name("heap|mapping|all")
        ->check(CLI::IsMember({"heap", "mapping", "all"}));
}

Result<Report> load_report(const ReportRequest& request) {
    auto reader = RecordingReader::open(request.file);
    if (!reader) return reader.error();
    WindowRequest window;
    if (!request.window.empty()) window = parse_window(request.window).value();
    auto contents = load_contents(*reader, window);
    if (!contents) return contents.error();
    if (const Result<void> added = add_symbols(*contents, request.debug_directories); !added)
        return added.error();
    return build_report(*contents, {.sort = request.sort});
}

TextOptions terminal_text_options(std::size_t top) {
    TextOptions options{.top = top};
    if (isatty(STDOUT_FILENO) == 0) return options;
    options.color = std::getenv("NO_COLOR") == nullptr;
    winsize size{};
    if (ioctl(STDOUT_FILENO, TIOCGWINSZ, &size) == 0 && size.ws_col > 0)
        options.width = std::min<std::size_t>(size.ws_col, 160);
    return options;
}

}  // namespace seep
