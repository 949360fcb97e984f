// SPDX-License-Identifier: GPL-2.0-only
#include "target/events.h"

#include <dlfcn.h>
#include <gmock/gmock.h>
#include <poll.h>
#include <sys/mman.h>

#include <algorithm>
#include <thread>

#include "support.h"

namespace seep {
namespace {

using Kind = TargetEvent::Kind;
using test::Child;
using test::TempDirectory;

class Events : public testing::Test {
 protected:
    void SetUp() override {
        auto events = TargetEvents::open();
        if (!events && events.error().kind == ErrorKind::untraceable) {
            GTEST_SKIP() << events.error().message;
        }
        ASSERT_TRUE(events) << events.error().message;
        events_.emplace(std::move(*events));
    }
    /// Collects events of `pid` until one of the kind comes; false if none comes in time. (Other
    /// processes' records wake the reader, too.)
    bool wait_for(pid_t pid, Kind kind, std::chrono::milliseconds time = std::chrono::seconds(5)) {
        const auto deadline = std::chrono::steady_clock::now() + time;
        while (std::chrono::steady_clock::now() < deadline) {
            for (const TargetEvent& event : events_->read({pid})) seen_.push_back(event);
            if (has(kind)) return true;
            pollfd ready = {.fd = events_->poll_fd(), .events = POLLIN, .revents = 0};
            poll(&ready, 1, 500);
        }
        return false;
    }
    bool has(Kind kind) const { return count(kind) > 0; }
    std::ptrdiff_t count(Kind kind) const {
        return std::ranges::count(seen_, kind, &TargetEvent::kind);
    }

    std::optional<TargetEvents> events_;
    std::vector<TargetEvent> seen_;
};

TEST_F(Events, tell_of_a_library_that_is_loaded) {
    const TempDirectory directory;
    test::compile("int answer(void) { return 42; }", directory / "lib.so", "-shared -fPIC");
    events_->read({});  // what compiling has caused
    const CHandle<void, dlclose> library(dlopen((directory / "lib.so").c_str(), RTLD_NOW));
    ASSERT_TRUE(library);
    ASSERT_TRUE(wait_for(getpid(), Kind::code_mapped));
    EXPECT_EQ(seen_.front().pid, getpid());
    EXPECT_FALSE(has(Kind::lost));
    // As the process shows it, but for what is next to it.
    ASSERT_EQ(seen_.front().mapped.size(), 1U);
    const Mapping& told = seen_.front().mapped.front().mapping;
    const auto mappings = read_mappings(getpid());
    ASSERT_TRUE(mappings);
    const auto shown = std::ranges::find(*mappings, told.start, &Mapping::start);
    ASSERT_NE(shown, mappings->end());
    EXPECT_EQ(told, *shown);
}

TEST_F(Events, do_not_tell_of_code_without_a_file) {
    void* const memory =
        mmap(nullptr, 4096, PROT_READ | PROT_EXEC, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
    ASSERT_NE(memory, MAP_FAILED);
    munmap(memory, 4096);
    EXPECT_THAT(events_->read({getpid()}), testing::IsEmpty());
}

TEST_F(Events, follow_a_process_through_its_life) {
    const TempDirectory directory;
    const std::string go = directory / "go";
    Child child =
        Child::exec({"sh", "-c", "while [ ! -e '" + go + "' ]; do :; done; exec sleep 1000"});
    events_->read({});
    test::write_file(go, "");
    ASSERT_TRUE(wait_for(child.pid(), Kind::exec));
    ASSERT_TRUE(wait_for(child.pid(), Kind::code_mapped));
    EXPECT_FALSE(has(Kind::exit));
    const pid_t pid = child.pid();
    child.kill_and_wait();
    ASSERT_TRUE(wait_for(pid, Kind::exit));
    EXPECT_EQ(seen_.back().pid, pid);
    EXPECT_FALSE(has(Kind::fork));
}

TEST_F(Events, tell_processes_from_threads) {
    std::thread([] {}).join();
    const Child child = Child::run([] { pause(); });
    ASSERT_TRUE(wait_for(getpid(), Kind::fork));
    EXPECT_EQ(count(Kind::fork), 1);
    EXPECT_EQ(seen_.back(), (TargetEvent{Kind::fork, getpid(), child.pid(), {}}));
    EXPECT_FALSE(has(Kind::exit));
}

TEST_F(Events, tell_the_end_when_the_last_thread_ends) {
    const TempDirectory directory;
    test::compile(
        "#include <pthread.h>\n#include <unistd.h>\n"
        "static void *wait(void *path) { while (access(path, F_OK)) usleep(1000); return 0; }\n"
        "int main(int argc, char **argv) { pthread_t thread;\n"
        "  pthread_create(&thread, 0, wait, argv[1]); pthread_exit(0); }",
        directory / "program", "-pthread");
    const Child child = Child::exec({directory / "program", directory / "go"});
    // The main thread's end is not that of the process.
    EXPECT_FALSE(wait_for(child.pid(), Kind::exit, std::chrono::milliseconds(300)));
    test::write_file(directory / "go", "");
    EXPECT_TRUE(wait_for(child.pid(), Kind::exit));
    EXPECT_EQ(count(Kind::exit), 1);
}

TEST_F(Events, leave_out_what_is_not_watched) {
    const Child child = Child::exec({"sleep", "0"});
    EXPECT_THAT(events_->read({0x7fffffff}), testing::IsEmpty());
}

TEST_F(Events, admit_that_records_were_lost) {
    // Far more than the buffers hold, unread.
    const TempDirectory directory;
    test::write_file(directory / "file", std::string(4096, 'x'));
    const CHandle<FILE, fclose> file(fopen((directory / "file").c_str(), "r"));
    const auto map_once = [&] {
        void* const memory =
            mmap(nullptr, 4096, PROT_READ | PROT_EXEC, MAP_PRIVATE, fileno(file.get()), 0);
        ASSERT_NE(memory, MAP_FAILED);
        munmap(memory, 4096);
    };
    for (int i = 0; i < 10'000; ++i) map_once();
    EXPECT_THAT(events_->read({getpid()}),
                testing::Contains(testing::Field(&TargetEvent::kind, Kind::code_mapped)));
    // The kernel says so with the first record that finds room again, on the same CPU.
    EXPECT_TRUE(test::eventually([&] {
        map_once();
        return std::ranges::count(events_->read({getpid()}), Kind::lost, &TargetEvent::kind) == 1;
    }));
}

}  // namespace
}  // namespace seep
