// SPDX-License-Identifier: GPL-2.0-only
#include "base/temporary_directory.h"

#include <fmt/format.h>

#include <cstdlib>
#include <filesystem>
#include <system_error>
#include <utility>

#include "base/text.h"

namespace seep {

Result<TemporaryDirectory> TemporaryDirectory::create() {
    const char* const parent = std::getenv("TMPDIR");
    const std::string place = parent == nullptr || *parent == '\0' ? "/tmp" : parent;
    std::string path = place + "/seep-XXXXXX";
    if (mkdtemp(path.data()) != nullptr) return TemporaryDirectory(std::move(path));
    return errno_error(fmt::format("cannot make a directory in {}", printable(place)), errno,
                       ErrorKind::failed, "set TMPDIR to a directory that can be written to");
}

TemporaryDirectory::TemporaryDirectory(TemporaryDirectory&& other) noexcept
    : path_(std::exchange(other.path_, {})) {}

TemporaryDirectory::~TemporaryDirectory() {
    if (path_.empty()) return;
    std::error_code ignored;  // nothing is left to do about it
    std::filesystem::remove_all(path_, ignored);
}

}  // namespace seep
