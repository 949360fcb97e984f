// SPDX-License-Identifier: GPL-2.0-only
#include "symbols/symbolizer.h"

#include <dlfcn.h>
#include <fcntl.h>
#include <fmt/format.h>
#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <sys/auxv.h>
#include <sys/stat.h>

#include <algorithm>
#include <array>
#include <cstdio>
#include <cstdlib>
#include <filesystem>
#include <fstream>
#include <map>
#include <memory>
#include <sstream>

#include "symbols/object_opener.h"
#include "target/mappings.h"

namespace seep {
namespace {

namespace fs = std::filesystem;
using testing::Contains;
using testing::EndsWith;
using testing::Field;
using testing::IsEmpty;
using testing::Not;

/// The output of a shell command, which must succeed.
std::string run(const std::string& command) {
    const std::unique_ptr<FILE, int (*)(FILE*)> pipe(popen(command.c_str(), "r"),
                                                     [](FILE*) { return 0; });
    std::string output;
    std::array<char, 4096> buffer{};
    while (const auto got = fread(buffer.data(), 1, buffer.size(), pipe.get())) {
        output.append(buffer.data(), got);
    }
    EXPECT_EQ(pclose(pipe.get()), 0) << command;
    return output;
}

UniqueFd open_file(const std::string& path) {
    return UniqueFd(open(path.c_str(), O_RDONLY | O_CLOEXEC));
}

Symbolizer make_symbolizer(std::vector<std::string> directories = {}) {
    auto symbolizer = Symbolizer::create({std::move(directories), false});
    return std::move(symbolizer.value());
}

/// A directory with the sample program in it, compiled in one way.
class Sample {
 public:
    explicit Sample(const std::string& compiler_options) {
        std::string name = (fs::temp_directory_path() / "seep-symbols-XXXXXX").string();
        directory_ = mkdtemp(name.data());
        run(fmt::format("cd {} && c++ -std=c++17 -O2 -Wl,--build-id {} {}/sample.cpp -o sample",
                        directory_, compiler_options, TEST_DATA_DIR));
    }
    ~Sample() { fs::remove_all(directory_); }
    Sample(const Sample&) = delete;
    Sample& operator=(const Sample&) = delete;

    [[nodiscard]] const std::string& directory() const { return directory_; }
    [[nodiscard]] std::string path() const { return directory_ + "/sample"; }

    /// Address and size of a symbol.
    [[nodiscard]] std::pair<std::uint64_t, std::uint64_t> symbol(const std::string& name) const {
        std::istringstream line(run(fmt::format("nm -S {} | grep ' {}$'", path(), name)));
        std::uint64_t address = 0;
        std::uint64_t size = 0;
        line >> std::hex >> address >> size;
        return {address, size};
    }

    /// Every third address of every function.
    [[nodiscard]] std::vector<std::uint64_t> addresses() const {
        std::istringstream lines(run("nm -S --defined-only " + path() + " | grep -E ' [tTwW] '"));
        std::vector<std::uint64_t> found;
        for (std::string line; std::getline(lines, line);) {
            std::istringstream fields(line);
            std::uint64_t start = 0;
            std::uint64_t size = 0;
            if (!(fields >> std::hex >> start >> size)) continue;
            for (std::uint64_t i = 0; i < size; i += 3) found.push_back(start + i);
        }
        // Functions may have several names.
        std::ranges::sort(found);
        found.erase(std::unique(found.begin(), found.end()), found.end());
        return found;
    }

 private:
    std::string directory_;
};

std::string base_name(const std::string& path) {
    return path.substr(path.rfind('/') + 1);
}

/// "file:line" for each frame of each address, as binutils sees it.
std::map<std::uint64_t, std::vector<std::string>> positions_by_addr2line(
    const std::string& path, const std::vector<std::uint64_t>& addresses) {
    std::string command = "addr2line -a -i -e " + path;
    for (const std::uint64_t address : addresses) command += fmt::format(" {:#x}", address);
    std::istringstream lines(run(command));
    std::map<std::uint64_t, std::vector<std::string>> positions;
    std::vector<std::string>* current = nullptr;
    for (std::string line; std::getline(lines, line);) {
        if (line.starts_with("0x")) {
            current = &positions[std::stoull(line, nullptr, 16)];
            continue;
        }
        line = base_name(line.substr(0, line.find(" (")));
        if (line.ends_with('?')) line.back() = '0';
        if (line != "??:0") current->push_back(line);
    }
    return positions;
}

std::vector<std::string> positions_of(const std::vector<SourceFrame>& frames) {
    std::vector<std::string> positions;
    for (const SourceFrame& frame : frames) {
        if (frame.file.empty()) continue;
        positions.push_back(fmt::format("{}:{}", base_name(frame.file), frame.line));
    }
    return positions;
}

Symbolizer symbolizer_of(const Sample& sample) {
    Symbolizer symbolizer = make_symbolizer();
    EXPECT_TRUE(symbolizer.add_object(1, open_file(sample.path()), sample.path(), ""));
    return symbolizer;
}

/// The line of the sample's source that has the text in it.
std::uint32_t line_of(const std::string& text) {
    std::ifstream source(std::string(TEST_DATA_DIR) + "/sample.cpp");
    std::string line;
    std::uint32_t number = 1;
    while (std::getline(source, line) && line.find(text) == line.npos) ++number;
    return number;
}

// Without split units and link-time optimisation, which binutils 2.40 gets wrong.
TEST(Symbolizer, AgreesWithAddr2line) {
    for (const char* options : {"-gdwarf-5", "-gdwarf-4", "-g -no-pie", "-g -gz"}) {
        SCOPED_TRACE(options);
        const Sample sample(options);
        Symbolizer symbolizer = symbolizer_of(sample);
        const auto expected = positions_by_addr2line(sample.path(), sample.addresses());
        EXPECT_GT(expected.size(), 300U);
        std::size_t with_inlines = 0;
        for (const auto& [address, positions] : expected) {
            const auto& frames = symbolizer.resolve(1, address);
            EXPECT_EQ(positions_of(frames), positions) << fmt::format("{:#x}", address);
            if (frames.size() > 1) ++with_inlines;
        }
        EXPECT_GT(with_inlines, 100U);
    }
}

TEST(Symbolizer, ReadsTheSameFromSplitUnits) {
    const Sample whole("-g");
    const Sample split("-g -gsplit-dwarf");
    Symbolizer of_whole = symbolizer_of(whole);
    Symbolizer of_split = symbolizer_of(split);
    ASSERT_EQ(whole.addresses(), split.addresses());
    for (const std::uint64_t address : whole.addresses()) {
        EXPECT_EQ(of_whole.resolve(1, address), of_split.resolve(1, address));
    }
}

class SymbolizerFormats : public testing::TestWithParam<const char*> {};

TEST_P(SymbolizerFormats, ShowsTheChainOfInlinedCalls) {
    const Sample sample(GetParam());
    Symbolizer symbolizer = symbolizer_of(sample);
    const auto [start, size] = sample.symbol("exported_make");
    bool found = false;
    for (std::uint64_t address = start; address < start + size; ++address) {
        const auto& frames = symbolizer.resolve(1, address);
        EXPECT_EQ(frames.back().function, "exported_make");
        if (frames.size() < 2) continue;
        found = true;
        EXPECT_EQ(frames[0].function.substr(0, 4), "make");
        EXPECT_TRUE(frames[0].inlined);
        EXPECT_THAT(frames[0].file, EndsWith("sample.cpp"));
        EXPECT_EQ(frames[0].line, line_of("std::malloc(size)"));
        EXPECT_EQ(frames[1].line, line_of("make(size + 1)"));
    }
    EXPECT_TRUE(found);
}

TEST_P(SymbolizerFormats, SpellsAFunctionAlikeInlinedOrNot) {
    const Sample sample(GetParam());
    Symbolizer symbolizer = symbolizer_of(sample);
    std::vector<std::string> names;
    for (const std::uint64_t address : sample.addresses()) {
        for (const auto& frame : symbolizer.resolve(1, address)) names.push_back(frame.function);
    }
    EXPECT_THAT(names, Contains("shop::Store::total(int) const"));
    EXPECT_THAT(names, Contains("shop::(anonymous namespace)::weigh(shop::(anonymous "
                                "namespace)::Item const&)"));
    EXPECT_THAT(names, Contains("shop::Store::fill(int)"));
    EXPECT_THAT(names, Contains("main"));
    EXPECT_THAT(names, Not(Contains("weigh")));
    EXPECT_THAT(names, Not(Contains("")));
}

INSTANTIATE_TEST_SUITE_P(Compilations, SymbolizerFormats,
                         testing::Values("-gdwarf-5", "-gdwarf-4", "-g -flto", "-g -gsplit-dwarf",
                                         "-g -no-pie", "-g -gz"));

TEST(Symbolizer, FindsDebugFilesByLinkAndByBuildId) {
    const Sample sample("-g");
    const std::string build_id = read_build_id(open_file(sample.path()).get());
    ASSERT_EQ(build_id.size(), 40U);
    const auto address = sample.symbol("exported_make").first;
    const auto debug_file = sample.directory() + "/sample.debug";
    run(
        fmt::format("cd {} && objcopy --only-keep-debug sample sample.debug && strip sample && "
                    "objcopy --add-gnu-debuglink=sample.debug sample",
                    sample.directory()));
    const auto lines_known = [&](Symbolizer symbolizer, UniqueFd fd) {
        EXPECT_TRUE(symbolizer.add_object(1, std::move(fd), sample.path(), build_id));
        const auto& frames = symbolizer.resolve(1, address);
        return !frames.empty() && frames.back().line != 0;
    };
    EXPECT_TRUE(lines_known(make_symbolizer(), open_file(sample.path())));

    const std::string root = sample.directory() + "/debug";
    const std::string id_file =
        fmt::format("{}/.build-id/{}/{}.debug", root, build_id.substr(0, 2), build_id.substr(2));
    fs::create_directories(fs::path(id_file).parent_path());
    fs::rename(debug_file, id_file);
    EXPECT_FALSE(lines_known(make_symbolizer(), open_file(sample.path())));
    EXPECT_TRUE(lines_known(make_symbolizer({root}), open_file(sample.path())));

    // Without the object: its debug file stands in.
    fs::remove(sample.path());
    EXPECT_TRUE(lines_known(make_symbolizer({root}), UniqueFd()));
}

TEST(Symbolizer, DoesNotOpenAFifoInPlaceOfADebugFile) {
    const Sample sample("-g");
    const auto address = sample.symbol("exported_make").first;
    run(
        fmt::format("cd {} && objcopy --only-keep-debug sample sample.debug && strip -g sample && "
                    "objcopy --add-gnu-debuglink=sample.debug sample && rm sample.debug && "
                    "mkfifo sample.debug",
                    sample.directory()));
    Symbolizer symbolizer = symbolizer_of(sample);
    const auto& frames = symbolizer.resolve(1, address);
    ASSERT_EQ(frames.size(), 1U);
    EXPECT_EQ(frames[0].function, "exported_make");
}

TEST(Symbolizer, DoesNotOpenAFifoInPlaceOfASplitUnit) {
    const Sample sample("-g -gsplit-dwarf");
    run(fmt::format("cd {} && rm *.dwo && mkfifo sample-sample.dwo sample.dwo",
                    sample.directory()));
    Symbolizer symbolizer = symbolizer_of(sample);
    const auto& frames = symbolizer.resolve(1, sample.symbol("exported_make").first);
    ASSERT_EQ(frames.size(), 1U);
    EXPECT_EQ(frames[0].function, "exported_make");
}

TEST(Symbolizer, RefusesAnotherBuild) {
    const Sample sample("-g");
    Symbolizer symbolizer = make_symbolizer();
    EXPECT_FALSE(symbolizer.add_object(1, open_file(sample.path()), sample.path(), "00112233"));
    EXPECT_THAT(symbolizer.resolve(1, sample.symbol("main").first), IsEmpty());
    // Known by a build id that no file has: nothing is found, and that is no error.
    EXPECT_TRUE(symbolizer.add_object(2, UniqueFd(), sample.path(), "00112233"));
    EXPECT_THAT(symbolizer.resolve(2, sample.symbol("main").first), IsEmpty());
    EXPECT_FALSE(symbolizer.add_object(3, UniqueFd(), sample.path(), ""));
}

TEST(Symbolizer, KnowsNothingOfWhatIsNotThere) {
    Symbolizer symbolizer = make_symbolizer();
    EXPECT_THAT(symbolizer.resolve(7, 0x1000), IsEmpty());
    ASSERT_TRUE(symbolizer.add_object(1, open_file("/etc/passwd"), "/etc/passwd", ""));
    EXPECT_THAT(symbolizer.resolve(1, 0x1000), IsEmpty());
    ASSERT_TRUE(symbolizer.add_object(2, open_file("/proc/self/exe"), "/proc/self/exe", ""));
    EXPECT_THAT(symbolizer.resolve(2, UINT64_MAX), IsEmpty());
}

// Every byte of the file changed in turn would take too long; what matters is that none of the
// reads ends the process.
TEST(Symbolizer, SurvivesDamagedFiles) {
    const Sample sample("-g");
    std::ifstream file(sample.path(), std::ios::binary);
    const std::string good((std::istreambuf_iterator<char>(file)), {});
    const auto address = sample.symbol("main").first;
    unsigned int random = 1;
    for (int round = 0; round < 150; ++round) {
        std::string bad = good;
        for (int i = 0; i < 400; ++i) {
            random = random * 1103515245 + 12345;
            bad[64 + (random >> 4) % (bad.size() - 64)] = static_cast<char>(random >> 20);
        }
        const std::string path = sample.directory() + "/bad";
        std::ofstream(path, std::ios::binary)
            << bad.substr(0, round % 3 == 0 ? bad.size() / 2 : bad.npos);
        Symbolizer symbolizer = make_symbolizer();
        ASSERT_TRUE(symbolizer.add_object(1, open_file(path), path, ""));
        for (std::uint64_t i = 0; i < 200; ++i) (void)symbolizer.resolve(1, address + i);
    }
}

TEST(Symbolizer, NamesFunctionsOfAStrippedLibrary) {
    Dl_info info{};
    ASSERT_NE(dladdr(reinterpret_cast<void*>(&std::puts), &info), 0);
    Symbolizer symbolizer = make_symbolizer();
    ASSERT_TRUE(symbolizer.add_object(1, open_file(info.dli_fname), info.dli_fname, ""));
    const auto base = reinterpret_cast<std::uint64_t>(info.dli_fbase);
    for (const char* name : {"malloc", "free", "calloc", "realloc", "posix_memalign", "strdup"}) {
        void* function = dlsym(RTLD_NEXT, name);
        // A sanitizer puts its own allocator before the library's.
        if (dladdr(function, &info) == 0 ||
            reinterpret_cast<std::uint64_t>(info.dli_fbase) != base) {
            continue;
        }
        const auto& frames =
            symbolizer.resolve(1, reinterpret_cast<std::uint64_t>(function) - base);
        ASSERT_FALSE(frames.empty()) << name;
        EXPECT_EQ(frames.back().function, name);
    }
}

TEST(Symbolizer, ReadsTheVdso) {
    const std::uint64_t start = getauxval(AT_SYSINFO_EHDR);
    if (start == 0) GTEST_SKIP() << "this kernel maps no vDSO";
    const auto mappings = read_mappings(getpid());
    ASSERT_TRUE(mappings);
    const auto vdso = std::ranges::find(*mappings, "[vdso]", &Mapping::path);
    ASSERT_NE(vdso, mappings->end());
    Symbolizer symbolizer = make_symbolizer();
    ASSERT_TRUE(symbolizer.add_vdso(1, getpid(), vdso->start, vdso->end));
    std::vector<std::string> names;
    for (std::uint64_t address = 0; address < vdso->end - vdso->start; address += 16) {
        for (const auto& frame : symbolizer.resolve(1, address)) names.push_back(frame.function);
    }
    EXPECT_THAT(names, Contains(EndsWith("clock_gettime")));
    EXPECT_FALSE(symbolizer.add_vdso(2, getpid(), vdso->start, vdso->start));
    EXPECT_FALSE(symbolizer.add_vdso(2, getpid(), 0x1000, 0x2000));
}

TEST(Symbolizer, RefusesADirectoryThatTheSearchPathCannotExpress) {
    const auto symbolizer = Symbolizer::create({{"/a:b"}, false});
    ASSERT_FALSE(symbolizer);
    EXPECT_EQ(symbolizer.error().kind, ErrorKind::bad_input);
}

}  // namespace
}  // namespace seep
