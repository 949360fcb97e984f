// SPDX-License-Identifier: GPL-2.0-only
#pragma once

// Real programs for the tests: compiled on the spot, run as children of the test.

#include <gtest/gtest.h>
#include <signal.h>
#include <sys/wait.h>
#include <unistd.h>

#include <chrono>
#include <filesystem>
#include <functional>
#include <string>
#include <string_view>
#include <thread>
#include <vector>

namespace seep::test {

/// A directory that goes away with its contents.
class TempDirectory {
 public:
    TempDirectory();
    ~TempDirectory();
    TempDirectory(const TempDirectory&) = delete;
    TempDirectory& operator=(const TempDirectory&) = delete;
    [[nodiscard]] std::string operator/(std::string_view name) const;

 private:
    std::filesystem::path path_;
};

void write_file(const std::string& path, std::string_view contents);
std::string read_file(const std::string& path);

/// Compiles C source with `cc FLAGS` to `output`.
void compile(const std::string& source, const std::string& output, const std::string& flags = "");

/// A child that is killed and collected at the end of the test.
class Child {
 public:
    /// Runs `body` in a fork; it ends with status 0 when body returns.
    static Child run(const std::function<void()>& body);
    /// Runs a program and returns once it executes.
    static Child exec(const std::vector<std::string>& argv);
    explicit Child(pid_t pid) : pid_(pid) {}
    Child(Child&& other) noexcept : pid_(std::exchange(other.pid_, 0)) {}
    ~Child() { kill_and_wait(); }

    [[nodiscard]] pid_t pid() const { return pid_; }
    /// Sends `signal`, collects the child, returns its wait status.
    int kill_and_wait(int signal = SIGKILL);

 private:
    pid_t pid_ = 0;
};

/// Whether `condition` becomes true within five seconds.
bool eventually(const std::function<bool()>& condition);

}  // namespace seep::test
