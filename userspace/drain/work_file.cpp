// SPDX-License-Identifier: GPL-2.0-only
#include "drain/work_file.h"

#include <fcntl.h>
#include <fmt/core.h>
#include <unistd.h>

#include <array>
#include <cerrno>
#include <charconv>
#include <optional>

#include "base/handles.h"
#include "base/text.h"

namespace seep {
namespace {

constexpr int most_misses = 3;

std::optional<std::uint64_t> count_in(const std::string& path) {
    const UniqueFd file(::open(path.c_str(), O_RDONLY | O_CLOEXEC | O_NONBLOCK));
    std::array<char, 64> text{};
    const ssize_t size = file ? ::read(file.get(), text.data(), text.size()) : -1;
    if (size <= 0) return std::nullopt;
    const char* const end = text.data() + size;
    std::uint64_t count = 0;
    const auto [rest, error] = std::from_chars(text.data(), end, count);
    const bool is_word = rest == end || *rest == '\n' || *rest == ' ' || *rest == '\t';
    if (error != std::errc() || !is_word) return std::nullopt;
    return count;
}

}  // namespace

Result<WorkFile> WorkFile::open(const std::string& path) {
    constexpr const char* hint =
        "write a number into it before recording, and raise it as work is done";
    if (::access(path.c_str(), R_OK) != 0)
        return errno_error(fmt::format("cannot read the count of work in {}", printable(path)),
                           errno, ErrorKind::bad_input, hint);
    const auto count = count_in(path);
    if (!count)
        return Error{ErrorKind::bad_input,
                     fmt::format("{} does not begin with a count of work", printable(path)), hint};
    return WorkFile(path, *count);
}

std::uint64_t WorkFile::read() {
    trouble_.clear();
    const auto count = count_in(path_);
    if (!count) {
        // A file that is being replaced has none for a moment.
        if (++misses_ == most_misses)
            trouble_ = fmt::format(
                "{} holds no count of work any more: what is done meanwhile is not counted",
                printable(path_));
        return total_;
    }
    misses_ = 0;
    if (*count < seen_)
        trouble_ = fmt::format(
            "the count of work in {} went back from {} to {}: it is taken to "
            "have started again from 0",
            printable(path_), seen_, *count);
    total_ += *count >= seen_ ? *count - seen_ : *count;
    seen_ = *count;
    return total_;
}

}  // namespace seep
