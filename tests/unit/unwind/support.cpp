// SPDX-License-Identifier: GPL-2.0-only
#include "support.h"

#include <bpf/bpf.h>
#include <sys/mman.h>
#include <unistd.h>

#include <cstdlib>
#include <filesystem>
#include <fstream>
#include <sstream>

#include "unwind/cfi_compiler.h"

namespace seep::test {

std::string read_file(const std::string& path) {
    std::ostringstream contents;
    contents << std::ifstream(path, std::ios::binary).rdbuf();
    return contents.str();
}

std::string assemble(std::string_view source, const std::string& flags) {
    namespace fs = std::filesystem;
    std::string directory = (fs::temp_directory_path() / "seep-test-XXXXXX").string();
    if (mkdtemp(directory.data()) == nullptr) return {};
    const std::string file = directory + "/object.s";
    const std::string output = directory + "/object.so";
    std::ofstream(file) << source;
    const std::string command = "cc -shared -nostdlib -o " + output + " " + file + " " + flags;
    EXPECT_EQ(std::system(command.c_str()), 0) << command;
    std::string bytes = read_file(output);
    fs::remove_all(directory);
    return bytes;
}

Result<ObjectFile> object_of(std::string_view bytes) {
    UniqueFd fd(memfd_create("object", MFD_CLOEXEC));
    EXPECT_EQ(write(fd.get(), bytes.data(), bytes.size()), static_cast<ssize_t>(bytes.size()));
    return ObjectFile::open(std::move(fd), "object", {});
}

UnwindTable table_of(std::string_view bytes) {
    const auto object = object_of(bytes);
    if (!object) {
        ADD_FAILURE() << object.error().message;
        return {};
    }
    auto table = compile_unwind_table(*object);
    if (!table) {
        ADD_FAILURE() << table.error().message;
        return {};
    }
    return std::move(*table);
}

std::string why_no_bpf() {
    const UniqueFd map(bpf_map_create(BPF_MAP_TYPE_ARRAY, "seep_test", 4, 8, 1, nullptr));
    return map ? "" : std::string("BPF maps cannot be made: ") + std::strerror(errno);
}

bool bpf_is_required() {
    const char* const required = std::getenv("SEEP_REQUIRE_BPF");
    return required != nullptr && std::string_view(required) == "1";
}

}  // namespace seep::test
