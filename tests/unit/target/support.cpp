// SPDX-License-Identifier: GPL-2.0-only
#include "support.h"

#include <fcntl.h>

#include <cstdlib>
#include <fstream>
#include <sstream>

#include "target/proc_file.h"

namespace seep::test {

TempDirectory::TempDirectory() {
    std::string name = (std::filesystem::temp_directory_path() / "seep-test-XXXXXX").string();
    path_ = mkdtemp(name.data());
}

TempDirectory::~TempDirectory() {
    std::error_code ignored;
    std::filesystem::remove_all(path_, ignored);
}

std::string TempDirectory::operator/(std::string_view name) const {
    return (path_ / name).string();
}

void write_file(const std::string& path, std::string_view contents) {
    std::ofstream(path, std::ios::binary) << contents;
}

std::string read_file(const std::string& path) {
    std::ostringstream contents;
    contents << std::ifstream(path, std::ios::binary).rdbuf();
    return contents.str();
}

void compile(const std::string& source, const std::string& output, const std::string& flags) {
    const std::string file = output + ".c";
    write_file(file, source);
    const std::string command = "cc -o '" + output + "' '" + file + "' " + flags;
    ASSERT_EQ(std::system(command.c_str()), 0) << command;
}

Child Child::run(const std::function<void()>& body) {
    const pid_t pid = fork();
    if (pid == 0) {
        body();
        _exit(0);
    }
    return Child(pid);
}

Child Child::exec(const std::vector<std::string>& argv) {
    int ends[2];
    if (pipe2(ends, O_CLOEXEC) != 0) abort();
    std::vector<char*> arguments;
    for (const std::string& argument : argv) {
        arguments.push_back(const_cast<char*>(argument.c_str()));
    }
    arguments.push_back(nullptr);
    Child child = run([&] {
        execvp(arguments[0], arguments.data());
        _exit(127);
    });
    close(ends[1]);
    char byte = 0;
    EXPECT_EQ(read(ends[0], &byte, 1), 0);  // closed by the exec
    close(ends[0]);
    // The kernel closes before it maps the program, and knows its arguments thereafter.
    EXPECT_TRUE(eventually([&] {
        const auto stat = parse_proc_stat(read_file(proc_path(child.pid(), "stat")));
        return !read_file(proc_path(child.pid(), "cmdline")).empty() || !stat || stat->dead();
    }));
    return child;
}

int Child::kill_and_wait(int signal) {
    if (pid_ == 0) return 0;
    kill(pid_, signal);
    int status = 0;
    waitpid(std::exchange(pid_, 0), &status, 0);
    return status;
}

bool eventually(const std::function<bool()>& condition) {
    for (int attempt = 0; attempt < 500; ++attempt) {
        if (condition()) return true;
        std::this_thread::sleep_for(std::chrono::milliseconds(10));
    }
    return condition();
}

}  // namespace seep::test
