// SPDX-License-Identifier: GPL-2.0-only
#include "store/new_file.h"

#include <fcntl.h>
#include <fmt/format.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <string_view>

#include "base/handles.h"
#include "store/schema.h"

namespace seep {

Result<struct stat> create_private_file(const std::string& path) {
    const UniqueFd fd(open(path.c_str(), O_RDWR | O_CREAT | O_EXCL | O_CLOEXEC | O_NOFOLLOW, 0600));
    struct stat status {};
    if (fd && fstat(fd.get(), &status) == 0) return status;
    return errno_error(fmt::format("cannot create recording {}", path), errno, ErrorKind::failed,
                       errno == EEXIST ? "a recording is never overwritten: move it away or give "
                                         "another name with -o"
                                       : "give the name of a new file in a directory that you can "
                                         "write, with -o");
}

bool is_recording(const std::string& path) {
    // https://www.sqlite.org/fileformat.html#the_database_header
    constexpr std::string_view magic("SQLite format 3\0", 16);
    constexpr std::size_t application_id_at = 68;  // big-endian
    std::array<unsigned char, application_id_at + 4> header{};
    struct stat status {};
    if (stat(path.c_str(), &status) != 0 || !S_ISREG(status.st_mode)) return false;
    const UniqueFd fd(open(path.c_str(), O_RDONLY | O_CLOEXEC));
    if (!fd || read(fd.get(), header.data(), header.size()) != ssize_t{header.size()}) return false;
    std::int64_t application_id = 0;
    for (std::size_t i = application_id_at; i < header.size(); ++i)
        application_id = (application_id << 8) | header[i];
    return std::equal(magic.begin(), magic.end(), header.begin()) &&
           application_id == recording_application_id;
}

std::string as_file_name(const std::string& path) {
    return path.starts_with('/') ? path : "./" + path;
}

}  // namespace seep
