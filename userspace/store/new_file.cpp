// SPDX-License-Identifier: GPL-2.0-only
#include "store/new_file.h"

#include <fcntl.h>
#include <fmt/format.h>

#include "base/handles.h"

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

std::string as_file_name(const std::string& path) {
    return path.starts_with('/') ? path : "./" + path;
}

}  // namespace seep
