// SPDX-License-Identifier: GPL-2.0-only
#include "target/kept_pointers.h"

#include <algorithm>
#include <filesystem>
#include <string>
#include <system_error>

#include "target/proc_file.h"

namespace seep {

std::vector<std::uint64_t> parse_epoll_data(std::string_view text) {
    constexpr std::string_view label = "data:";
    std::vector<std::uint64_t> pointers;
    for (std::size_t at = text.find(label); at != std::string_view::npos; at = text.find(label)) {
        text.remove_prefix(at + label.size());
        text.remove_prefix(std::min(text.find_first_not_of(' '), text.size()));
        if (const auto pointer = take_number<std::uint64_t>(text, 16)) pointers.push_back(*pointer);
    }
    return pointers;
}

std::vector<std::uint64_t> pointers_in_epoll(pid_t pid) {
    std::vector<std::uint64_t> pointers;
    std::error_code error;
    for (std::filesystem::directory_iterator file(proc_path(pid, "fd"), error), end;
         !error && file != end; file.increment(error)) {
        std::error_code gone;
        if (std::filesystem::read_symlink(file->path(), gone) != "anon_inode:[eventpoll]") continue;
        const auto text = read_proc_file(pid, "fdinfo/" + file->path().filename().string());
        if (!text) continue;
        const auto of_file = parse_epoll_data(*text);
        pointers.insert(pointers.end(), of_file.begin(), of_file.end());
    }
    return pointers;
}

}  // namespace seep
