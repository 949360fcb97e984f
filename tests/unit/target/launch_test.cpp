// SPDX-License-Identifier: GPL-2.0-only
#include "target/launch.h"

#include <fcntl.h>
#include <gmock/gmock.h>
#include <sys/ptrace.h>

#include <set>
#include <thread>

#include "support.h"
#include "target/mappings.h"
#include "target/proc_file.h"
#include "target/start_signals.h"

namespace seep {
namespace {

using test::Child;
using test::TempDirectory;
using testing::Contains;
using testing::HasSubstr;

/// Launches commands and notes what they had mapped at each stop.
class Launch : public testing::Test {
 protected:
    static void SetUpTestSuite() { keep_child_signals(); }
    Result<LaunchedCommand> launch(const std::vector<std::string>& argv) {
        return LaunchedCommand::launch(argv, [this](pid_t pid) { return note(pid); });
    }
    Result<void> note(pid_t pid) {
        ++stops_;
        stopped_pids_.insert(pid);
        const auto mappings = read_mappings(pid);
        if (!mappings) return mappings.error();
        mapped_.clear();
        for (const Mapping& mapping : *mappings) {
            if (mapping.executable) mapped_.insert(std::filesystem::path(mapping.path).filename());
        }
        return {};
    }
    /// Launches, and waits for the end.
    int status_of(const std::vector<std::string>& argv) {
        auto command = launch(argv);
        EXPECT_TRUE(command) << command.error().message;
        return command ? wait_for(*command) : -1;
    }
    static int wait_for(LaunchedCommand& command) {
        EXPECT_TRUE(test::eventually([&] {
            EXPECT_TRUE(command.handle_stop());
            return command.poll_exit().has_value();
        }));
        return command.poll_exit().value_or(-1);
    }
    /// The number of a line "NAME:\tHEX" of the file that a `cat /proc/self/status` wrote.
    static std::uint64_t signals(const std::string& status, const char* name) {
        std::string_view text = status_field(status, name).value_or("");
        return take_number<std::uint64_t>(text, 16).value_or(~std::uint64_t{0});
    }
    static char state_of(pid_t pid) {
        const auto stat = parse_proc_stat(read_proc_file(pid, "stat").value_or(""));
        return stat ? stat->state : 'X';
    }
    static bool is_held(pid_t pid) {
        return status_field(read_proc_file(pid, "status").value_or(""), "TracerPid") != "0";
    }
    /// A library whose constructor leaves a file behind, and a program that needs it.
    std::string program_with_trace(const std::string& trace) {
        test::compile(
            "#include <fcntl.h>\n__attribute__((constructor)) static void start(void) {"
            " open(\"" +
                trace + "\", O_CREAT | O_WRONLY, 0600); }",
            directory_ / "lib.so", "-shared -fPIC");
        test::compile("int main(void) { return 3; }", directory_ / "program",
                      "-Wl,--no-as-needed '" + (directory_ / "lib.so") + "'");
        return directory_ / "program";
    }

    TempDirectory directory_;
    int stops_ = 0;
    std::set<pid_t> stopped_pids_;
    std::set<std::string> mapped_;  ///< File names, as of the last stop.
};

TEST_F(Launch, stops_at_every_library_of_a_dynamic_program) {
    test::compile("int main(void) { return 7; }", directory_ / "program", "-Wl,--no-as-needed -lm");
    auto command = launch({directory_ / "program"});
    ASSERT_TRUE(command) << command.error().message;
    // At exec, libm and libc.
    EXPECT_EQ(stops_, 3);
    EXPECT_THAT(stopped_pids_, testing::ElementsAre(command->pid()));
    for (const char* name :
         {"program", "libc.so.6", "libm.so.6", "ld-linux-x86-64.so.2", "[vdso]"}) {
        EXPECT_THAT(mapped_, Contains(name));
    }
    EXPECT_EQ(describe_wait_status(wait_for(*command)), "exited with status 7");
}

TEST_F(Launch, has_not_run_the_code_it_stops_at) {
    const std::string trace = directory_ / "trace";
    const std::string program = program_with_trace(trace);
    const std::string late = "sleep 0.3; exec '" + program + "'";
    for (const std::vector<std::string>& argv :
         {std::vector<std::string>{program}, {"env", "A=B", program}, {"sh", "-c", late}}) {
        std::filesystem::remove(trace);
        mapped_.clear();
        bool seen_before_it_ran = false;
        auto command = LaunchedCommand::launch(argv, [&](pid_t pid) {
            auto noted = note(pid);
            if (mapped_.contains("lib.so") && !std::filesystem::exists(trace))
                seen_before_it_ran = true;
            return noted;
        });
        ASSERT_TRUE(command) << command.error().message;
        EXPECT_EQ(wait_for(*command), 3 << 8) << argv[0];
        EXPECT_TRUE(seen_before_it_ran) << argv[0];
        EXPECT_TRUE(std::filesystem::exists(trace)) << argv[0];
    }
}

TEST_F(Launch, runs_static_programs) {
    for (const char* flags : {"-static", "-static-pie"}) {
        stops_ = 0;
        test::compile("int main(void) { return 7; }", directory_ / "program", flags);
        EXPECT_EQ(status_of({directory_ / "program"}), 7 << 8) << flags;
        EXPECT_EQ(stops_, 1) << flags;
        EXPECT_THAT(mapped_, Contains("program"));
    }
}

TEST_F(Launch, runs_programs_of_another_c_library) {
    const std::string program = directory_ / "program";
    test::write_file(program + ".c", "int main(void) { return 7; }");
    if (std::system(("musl-gcc -o " + program + " " + program + ".c 2>/dev/null").c_str()) != 0) {
        GTEST_SKIP() << "musl-gcc is not installed";
    }
    EXPECT_EQ(status_of({program}), 7 << 8);
    EXPECT_GE(stops_, 1);
}

TEST_F(Launch, searches_path_and_runs_scripts) {
    const std::string script = directory_ / "script";
    test::write_file(script, "#!/bin/sh\nexit $1\n");
    std::filesystem::permissions(script, std::filesystem::perms::owner_all);
    EXPECT_EQ(status_of({script, "3"}), 3 << 8);
    EXPECT_THAT(mapped_, Contains("dash"));
    EXPECT_EQ(status_of({"sh", "-c", "exec sh -c 'exit 5'"}), 5 << 8);
}

TEST_F(Launch, of_what_cannot_be_executed_is_bad_input) {
    const auto missing = launch({"/no/such/command"});
    ASSERT_FALSE(missing);
    EXPECT_EQ(missing.error().kind, ErrorKind::bad_input);
    EXPECT_THAT(missing.error().message, HasSubstr("/no/such/command: No such file"));
    EXPECT_NE(missing.error().hint, "");
    test::write_file(directory_ / "data", "");
    const auto data = launch({directory_ / "data"});
    ASSERT_FALSE(data);
    EXPECT_THAT(data.error().message, HasSubstr("Permission denied"));
    EXPECT_FALSE(launch({}));
    EXPECT_EQ(stops_, 0);
    EXPECT_EQ(waitpid(-1, nullptr, WNOHANG), -1);  // no child is left
}

TEST_F(Launch, that_ends_before_its_entry_is_no_error) {
    test::compile("int f(void) { return 0; }", directory_ / "lib.so", "-shared -fPIC");
    test::compile("int main(void) { return 0; }", directory_ / "program",
                  "-Wl,--no-as-needed '" + (directory_ / "lib.so") + "' 2>&1");
    std::filesystem::remove(directory_ / "lib.so");
    auto command = launch({"sh", "-c", "exec 2>/dev/null; exec \"$0\"", directory_ / "program"});
    ASSERT_TRUE(command);
    EXPECT_EQ(wait_for(*command), 127 << 8);

    const int null = open("/dev/null", O_WRONLY | O_CLOEXEC);
    const int saved = dup(STDERR_FILENO);
    dup2(null, STDERR_FILENO);  // the dynamic linker's complaint
    auto direct = launch({directory_ / "program"});
    dup2(saved, STDERR_FILENO);
    close(saved);
    close(null);
    ASSERT_TRUE(direct);
    EXPECT_EQ(direct->poll_exit(), 127 << 8);
}

TEST_F(Launch, is_killed_when_it_cannot_be_traced) {
    pid_t pid = 0;
    const auto command = LaunchedCommand::launch({"sleep", "1000"}, [&](pid_t stopped) {
        pid = stopped;
        return Result<void>(Error{ErrorKind::untraceable, "no", ""});
    });
    ASSERT_FALSE(command);
    EXPECT_EQ(command.error().message, "no");
    EXPECT_EQ(kill(pid, 0), -1);
}

TEST_F(Launch, survives_being_killed_while_it_is_held) {
    auto command = LaunchedCommand::launch({"sleep", "1000"}, [&](pid_t pid) {
        kill(pid, SIGKILL);
        return Result<void>();
    });
    // Killed at a moment when ptrace may or may not still answer.
    if (command) {
        EXPECT_EQ(describe_wait_status(wait_for(*command)), "killed by signal 9 (Killed)");
    }
}

TEST_F(Launch, gets_signals_that_come_while_it_is_held) {
    auto terminated = LaunchedCommand::launch({"sleep", "1000"}, [&](pid_t pid) {
        kill(pid, SIGTERM);
        return Result<void>();
    });
    ASSERT_TRUE(terminated) << terminated.error().message;
    EXPECT_EQ(describe_wait_status(wait_for(*terminated)), "killed by signal 15 (Terminated)");

    auto stopped = LaunchedCommand::launch({"true"}, [&](pid_t pid) {
        kill(pid, SIGSTOP);
        std::thread([pid] {
            test::eventually([&] { return state_of(pid) == 't'; });
            std::this_thread::sleep_for(std::chrono::milliseconds(50));
            kill(pid, SIGCONT);
        }).detach();
        return Result<void>();
    });
    ASSERT_TRUE(stopped) << stopped.error().message;
    EXPECT_EQ(wait_for(*stopped), 0);
}

TEST_F(Launch, gives_the_child_the_signals_the_tracer_was_started_with) {
    const std::string before = test::read_file("/proc/self/status");
    sigset_t blocked;
    sigset_t old;
    sigemptyset(&blocked);
    sigaddset(&blocked, SIGTERM);
    sigaddset(&blocked, SIGINT);
    pthread_sigmask(SIG_BLOCK, &blocked, &old);
    const auto old_pipe = signal(SIGPIPE, SIG_IGN);
    const auto old_child = signal(SIGCHLD, SIG_IGN);  // would lose the exit status
    const int status = status_of(
        {"sh", "-c", "cat /proc/self/status > '" + (directory_ / "status") + "'; exit 9"});
    signal(SIGCHLD, old_child);
    signal(SIGPIPE, old_pipe);
    pthread_sigmask(SIG_SETMASK, &old, nullptr);
    EXPECT_EQ(status, 9 << 8);
    const std::string after = test::read_file(directory_ / "status");
    constexpr std::uint64_t held_back = std::uint64_t{1} << (SIGCHLD - 1);
    EXPECT_EQ(signals(after, "SigBlk"), signals(before, "SigBlk") & ~held_back);
    EXPECT_EQ(signals(after, "SigIgn"), signals(before, "SigIgn"));
}

TEST_F(Launch, leaves_no_file_open_in_the_child) {
    const std::string list = "ls /proc/self/fd > ";
    EXPECT_EQ(status_of({"sh", "-c", list + (directory_ / "launched")}), 0);
    ASSERT_EQ(std::system((list + (directory_ / "plain")).c_str()), 0);
    EXPECT_EQ(test::read_file(directory_ / "launched"), test::read_file(directory_ / "plain"));
}

TEST_F(Launch, of_a_program_whose_library_forks_first) {
    // The fork runs on through main: it must not meet the breakpoint. Its status is the program's.
    test::compile(
        "#include <sys/wait.h>\n#include <unistd.h>\n"
        "int status;\n"
        "__attribute__((constructor)) static void start(void) {\n"
        "  if (fork() != 0) { wait(&status); }\n}",
        directory_ / "lib.so", "-shared -fPIC");
    test::compile(
        "extern int status; int main(void) { return status == 0 ? 0 : status == 0x600 ? 6 : 1; }",
        directory_ / "program", "'" + (directory_ / "lib.so") + "'");
    EXPECT_EQ(status_of({directory_ / "program"}), 0);
}

TEST_F(Launch, of_a_program_whose_library_executes_another_first) {
    test::compile(
        "#include <stdlib.h>\n#include <unistd.h>\n"
        "__attribute__((constructor)) static void start(void) {\n"
        "  if (!getenv(\"AGAIN\")) { setenv(\"AGAIN\", \"1\", 1);\n"
        "    execl(\"/bin/sh\", \"sh\", \"-c\", \"exit 4\", (char *)0); } }",
        directory_ / "lib.so", "-shared -fPIC");
    test::compile("int main(void) { return 0; }", directory_ / "program",
                  "-Wl,--no-as-needed '" + (directory_ / "lib.so") + "'");
    EXPECT_EQ(status_of({directory_ / "program"}), 4 << 8);
    EXPECT_THAT(mapped_, Contains("dash"));
}

TEST_F(Launch, is_let_go_some_seconds_after_its_exec) {
    auto command = launch({"sleep", "1000"});
    ASSERT_TRUE(command);
    const Child cleanup(command->pid());
    EXPECT_TRUE(is_held(command->pid()));
    EXPECT_TRUE(test::eventually([&] { return !is_held(command->pid()); }));
    EXPECT_FALSE(command->poll_exit());
    EXPECT_EQ(state_of(command->pid()), 'S');
    EXPECT_TRUE(command->handle_stop());
    EXPECT_EQ(command->poll_fd(), -1);
}

TEST_F(Launch, is_not_disturbed_by_being_let_go) {
    // A stop would end these with EINTR, or make them begin anew.
    test::compile(
        "#include <sys/epoll.h>\n#include <time.h>\n"
        "int main(void) { struct epoll_event event; struct timespec rest, time = {0, 300000000};\n"
        "  return epoll_wait(epoll_create1(0), &event, 1, 300) != 0 ? 1 :\n"
        "    nanosleep(&time, &rest) != 0 ? 2 : 0; }",
        directory_ / "program");
    for (int i = 0; i < 3; ++i) {
        auto command = launch({directory_ / "program"});
        ASSERT_TRUE(command);
        std::this_thread::sleep_for(std::chrono::milliseconds(150 * i));
        command->let_go();
        EXPECT_EQ(wait_for(*command), 0);
    }
}

TEST_F(Launch, gets_signals_at_once) {
    // Nobody handles stops here.
    auto command = launch({"sleep", "1000"});
    ASSERT_TRUE(command);
    EXPECT_TRUE(is_held(command->pid()));
    kill(command->pid(), SIGSTOP);
    EXPECT_TRUE(test::eventually([&] { return state_of(command->pid()) == 't'; }));
    kill(command->pid(), SIGCONT);
    EXPECT_TRUE(test::eventually([&] { return state_of(command->pid()) == 'S'; }));
    kill(command->pid(), SIGSTOP);
    EXPECT_TRUE(test::eventually([&] { return state_of(command->pid()) == 't'; }));
    command->let_go();
    EXPECT_TRUE(test::eventually([&] { return state_of(command->pid()) == 'T'; }));
    kill(command->pid(), SIGTERM);
    kill(command->pid(), SIGCONT);
    EXPECT_EQ(describe_wait_status(wait_for(*command)), "killed by signal 15 (Terminated)");
}

TEST_F(Launch, of_a_program_that_calls_nothing_returns) {
    // Not even those of a C library's start.
    test::compile("void _start(void) { for (;;) { } }", directory_ / "program", "-nostdlib -pie");
    auto command = launch({directory_ / "program"});
    ASSERT_TRUE(command);
    const Child cleanup(command->pid());
    EXPECT_EQ(state_of(command->pid()), 'R');
}

TEST_F(Launch, lives_on_when_its_tracer_is_killed) {
    // In the stop at its own exec, at a library's mapping, and at the exec of what it becomes.
    const std::string trace = directory_ / "trace";
    const std::string program = program_with_trace(trace);
    for (const int stop : {1, 2, 5}) {
        std::filesystem::remove(trace);
        int ends[2];
        ASSERT_EQ(pipe2(ends, O_CLOEXEC), 0);
        Child tracer = Child::run([&] {
            int stops = 0;
            auto command = LaunchedCommand::launch({"env", program}, [&](pid_t pid) {
                if (++stops < stop) return Result<void>();
                if (write(ends[1], &pid, sizeof pid) != sizeof pid) _exit(1);
                pause();
                return Result<void>();
            });
            if (command) wait_for(*command);
        });
        pid_t held = 0;
        ASSERT_EQ(read(ends[0], &held, sizeof held), static_cast<ssize_t>(sizeof held));
        EXPECT_EQ(state_of(held), 't');
        EXPECT_FALSE(std::filesystem::exists(trace));
        tracer.kill_and_wait();
        EXPECT_TRUE(test::eventually([&] { return std::filesystem::exists(trace); })) << stop;
        close(ends[0]);
        close(ends[1]);
    }
}

}  // namespace
}  // namespace seep
