// SPDX-License-Identifier: GPL-2.0-only
#include "cli/results.h"

#include <fmt/core.h>
#include <spdlog/spdlog.h>
#include <sys/ioctl.h>
#include <unistd.h>

#include <cstdlib>
#include <set>

#include "base/tell.h"
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
        ->check(CLI::ExistingDirectory.description(""));
}

void add_kind_option(CLI::App& command, std::optional<StackKind>& kind) {
    const std::map<std::string, std::optional<StackKind>> kinds{{"heap", StackKind::heap},
                                                                {"mapping", StackKind::mapping},
                                                                {"fault", StackKind::fault},
                                                                {"all", std::nullopt}};
    command
        .add_option_function<std::string>(
            "--kind", [&kind, kinds](const std::string& name) { kind = kinds.at(name); },
            "Only stacks of this kind [all]")
        ->type_name("heap|mapping|fault|all")
        ->check(CLI::IsMember({"heap", "mapping", "fault", "all"}));
}

void add_suppressions_option(CLI::App& command, ReportRequest& request) {
    command
        .add_option("--suppressions", request.suppressions,
                    "Leave growth out of the findings that a leak:PATTERN line of this file names")
        ->type_name("FILE");
}

void add_finding_options(CLI::App& command, ReportRequest& request,
                         std::vector<FailCondition>& fail_on) {
    add_suppressions_option(command, request);
    command
        .add_option_function<std::string>(
            "--fail-on",
            [&fail_on](const std::string& text) {
                fail_on.push_back(parse_fail_condition(text).value());
            },
            "Exit with 4 if anything surely leaks (or grows) faster: leak, growing, leak:1M")
        ->type_name("VERDICT[:BYTES_PER_HOUR]")
        ->trigger_on_parse()  // may be given several times
        ->check(check_with(parse_fail_condition, ""));
}

Result<Suppressions> load_suppressions(const ReportRequest& request) {
    if (request.suppressions.empty()) return Suppressions();
    const auto text = read_input(request.suppressions);
    if (!text) return text.error();
    return Suppressions::parse(*text, request.suppressions);
}

int check_conditions(const Report& report, const std::vector<FailCondition>& fail_on) {
    constexpr int condition_holds = 4;
    int status = 0;
    for (const FailCondition& condition : fail_on) {
        const Finding* finding = failing_finding(report, condition);
        if (finding == nullptr) continue;
        tell("seep: --fail-on {}: {}\n", condition.text, finding->sentence);
        status = condition_holds;
    }
    return status;
}

Result<RecordingContents> load_recording(const ReportRequest& request) {
    auto reader = RecordingReader::open(request.file);
    if (!reader) return reader.error();
    WindowRequest window;
    if (!request.window.empty()) window = parse_window(request.window).value();
    auto contents = load_contents(*reader, window);
    if (!contents || !request.look_up) return contents;
    if (const Result<void> added = add_symbols(*contents, request.debug_directories); !added)
        return added.error();
    return contents;
}

Result<Report> load_report(const ReportRequest& request) {
    auto suppressions = load_suppressions(request);
    if (!suppressions) return suppressions.error();
    const auto contents = load_recording(request);
    if (!contents) return contents.error();
    return build_report(
        *contents,
        {.sort = request.sort, .suppressions = std::move(*suppressions), .curves = request.curves});
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
