// SPDX-License-Identifier: GPL-2.0-only
#include "symbols/object_opener.h"

#include <elfutils/libdwelf.h>
#include <fcntl.h>
#include <fmt/format.h>
#include <sys/stat.h>

#include <charconv>
#include <cstdlib>
#include <cstring>
#include <filesystem>

#include "base/text.h"
#include "symbols/harmless_file.h"

namespace seep {
namespace {

using ElfHandle = CHandle<Elf, elf_end>;

// Without mmap: a file that its owner truncates while it is read must give an error, not SIGBUS.
ElfHandle read_elf(int fd) {
    elf_version(EV_CURRENT);
    return ElfHandle(elf_begin(fd, ELF_C_READ, nullptr));
}

std::string build_id_of(Elf* elf) {
    const void* bits = nullptr;
    const ssize_t size = elf == nullptr ? 0 : dwelf_elf_gnu_build_id(elf, &bits);
    std::string hex;
    for (ssize_t i = 0; i < size; ++i) {
        hex += fmt::format("{:02x}", static_cast<const unsigned char*>(bits)[i]);
    }
    return hex;
}

std::vector<unsigned char> parse_build_id(const std::string& hex) {
    std::vector<unsigned char> bytes(hex.size() / 2);
    for (std::size_t i = 0; i < bytes.size(); ++i) {
        const char* digits = hex.data() + 2 * i;
        const auto [end, error] = std::from_chars(digits, digits + 2, bytes[i], 16);
        if (error != std::errc{} || end != digits + 2) return {};
    }
    return hex.size() % 2 == 0 ? bytes : std::vector<unsigned char>();
}

// libdwfl's callback for the object itself.
int find_object(Dwfl_Module* module, void** user_data, const char* name, Dwarf_Addr base,
                char** file_name, Elf** elf) {
    auto* source = static_cast<ObjectSource*>(*user_data);
    if (!source->fd) return dwfl_build_id_find_elf(module, user_data, name, base, file_name, elf);
    *elf = read_elf(source->fd.get()).release();
    if (*elf == nullptr) return -1;
    *file_name = strdup(source->path.c_str());
    return source->fd.release();
}

bool is_harmless_beside(const std::string& directory, const std::string& link) {
    for (const char* place : {"/", "/.debug/", "/.dwz/"}) {
        if (!is_harmless_file(directory + place + link)) return false;
    }
    return true;
}

// libdwfl's callback for a file with debug information, or for the supplementary file of one. Of a
// name with directories in it only the last part is searched for: the rest leads anywhere.
int find_debug_file(Dwfl_Module* module, void** user_data, const char* name, Dwarf_Addr base,
                    const char* file_name, const char* link, GElf_Word crc,
                    char** debug_file_name) {
    std::string link_name;
    if (link != nullptr) {
        link_name = std::filesystem::path(link).filename();
    } else if (file_name != nullptr) {
        link_name = std::filesystem::path(file_name).filename().string() + ".debug";
    }
    if (file_name != nullptr && !is_harmless_beside(directory_of(file_name), link_name)) return -1;
    return dwfl_standard_find_debuginfo(module, user_data, name, base, file_name,
                                        link == nullptr ? nullptr : link_name.c_str(), crc,
                                        debug_file_name);
}

Error cannot_open(const ObjectSource& source, std::string_view why) {
    return {ErrorKind::failed,
            fmt::format("cannot read symbols of {}: {}", printable(source.path), why), ""};
}

}  // namespace

UniqueFd open_regular_file(const std::string& path) {
    struct stat found = {};
    UniqueFd fd(open(path.c_str(), O_RDONLY | O_CLOEXEC | O_NONBLOCK | O_NOCTTY));
    if (!fd || fstat(fd.get(), &found) != 0 || !S_ISREG(found.st_mode)) return {};
    return fd;
}

std::string read_build_id(int fd) {
    return build_id_of(read_elf(fd).get());
}

Result<std::unique_ptr<ObjectOpener>> ObjectOpener::create(
    const std::vector<std::string>& debug_directories) {
    std::unique_ptr<ObjectOpener> opener(new ObjectOpener);
    for (const std::string& directory : debug_directories) {
        const std::string absolute = std::filesystem::absolute(directory).lexically_normal();
        if (directory.empty() || absolute.find(':') != absolute.npos) {
            return Error{ErrorKind::bad_input,
                         fmt::format("cannot search \"{}\" for debug files", printable(directory)),
                         "name a directory without a colon in its path"};
        }
        opener->directories_.push_back(absolute);
        opener->search_path_ += absolute + ":";
    }
    // The empty element stands for the object's own directory.
    opener->search_path_ += ":.debug:/usr/lib/debug";
    opener->search_path_text_ = opener->search_path_.data();
    opener->callbacks_ = {.find_elf = find_object,
                          .find_debuginfo = find_debug_file,
                          .section_address = dwfl_offline_section_address,
                          .debuginfo_path = &opener->search_path_text_};
    return opener;
}

UniqueFd ObjectOpener::find(const std::string& path, const std::string& build_id) const {
    if (build_id.empty()) return {};
    std::vector<std::string> candidates = {path};
    for (const std::string& directory : directories_) {
        candidates.push_back(directory + "/" + path);
        candidates.push_back(directory + "/" + std::filesystem::path(path).filename().string());
    }
    // A debug file has the symbols and segments of its object and stands in for it.
    std::vector<std::string> roots = directories_;
    roots.emplace_back("/usr/lib/debug");
    for (const std::string& root : roots) {
        const std::string stem =
            fmt::format("{}/.build-id/{:.2}/{}", root, build_id,
                        build_id.substr(std::min<std::size_t>(2, build_id.size())));
        candidates.push_back(stem);
        candidates.push_back(stem + ".debug");
    }
    for (const std::string& candidate : candidates) {
        UniqueFd fd = open_regular_file(candidate);
        if (fd && read_build_id(fd.get()) == build_id) return fd;
    }
    return {};
}

Result<OpenObject> ObjectOpener::open(ObjectSource source) const {
    OpenObject object;
    object.source = std::make_unique<ObjectSource>(std::move(source));
    const std::string& build_id = object.source->build_id;
    object.session.reset(dwfl_begin(&callbacks_));
    if (!object.session) return cannot_open(*object.source, dwfl_errmsg(-1));

    // The module spans everything: where the object lies within it is what the bias says.
    dwfl_report_begin(object.session.get());
    object.module =
        dwfl_report_module(object.session.get(), object.source->path.c_str(), 0, UINT64_MAX);
    if (object.module == nullptr) return cannot_open(*object.source, dwfl_errmsg(-1));
    dwfl_report_end(object.session.get(), nullptr, nullptr);
    void** user_data = nullptr;
    dwfl_module_info(object.module, &user_data, nullptr, nullptr, nullptr, nullptr, nullptr,
                     nullptr);
    *user_data = object.source.get();
    const auto id = parse_build_id(build_id);
    if (!id.empty()) dwfl_module_report_build_id(object.module, id.data(), id.size(), 0);

    Elf* elf = dwfl_module_getelf(object.module, &object.bias);
    if (elf == nullptr) return cannot_open(*object.source, dwfl_errmsg(-1));
    if (!build_id.empty() && build_id_of(elf) != build_id) {
        return cannot_open(*object.source, "it is another build of the file");
    }
    return object;
}

}  // namespace seep
