// SPDX-License-Identifier: GPL-2.0-only

// What `seep top` would draw of a recording, without a terminal: live_pages FILE COLUMNS LINES
// writes its ranking, the page of each stack from beginning to end, and a batch.

#include <fmt/format.h>

#include <cstdlib>
#include <memory>

#include "analysis/ranking.h"
#include "live/view.h"
#include "store/reader.h"

namespace {

using namespace seep;

template <typename T>
T must(Result<T> result) {
    if (result) return std::move(*result);
    fmt::print(stderr, "live_pages: {}\n", result.error().message);
    std::exit(1);
}

void print(const LiveScreen& screen) {
    for (const std::string& line : screen.lines) fmt::print("{}\n", line);
}

}  // namespace

int main(int argc, char** argv) {
    if (argc != 4) return 2;
    const LiveSize size{.lines = std::strtoul(argv[3], nullptr, 10),
                        .columns = std::strtoul(argv[2], nullptr, 10)};
    RecordingReader reader = must(RecordingReader::open(argv[1]));
    const RecordingContents contents = must(load_contents(reader, {}));
    LiveModel model;
    model.show(std::make_shared<const Report>(build_report(contents, {.curves = true})));
    LiveControls controls(model);
    const LiveStatus status{.unicode = false, .news_lines = 2};
    print(draw(model, controls, status, size));
    const std::size_t stacks = model.rows().size();
    for (std::size_t stack = 0; stack < stacks; ++stack) {
        controls.press({Key::Kind::enter});
        for (int page = 0; page < 3; ++page) {
            print(draw(model, controls, status, size));
            controls.press({Key::Kind::page_down});
        }
        controls.press({Key::Kind::enter});
        controls.press({Key::Kind::down});
    }
    fmt::print("{}", batch_text(model, status, size.columns, 0));
}
