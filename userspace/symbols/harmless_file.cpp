// SPDX-License-Identifier: GPL-2.0-only
#include "symbols/harmless_file.h"

#include <sys/stat.h>

namespace seep {

bool is_harmless_file(const std::string& path) {
    struct stat found = {};
    return stat(path.c_str(), &found) != 0 || S_ISREG(found.st_mode);
}

std::string directory_of(const std::string& path) {
    const auto slash = path.rfind('/');
    return slash == path.npos ? "." : path.substr(0, slash);
}

}  // namespace seep
