// SPDX-License-Identifier: GPL-2.0-only
#include "target/process.h"

#include <gmock/gmock.h>
#include <poll.h>
#include <sched.h>
#include <sys/syscall.h>

#include <ctime>
#include <fstream>
#include <future>
#include <thread>

#include "support.h"
#include "target/host_memory.h"
#include "target/proc_file.h"
#include "target/process_counters.h"

namespace seep {
namespace {

using test::Child;
using test::TempDirectory;
using testing::HasSubstr;

void expect_untraceable(const Result<Process>& process, const std::string& why) {
    ASSERT_FALSE(process);
    EXPECT_EQ(process.error().kind, ErrorKind::untraceable);
    EXPECT_THAT(process.error().message, HasSubstr(why));
    EXPECT_NE(process.error().hint, "");
}

TEST(HostMemory, is_that_of_meminfo) {
    const auto memory = parse_meminfo(
        "MemTotal:       24684032 kB\nMemFree:  1 kB\nMemAvailable:   300 kB\nSwapTotal: 20 kB\n"
        "SwapFree:             21 kB\n");
    ASSERT_TRUE(memory);
    EXPECT_EQ(*memory, (HostMemory{24684032ULL * 1024, 300 * 1024, 20 * 1024, 20 * 1024}));
    EXPECT_FALSE(parse_meminfo("MemTotal: 5 kB\nMemAvailable: x kB\nSwapTotal: 0 kB\n"));
    EXPECT_FALSE(
        parse_meminfo("MemTotal: 18446744073709551615 kB\nMemAvailable: 0 kB\nSwapTotal: 0 "
                      "kB\nSwapFree: 0 kB\n"));
    const auto here = read_host_memory();
    ASSERT_TRUE(here);
    EXPECT_GT(here->memory, 0U);
    EXPECT_LE(here->available, here->memory);
}

TEST(ProcStat, is_parsed_behind_any_name) {
    const std::string tail = " S 1 2 3 4 5 2097156 7 8 9 10 11 12 13 14 15 16 3 18 987654 20";
    for (const char* name : {"7 (a)", "7 (a b)", "7 (a) R 0 0)", "7 (()", "7 (a\n) Z)"}) {
        const auto stat = parse_proc_stat(name + tail);
        ASSERT_TRUE(stat) << name;
        EXPECT_EQ(stat->state, 'S') << name;
        EXPECT_EQ(stat->threads, 3U);
        EXPECT_EQ(stat->start_time, 987654U);
        EXPECT_TRUE(stat->kernel_thread() && stat->exiting() && !stat->dead());
    }
    for (const char* bad :
         {"", "7 (a", "7 (a)", "7 (a) S", "7 (a) S 1 2 3 4 5 6 7 8", "7 (a)S 1"}) {
        EXPECT_FALSE(parse_proc_stat(bad)) << bad;
    }
}

TEST(ProcStatus, finds_a_field_only_at_the_start_of_a_line) {
    const std::string status = "Name:\tTgid: 4\nTgid:\t  12 \nVmRSSX:\t1 kB\n";
    EXPECT_EQ(status_field(status, "Tgid"), "12");
    EXPECT_EQ(status_field(status, "VmRSS"), std::nullopt);
    EXPECT_EQ(status_field(status, "Name"), "Tgid: 4");
}

TEST(ProcStatus, tells_of_a_shadow_stack) {
    EXPECT_TRUE(has_shadow_stack("Name:\tx\nx86_Thread_features:\tshstk wrss \n"));
    EXPECT_FALSE(has_shadow_stack("Name:\tshstk\nx86_Thread_features:\t\n"));
    EXPECT_FALSE(has_shadow_stack("Name:\tx\nx86_Thread_features_locked:\tshstk\n"));
    EXPECT_FALSE(has_shadow_stack("Name:\tx\n"));  // a kernel without
    EXPECT_FALSE(has_shadow_stack(getpid()));
    EXPECT_TRUE(has_shadow_stack(pid_t{0x7fffffff}));
}

TEST(Process, knows_this_process) {
    const auto process = Process::open(getpid());
    ASSERT_TRUE(process) << process.error().message;
    const ProcessInfo& info = process->info();
    EXPECT_EQ(process->pid(), getpid());
    EXPECT_EQ(info.namespace_pid, getpid());
    EXPECT_EQ(info.user, geteuid());
    EXPECT_EQ(info.comm, "unit_target");
    EXPECT_THAT(info.command_line, HasSubstr("unit_target"));
    EXPECT_EQ(info.executable, std::filesystem::read_symlink("/proc/self/exe"));
    EXPECT_EQ(info.architecture, Architecture::x86_64);
    EXPECT_GT(info.start_time, 0U);
    EXPECT_TRUE(process->alive());
}

TEST(Process, joins_the_arguments_and_takes_any_name) {
    const TempDirectory directory;
    const std::string program = directory / "a) R (b";
    std::filesystem::copy("/bin/sleep", program);
    const Child child = Child::exec({program, "1000"});
    const auto process = Process::open(child.pid());
    ASSERT_TRUE(process) << process.error().message;
    EXPECT_EQ(process->info().comm, "a) R (b");
    EXPECT_EQ(process->info().command_line, program + " 1000");
}

TEST(Process, whose_executable_was_deleted_is_traced) {
    const TempDirectory directory;
    const std::string program = directory / "sleep";
    std::filesystem::copy("/bin/sleep", program);
    const Child child = Child::exec({program, "1000"});
    std::filesystem::remove(program);
    const auto process = Process::open(child.pid());
    ASSERT_TRUE(process) << process.error().message;
    EXPECT_EQ(process->info().executable, program);
}

TEST(Process, tells_its_end_and_does_not_follow_its_number) {
    Child child = Child::exec({"sleep", "1000"});
    auto process = Process::open(child.pid());
    ASSERT_TRUE(process);
    EXPECT_TRUE(process->alive());
    child.kill_and_wait();
    EXPECT_FALSE(process->alive());
    pollfd end = {.fd = process->pidfd(), .events = POLLIN, .revents = 0};
    EXPECT_EQ(poll(&end, 1, 0), 1);
    EXPECT_FALSE(process->refresh());
}

TEST(Process, is_read_again_after_an_exec) {
    const TempDirectory directory;
    const std::string go = directory / "go";
    const Child child =
        Child::exec({"sh", "-c", "while [ ! -e '" + go + "' ]; do :; done; exec sleep 1000"});
    auto process = Process::open(child.pid());
    ASSERT_TRUE(process);
    EXPECT_EQ(process->info().comm, "sh");
    test::write_file(go, "");
    EXPECT_TRUE(test::eventually(
        [&] { return process->refresh().has_value() && process->info().comm == "sleep"; }));
}

TEST(Process, that_does_not_exist) {
    expect_untraceable(Process::open(0x7fffffff), "no process 2147483647");
    expect_untraceable(Process::open(0), "no process 0");
    expect_untraceable(Process::open(-1), "no process -1");
}

TEST(Process, that_is_a_kernel_thread) {
    std::ifstream comm("/proc/2/comm");
    std::string name;
    if (!(comm >> name) || name != "kthreadd") GTEST_SKIP() << "no kernel threads are visible here";
    expect_untraceable(Process::open(2), "kernel thread");
}

TEST(Process, that_is_a_zombie) {
    const Child child = Child::run([] {});
    ASSERT_TRUE(test::eventually([&] {
        const auto stat = parse_proc_stat(read_proc_file(child.pid(), "stat").value_or(""));
        return stat && stat->dead();
    }));
    expect_untraceable(Process::open(child.pid()), "zombie");
}

TEST(Process, whose_main_thread_has_ended) {
    const Child child = Child::run([] {
        std::thread([] { pause(); }).detach();
        syscall(SYS_exit, 0);
    });
    ASSERT_TRUE(test::eventually([&] {
        const auto stat = parse_proc_stat(read_proc_file(child.pid(), "stat").value_or(""));
        return stat && stat->dead();
    }));
    expect_untraceable(Process::open(child.pid()), "main thread");
}

TEST(Process, that_is_only_a_thread) {
    std::promise<pid_t> id;
    std::promise<void> done;
    std::thread thread([&] {
        id.set_value(gettid());
        done.get_future().wait();
    });
    expect_untraceable(Process::open(id.get_future().get()),
                       "thread of process " + std::to_string(getpid()));
    done.set_value();
    thread.join();
}

TEST(Process, of_another_user_without_privilege) {
    if (geteuid() != 0) GTEST_SKIP() << "needs root to give up privileges";
    const Child child = Child::exec({"sleep", "1000"});
    const Child unprivileged = Child::run([&] {
        if (setresuid(65534, 65534, 65534) != 0) _exit(1);
        const auto process = Process::open(child.pid());
        const bool right = !process && process.error().kind == ErrorKind::untraceable &&
                           process.error().hint.find("CAP_SYS_PTRACE") != std::string::npos;
        _exit(right ? 42 : 1);
    });
    int status = 0;
    ASSERT_EQ(waitpid(unprivileged.pid(), &status, 0), unprivileged.pid());
    EXPECT_EQ(WEXITSTATUS(status), 42);
}

TEST(Process, of_32_bits) {
    const TempDirectory directory;
    const std::string program = directory / "program";
    test::compile("void _start(void) { for (;;) __asm__ volatile(\"pause\"); }", program,
                  "-m32 -nostdlib -static");
    const Child child = Child::run([&] { execl(program.c_str(), program.c_str(), nullptr); });
    const bool runs = test::eventually([&] {
        return executable_architecture(child.pid()).value_or(Architecture::other) ==
               Architecture::x86_32;
    });
    if (!runs) GTEST_SKIP() << "this kernel runs no 32-bit programs";
    expect_untraceable(Process::open(child.pid()), "32-bit");
}

TEST(ProcessCounters, count_memory_and_time) {
    const auto before = read_process_counters(getpid());
    ASSERT_TRUE(before) << before.error().message;
    constexpr std::size_t size = 64 << 20;
    const std::vector<char> block(size, 1);
    const auto after = read_process_counters(getpid());
    ASSERT_TRUE(after);
    EXPECT_NEAR(static_cast<double>(after->rss_bytes - before->rss_bytes), size, size / 10.0);
    EXPECT_NEAR(static_cast<double>(after->anonymous_bytes - before->anonymous_bytes), size,
                size / 10.0);
    EXPECT_GE(after->virtual_bytes, before->virtual_bytes + size);
    EXPECT_GT(after->cpu_ns, before->cpu_ns);
    EXPECT_LT(after->cpu_ns, 600'000'000'000U);
}

TEST(ProcessCounters, count_how_long_threads_wait_for_a_processor) {
    const std::uint64_t before = process_waited_ns(getpid());
    std::promise<void> measured;
    const std::shared_future<void> end = measured.get_future().share();
    const int here = sched_getcpu();
    const auto spin = [&end, here] {
        cpu_set_t one{};
        CPU_SET(here, &one);
        sched_setaffinity(0, sizeof(one), &one);
        const auto used = [] { return std::clock() / (CLOCKS_PER_SEC / 1000); };
        const auto start = used();
        while (used() < start + 200) {
        }
        end.wait();
    };
    std::thread first(spin);
    std::thread second(spin);
    // One waits while the other runs: 200 ms of CPU time together.
    EXPECT_TRUE(
        test::eventually([&] { return process_waited_ns(getpid()) > before + 100'000'000; }));
    measured.set_value();
    first.join();
    second.join();
}

TEST(ProcessCounters, of_a_process_that_has_ended) {
    const Child child = Child::run([] {});
    ASSERT_TRUE(test::eventually([&] { return !read_process_counters(child.pid()); }));
    const auto counters = read_process_counters(child.pid());
    EXPECT_EQ(counters.error().kind, ErrorKind::untraceable);
}

}  // namespace
}  // namespace seep
