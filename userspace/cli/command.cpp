// SPDX-License-Identifier: GPL-2.0-only
#include "cli/command.h"

#include <fcntl.h>
#include <fmt/core.h>
#include <unistd.h>

#include "base/handles.h"
#include "base/text.h"
#include "store/new_file.h"
#include "target/proc_file.h"

namespace seep {

void add_target_options(CLI::App& command, TargetOptions& target) {
    command.add_option("-p,--pid", target.pids, "A running process; may be given several times")
        ->type_name("PID")
        ->check(check_with(parse_count, ""))
        ->group("Target");
    command
        .add_option("--cgroup", target.cgroup,
                    "Every process of a cgroup, now and later: a directory below /sys/fs/cgroup")
        ->type_name("PATH")
        ->group("Target");
    command
        .add_option("command", target.command,
                    "After --: a command to launch and trace from its first instruction")
        ->type_name("COMMAND ARGS...")
        ->group("Target");
}

Result<void> check_target(const TargetOptions& target) {
    const int kinds = (target.pids.empty() ? 0 : 1) + (target.cgroup.empty() ? 0 : 1) +
                      (target.command.empty() ? 0 : 1);
    if (kinds == 1) return {};
    return Error{ErrorKind::bad_input,
                 kinds == 0 ? "no target given" : "more than one kind of target given",
                 "give one of: -p PID, --cgroup PATH, -- COMMAND ARGS..."};
}

Result<std::string> read_input(const std::string& path) {
    constexpr std::size_t most = 16 << 20;
    auto text = read_text_file(path, most + 1);
    if (!text) return Error{ErrorKind::bad_input, printable(text.error().message), ""};
    if (text->size() > most)
        return Error{ErrorKind::bad_input, fmt::format("{} is too large", printable(path)), ""};
    return text;
}

namespace {

/// `name`: of the destination, for errors.
Result<void> write_all(int fd, const std::string& text, const std::string& name) {
    std::string_view rest = text;
    while (!rest.empty()) {
        const ssize_t written = write(fd, rest.data(), rest.size());
        if (written < 0 && errno == EINTR) continue;
        if (written < 0) return errno_error(fmt::format("cannot write {}", name));
        rest.remove_prefix(static_cast<std::size_t>(written));
    }
    return {};
}

Result<void> write_file(const std::string& path, const std::string& text, int flags) {
    UniqueFd file(open(path.c_str(), O_WRONLY | O_CREAT | O_CLOEXEC | flags, 0666));
    if (!file)
        return errno_error(fmt::format("cannot write {}", printable(path)), errno,
                           ErrorKind::failed, "give another file with -o");
    if (Result<void> written = write_all(file.get(), text, printable(path)); !written)
        return written;
    if (close(file.release()) != 0)
        return errno_error(fmt::format("cannot write {}", printable(path)));
    return {};
}

}  // namespace

Result<void> write_output(const std::string& path, const std::string& text) {
    if (path.empty() || path == "-") return write_all(STDOUT_FILENO, text, "to standard output");
    if (is_recording(path))
        return Error{ErrorKind::bad_input, fmt::format("{} is a recording", printable(path)),
                     "a recording is never overwritten: give another file with -o"};
    return write_file(path, text, O_TRUNC);
}

Result<void> write_new_file(const std::string& path, const std::string& text) {
    return write_file(path, text, O_EXCL | O_NOFOLLOW);
}

}  // namespace seep
