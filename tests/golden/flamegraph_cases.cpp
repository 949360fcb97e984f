// SPDX-License-Identifier: GPL-2.0-only

// Writes the flame graphs that flamegraph_test.py opens in a browser: flamegraph_cases DIRECTORY.

#include <fmt/format.h>

#include <cstdlib>
#include <fstream>
#include <random>
#include <string>
#include <vector>

#include "output/flamegraph.h"

namespace {

using seep::FoldedStack;
using Stacks = std::vector<FoldedStack>;

void write(const std::string& path, const std::string& text) {
    std::ofstream file(path, std::ios::binary);
    file << text;
    if (!file.flush()) {
        fmt::print(stderr, "cannot write {}\n", path);
        std::exit(1);
    }
}

/// A small server: every share can be computed by hand. Total 100,000 bytes in 1,000 blocks.
Stacks server() {
    return {
        {{"main", "serve()", "parse(Request const&)", "std::string::reserve(unsigned long)",
          "malloc"},
         40000,
         400},
        {{"main", "serve()", "Cache::insert(std::string const&)", "malloc"}, 30000, 300},
        {{"main", "serve()", "Cache::insert(std::string const&)", "Cache::grow()", "calloc"},
         10000,
         100},
        {{"main", "load_config", "yaml_parse", "yaml_parse", "realloc"}, 15000, 150},
        {{"[truncated]", "[libplugin.so+0xbeef]", "malloc"}, 5000, 50},
    };
}

Stacks earlier_server() {
    Stacks stacks = server();
    stacks[0].value = 10000;
    stacks[1].value = 45000;
    stacks.erase(stacks.begin() + 4);
    return stacks;
}

Stacks hostile() {
    const std::string bidi = "admin\u202etxt.exe\u2066";
    return {
        {{"<script>document.title='hacked'</script>", "malloc"}, 300, 3},
        {{"]]><script>document.title='hacked'</script>", "malloc"}, 200, 2},
        {{"\"' onload=\"document.title='hacked'\" x='", "malloc"}, 100, 1},
        {{"</script></svg>&amp;&lt;&#x3c;", "malloc"}, 100, 1},
        {{std::string("control\0\x01\x1b[31m\x7f\xc2\x9b\xff\xfe\xef\xbf\xbf", 22), "malloc"},
         100,
         1},
        {{bidi, "malloc"}, 100, 1},
        {{std::string(1 << 20, 'A'), "malloc"}, 100, 1},
        {{"日本語の関数名", "__proto__", "constructor", "malloc"}, 100, 1},
    };
}

/// Stacks as a large program has them: few hot, many rare, up to 60 deep.
Stacks many(std::size_t count) {
    std::mt19937 random(7);  // NOLINT(cert-msc51-cpp): the same picture in every run.
    Stacks stacks;
    for (std::size_t stack = 0; stack < count; ++stack) {
        FoldedStack folded;
        folded.frames = {"_start", "main"};
        std::size_t bits = random();
        for (std::size_t depth = random() % 20 + 3; depth > 0; --depth) {
            folded.frames.push_back(fmt::format("ns{}::Class{}::method_{}(int)", bits % 7,
                                                bits % 31, folded.frames.size() * 4 + bits % 4));
            bits = bits / 3 + random() % 2;
        }
        folded.frames.push_back(fmt::format("leaf_{}", stack));
        folded.frames.emplace_back("malloc");
        folded.value = static_cast<std::int64_t>(10000000 / (stack + 1) + 16);
        folded.count = 1;
        stacks.push_back(std::move(folded));
    }
    return stacks;
}

}  // namespace

int main(int argc, char** argv) {
    if (argc != 2) return 2;
    const std::string directory = std::string(argv[1]) + "/";
    const seep::FlameOptions live{.title = "Live heap of server (pid 1234)",
                                  .subtitle =
                                      "1m from 2026-11-20T18:00:00Z, every allocation "
                                      "followed, nothing lost"};
    seep::FlameOptions count = live;
    count.value = seep::StackValue::count;
    seep::FlameOptions bad_title = live;
    bad_title.title = "</title><script>document.title='hacked'</script>]]>\x1b";

    const seep::FlameBase base{.stacks = earlier_server(),
                               .text = "compared with 1m from 2026-11-20T17:00:00Z"};
    const std::int64_t huge = 9007199254740993;  // 2^53 + 1
    write(directory + "server.svg", flame_graph(server(), live));
    write(directory + "count.svg", flame_graph(server(), count));
    write(directory + "difference.svg", flame_graph(server(), live, &base));
    write(directory + "hostile.svg", flame_graph(hostile(), bad_title));
    write(directory + "one.svg", flame_graph({{{"main", "malloc"}, huge, 1}}, live));
    write(directory + "empty.svg", flame_graph({}, live));
    write(directory + "many.svg", flame_graph(many(100'000), live));
    write(directory + "medium.svg", flame_graph(many(300), live));
    return 0;
}
