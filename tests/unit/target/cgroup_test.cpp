// SPDX-License-Identifier: GPL-2.0-only
#include "target/cgroup.h"

#include <gmock/gmock.h>

#include <filesystem>

#include "support.h"
#include "target/cgroup_mounts.h"

namespace seep {
namespace {

using test::Child;
using testing::Contains;
using testing::ElementsAre;

TEST(CgroupMounts, are_read_in_order_of_preference) {
    const auto mounts = parse_cgroup_mounts(
        "22 27 0:21 / /proc rw,relatime - proc proc rw\n"
        "34 31 0:31 / /sys/fs/cgroup/cpuset rw shared:3 - cgroup cgroup rw,cpuset\n"
        "35 31 0:32 / /sys/fs/cg\\040\\134x/memory rw shared:1 master:2 - cgroup cgroup rw,memory\n"
        "41 31 0:38 /pod /sys/fs/cgroup/unified rw - cgroup2 cgroup2 rw\n"
        "broken - cgroup2\n- cgroup\n");
    ASSERT_EQ(mounts.size(), 3U);
    EXPECT_TRUE(mounts[0].unified);
    EXPECT_EQ(mounts[0].root, "/pod");
    EXPECT_TRUE(mounts[1].has_memory_v1());
    EXPECT_EQ(mounts[1].directory, "/sys/fs/cg \\x/memory");
    EXPECT_EQ(mounts[2].directory, "/sys/fs/cgroup/cpuset");
}

TEST(CgroupMounts, map_groups_to_directories) {
    const CgroupMount whole = {.directory = "/cg", .root = "/"};
    EXPECT_EQ(whole.directory_of("/"), "/cg");
    EXPECT_EQ(whole.directory_of("/a/b"), "/cg/a/b");
    EXPECT_EQ(whole.directory_of("/../other"), "");
    const CgroupMount part = {.directory = "/cg", .root = "/pod"};
    EXPECT_EQ(part.directory_of("/pod"), "/cg");
    EXPECT_EQ(part.directory_of("/pod/a"), "/cg/a");
    EXPECT_EQ(part.directory_of("/pods"), "");
    EXPECT_EQ(part.directory_of("/"), "");
}

/// A group with a child group in a mounted hierarchy; skips where none can be made.
class Cgroup : public testing::Test {
 protected:
    void make_in(const CgroupMount& mount) {
        group_ = mount.directory + "/seep-test-" + std::to_string(getpid());
        std::error_code error;
        if (!std::filesystem::create_directories(group_ + "/inner", error)) group_.clear();
    }
    void TearDown() override {
        if (group_.empty()) return;
        EXPECT_TRUE(test::eventually([&] { return rmdir((group_ + "/inner").c_str()) == 0; }));
        EXPECT_TRUE(test::eventually([&] { return rmdir(group_.c_str()) == 0; }));
    }
    static void move(pid_t pid, const std::string& group) {
        test::write_file(group + "/cgroup.procs", std::to_string(pid));
    }
    static std::optional<CgroupMount> memory_mount() {
        for (const CgroupMount& mount : cgroup_mounts()) {
            const bool has_memory =
                mount.unified && std::filesystem::exists(mount.directory + "/cgroup.controllers") &&
                test::read_file(mount.directory + "/cgroup.controllers").find("memory") !=
                    std::string::npos;
            if (has_memory || mount.has_memory_v1()) return mount;
        }
        return std::nullopt;
    }

    std::string group_;
};

TEST_F(Cgroup, lists_the_processes_below_it) {
    const auto mounts = cgroup_mounts();
    if (mounts.empty()) GTEST_SKIP() << "no cgroup hierarchy is mounted here";
    for (const CgroupMount& mount : mounts) {
        make_in(mount);
        if (group_.empty()) continue;
        const auto nobody = cgroup_processes(group_);
        ASSERT_TRUE(nobody) << nobody.error().message;
        EXPECT_THAT(*nobody, ElementsAre());

        const Child outer = Child::exec({"sleep", "1000"});
        const Child inner = Child::exec({"sleep", "1000"});
        move(inner.pid(), group_ + "/inner");
        move(outer.pid(), group_);
        const std::string relative = group_.substr(mount.directory.size());
        for (const std::string& name : {group_, group_ + "/", relative, relative.substr(1)}) {
            const auto pids = cgroup_processes(name);
            ASSERT_TRUE(pids) << pids.error().message;
            EXPECT_THAT(*pids, ElementsAre(std::min(outer.pid(), inner.pid()),
                                           std::max(outer.pid(), inner.pid())))
                << name;
        }
        return;
    }
    GTEST_SKIP() << "no cgroup can be created here";
}

TEST_F(Cgroup, that_is_none_is_bad_input) {
    for (const char* path : {"/tmp", "/no/such/group", "", "/proc/self/cgroup"}) {
        const auto pids = cgroup_processes(path);
        ASSERT_FALSE(pids) << path;
        EXPECT_EQ(pids.error().kind, ErrorKind::bad_input);
    }
}

TEST_F(Cgroup, counts_memory_up_to_its_limit) {
    const auto mount = memory_mount();
    if (!mount) GTEST_SKIP() << "no memory controller here";
    make_in(*mount);
    if (group_.empty()) GTEST_SKIP() << "no cgroup can be created here";
    EXPECT_EQ(read_cgroup_memory(group_).limit, std::nullopt);
    test::write_file(group_ + (mount->unified ? "/memory.max" : "/memory.limit_in_bytes"),
                     "67108864");

    constexpr std::size_t size = 16 << 20;
    const Child child = Child::run([&] {
        move(getpid(), group_);
        const std::vector<char> block(size, 1);
        pause();
    });
    EXPECT_TRUE(
        test::eventually([&] { return read_cgroup_memory(group_).current.value_or(0) > size; }));
    EXPECT_EQ(memory_cgroup_of(child.pid()), group_);
    const CgroupMemory memory = read_cgroup_memory(group_);
    EXPECT_LT(memory.current, 2 * size);
    EXPECT_EQ(memory.limit, 67108864U);
    EXPECT_LT(memory.inactive_file, memory.current);
}

TEST_F(Cgroup, of_no_process_is_none) {
    EXPECT_EQ(memory_cgroup_of(0x7fffffff), std::nullopt);
}

TEST_F(Cgroup, whose_directory_is_gone_counts_nothing) {
    const CgroupMemory memory = read_cgroup_memory("/no/such/group");
    EXPECT_FALSE(memory.current || memory.limit || memory.inactive_file);
}

}  // namespace
}  // namespace seep
