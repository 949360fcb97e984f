// SPDX-License-Identifier: GPL-2.0-only
#pragma once

// Recoverable errors are values. A function that can fail returns Result<T>; the caller handles the
// error or returns it; it is printed once, at the top (main.cpp).
//
//     Result<UniqueFd> fd = open_file(path);
//     if (!fd) return fd.error();
//
// Thread-safe: values only.

#include <cerrno>
#include <cstring>
#include <string>
#include <string_view>
#include <tl/expected.hpp>
#include <utility>

namespace seep {

/// What went wrong, as far as the exit status tells it apart. The value is the exit status.
enum class ErrorKind {
    failed = 1,       ///< Failed while running.
    bad_input = 2,    ///< Bad usage or a bad input file.
    untraceable = 3,  ///< The target cannot be traced.
};

/// An error: what failed (operation and object), and what the user can do about it.
struct Error {
    ErrorKind kind = ErrorKind::failed;
    std::string message;  ///< "cannot open /x: No such file or directory"
    std::string hint;     ///< "check the path"; may be empty.
};

/// "what: strerror(number)" as an error of the given kind.
[[nodiscard]] inline Error errno_error(std::string_view what, int number = errno,
                                       ErrorKind kind = ErrorKind::failed, std::string hint = {}) {
    return {kind, std::string(what) + ": " + std::strerror(number), std::move(hint)};
}

/// Either a T or an Error.
template <typename T>
class [[nodiscard]] Result : public tl::expected<T, Error> {
 public:
    using tl::expected<T, Error>::expected;
    Result(Error error) : tl::expected<T, Error>(tl::unexpect, std::move(error)) {}
};

template <>
class [[nodiscard]] Result<void> : public tl::expected<void, Error> {
 public:
    Result() = default;
    Result(Error error) : tl::expected<void, Error>(tl::unexpect, std::move(error)) {}
};

}  // namespace seep
