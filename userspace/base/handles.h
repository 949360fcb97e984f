// SPDX-License-Identifier: GPL-2.0-only
#pragma once

// One owner for everything that must be given back: file descriptors here, any C resource through
// CHandle. Move-only; destruction gives the resource back.

#include <unistd.h>

#include <memory>
#include <utility>

namespace seep {

class UniqueFd {
 public:
    UniqueFd() = default;
    explicit UniqueFd(int fd) : fd_(fd) {}
    UniqueFd(UniqueFd&& other) noexcept : fd_(std::exchange(other.fd_, -1)) {}
    UniqueFd& operator=(UniqueFd&& other) noexcept {
        if (this != &other) {
            reset();
            fd_ = std::exchange(other.fd_, -1);
        }
        return *this;
    }
    UniqueFd(const UniqueFd&) = delete;
    UniqueFd& operator=(const UniqueFd&) = delete;
    ~UniqueFd() { reset(); }

    [[nodiscard]] int get() const { return fd_; }
    [[nodiscard]] explicit operator bool() const { return fd_ >= 0; }
    [[nodiscard]] int release() { return std::exchange(fd_, -1); }
    void reset() {
        if (fd_ >= 0) close(std::exchange(fd_, -1));
    }

 private:
    int fd_ = -1;
};

/// A C object given back by `Free`: `CHandle<Elf, elf_end> elf(elf_begin(...));`
template <auto Free>
struct CDeleter {
    template <typename T>
    void operator()(T* object) const {
        Free(object);
    }
};
template <typename T, auto Free>
using CHandle = std::unique_ptr<T, CDeleter<Free>>;

}  // namespace seep
