// SPDX-License-Identifier: GPL-2.0-only
#include "target/mappings.h"

#include <fcntl.h>
#include <gmock/gmock.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <sys/sysmacros.h>

#include <algorithm>

#include "support.h"

namespace seep {
namespace {

using test::Child;
using test::TempDirectory;

TEST(ParseMapping, reads_every_field) {
    const auto mapping = parse_mapping(
        "7f00deadb000-7f00deadd000 r-xp 00001000 fd:1a 4294967299                  /usr/lib/a.so");
    ASSERT_TRUE(mapping) << mapping.error().message;
    EXPECT_EQ(mapping->start, 0x7f00deadb000U);
    EXPECT_EQ(mapping->end, 0x7f00deadd000U);
    EXPECT_EQ(mapping->file_offset, 0x1000U);
    EXPECT_EQ(mapping->file, (FileIdentity{makedev(0xfd, 0x1a), 4294967299U}));
    EXPECT_TRUE(mapping->readable && !mapping->writable && mapping->executable && !mapping->shared);
    EXPECT_EQ(mapping->path, "/usr/lib/a.so");
    EXPECT_FALSE(mapping->deleted);
}

TEST(ParseMapping, takes_the_deleted_mark_off) {
    const auto mapping = parse_mapping("1000-2000 rw-s 00000000 00:01 7    /a b\\012c (deleted)");
    ASSERT_TRUE(mapping);
    EXPECT_TRUE(mapping->deleted);
    EXPECT_TRUE(mapping->shared && mapping->writable);
    EXPECT_EQ(mapping->path, "/a b\\012c");
}

TEST(ParseMapping, knows_mappings_without_file) {
    const auto vsyscall = parse_mapping(
        "ffffffffff600000-ffffffffff601000 --xp 00000000 00:00 0                  [vsyscall]");
    ASSERT_TRUE(vsyscall);
    EXPECT_EQ(vsyscall->path, "[vsyscall]");
    const auto anonymous = parse_mapping("1000-2000 rw-p 00000000 00:00 0 ");
    ASSERT_TRUE(anonymous);
    EXPECT_EQ(anonymous->path, "");
    EXPECT_EQ(anonymous->file.inode, 0U);
}

TEST(ParseMapping, refuses_what_is_no_mapping) {
    for (const char* line : {"", "x", "1000", "1000-", "1000-2000", "1000-2000 r", "1000-2000 r-xp",
                             "2000-1000 r-xp 0 0:0 0", "1000-2000 r-xp 0", "1000-2000 r-xp 0 8",
                             "1000-2000 r-xp 0 8:1 ", "1000-2000 r-xp 0 8:1 x",
                             "1000-2000 r-xp 0 8:1 9x", "10000000000000000-2 r-xp 0 8:1 9"}) {
        EXPECT_FALSE(parse_mapping(line)) << line;
    }
}

TEST(ReadMappings, shows_this_process_in_ascending_order) {
    const auto mappings = read_mappings(getpid());
    ASSERT_TRUE(mappings) << mappings.error().message;
    EXPECT_TRUE(std::ranges::is_sorted(*mappings, {}, &Mapping::start));
    const auto here = reinterpret_cast<std::uint64_t>(&test::eventually);
    EXPECT_TRUE(std::ranges::any_of(*mappings, [&](const Mapping& mapping) {
        return mapping.start <= here && here < mapping.end && mapping.executable &&
               mapping.path == std::filesystem::read_symlink("/proc/self/exe");
    }));
}

TEST(ReadMappings, says_that_there_is_no_such_process) {
    const auto mappings = read_mappings(0x7fffffff);
    ASSERT_FALSE(mappings);
    EXPECT_EQ(mappings.error().kind, ErrorKind::untraceable);
    EXPECT_THAT(mappings.error().message, testing::HasSubstr("no process 2147483647"));
}

TEST(ReadMappings, never_shows_a_part_of_what_a_process_had_that_ends) {
    constexpr int many = 1000;  // the kernel writes them down in pieces of a page
    for (int round = 0; round < 30; ++round) {
        Child child = Child::run([] {
            for (int i = 0; i < many; ++i)
                mmap(nullptr, 4096, i % 2 ? PROT_READ : PROT_NONE, MAP_PRIVATE | MAP_ANONYMOUS, -1,
                     0);
            raise(SIGSTOP);
        });
        ASSERT_EQ(waitpid(child.pid(), nullptr, WUNTRACED), child.pid());
        const auto whole = read_mappings(child.pid());
        ASSERT_TRUE(whole) << whole.error().message;
        ASSERT_GT(whole->size(), many);
        std::jthread killer([&] { kill(child.pid(), SIGKILL); });
        auto seen = read_mappings(child.pid());
        for (; seen; seen = read_mappings(child.pid())) ASSERT_EQ(seen->size(), whole->size());
        EXPECT_THAT(seen.error().message, testing::HasSubstr("no process"));
    }
}

/// A file of this process, mapped until the end of the test.
class MappedFile : public testing::Test {
 protected:
    void map(const std::string& path) {
        const UniqueFd fd(open(path.c_str(), O_RDONLY | O_CLOEXEC));
        ASSERT_TRUE(fd);
        memory_ = mmap(nullptr, 4096, PROT_READ | PROT_EXEC, MAP_PRIVATE, fd.get(), 0);
        ASSERT_NE(memory_, MAP_FAILED);
    }
    Mapping mapping() const {
        const auto mappings = read_mappings(getpid());
        for (const Mapping& found : *mappings) {
            if (found.start == reinterpret_cast<std::uint64_t>(memory_)) return found;
        }
        ADD_FAILURE() << "mapping not found";
        return {};
    }
    static std::string contents(const UniqueFd& fd) {
        char buffer[64] = {};
        const ssize_t got = pread(fd.get(), buffer, sizeof buffer, 0);
        return {buffer, static_cast<std::size_t>(std::max<ssize_t>(got, 0))};
    }
    void TearDown() override {
        if (memory_ != nullptr) munmap(memory_, 4096);
    }

    TempDirectory directory_;
    void* memory_ = nullptr;
};

TEST_F(MappedFile, is_reached_after_it_was_replaced) {
    if (geteuid() != 0) GTEST_SKIP() << "needs root for /proc/PID/map_files";
    const std::string path = directory_ / "lib.so";
    test::write_file(path, "mapped");
    map(path);
    std::filesystem::remove(path);
    test::write_file(path, "another");
    EXPECT_TRUE(mapping().deleted);
    const auto fd = open_mapped_file(getpid(), mapping());
    ASSERT_TRUE(fd) << fd.error().message;
    EXPECT_EQ(contents(*fd), "mapped");
}

/// What is left without CAP_SYS_ADMIN and CAP_CHECKPOINT_RESTORE: a mapping whose address is wrong
/// has no link in map_files either.
Mapping without_link(Mapping mapping) {
    mapping.end += 0x1000;
    return mapping;
}

TEST_F(MappedFile, is_reached_by_its_path) {
    const std::string path = directory_ / "lib.so";
    test::write_file(path, "mapped");
    map(path);
    const auto fd = open_mapped_file(getpid(), without_link(mapping()));
    ASSERT_TRUE(fd) << fd.error().message;
    EXPECT_EQ(contents(*fd), "mapped");
}

TEST_F(MappedFile, that_is_a_deleted_executable_is_reached_without_its_path) {
    const std::string program = directory_ / "sleep";
    std::filesystem::copy("/bin/sleep", program);
    const Child child = Child::exec({program, "1000"});
    std::filesystem::remove(program);
    const auto mappings = read_mappings(child.pid());
    ASSERT_TRUE(mappings);
    const auto code = std::ranges::find(*mappings, program, &Mapping::path);
    ASSERT_NE(code, mappings->end());
    const auto fd = open_mapped_file(child.pid(), without_link(*code));
    ASSERT_TRUE(fd) << fd.error().message;
    EXPECT_EQ(contents(*fd).substr(0, 4), "\177ELF");
}

TEST_F(MappedFile, is_not_taken_for_another_at_its_path) {
    const std::string path = directory_ / "lib.so";
    test::write_file(path, "mapped");
    map(path);
    std::filesystem::rename(path, directory_ / "old");
    test::write_file(path, "another");
    Mapping moved = without_link(mapping());
    moved.path = path;
    EXPECT_FALSE(open_mapped_file(getpid(), moved));
}

TEST_F(MappedFile, is_not_taken_for_what_has_its_place_by_now) {
    for (const char* name : {"first.so", "second.so"}) test::write_file(directory_ / name, name);
    map(directory_ / "first.so");
    const Mapping first = mapping();
    const UniqueFd second(open((directory_ / "second.so").c_str(), O_RDONLY | O_CLOEXEC));
    ASSERT_EQ(
        mmap(memory_, first.end - first.start, PROT_READ, MAP_PRIVATE | MAP_FIXED, second.get(), 0),
        memory_);
    const auto fd = open_mapped_file(getpid(), first);
    ASSERT_TRUE(fd) << fd.error().message;
    EXPECT_EQ(contents(*fd), "first.so");
}

TEST_F(MappedFile, is_never_a_fifo) {
    const std::string path = directory_ / "fifo";
    ASSERT_EQ(mkfifo(path.c_str(), 0600), 0);
    struct stat info = {};
    ASSERT_EQ(stat(path.c_str(), &info), 0);
    const Mapping fifo = {
        .start = 0x1000, .end = 0x2000, .file = {info.st_dev, info.st_ino}, .path = path};
    EXPECT_FALSE(open_mapped_file(getpid(), fifo));  // and does not wait for a writer
}

TEST_F(MappedFile, of_a_chrooted_process_is_reached_by_its_path) {
    if (geteuid() != 0) GTEST_SKIP() << "needs root for chroot";
    const std::string root = directory_ / "root";
    std::filesystem::create_directory(root);
    test::write_file(root + "/lib.so", "inside");
    // A link that would lead out of the chroot, were it followed outside of it.
    std::filesystem::create_symlink("/lib.so", root + "/link.so");
    map(root + "/lib.so");
    const Child child = Child::run([&] {
        if (chroot(root.c_str()) == 0) pause();
    });
    ASSERT_TRUE(test::eventually([&] {
        return std::filesystem::read_symlink("/proc/" + std::to_string(child.pid()) + "/root") ==
               root;
    }));
    Mapping inside = without_link(mapping());
    for (const char* path : {"/lib.so", "/link.so"}) {
        inside.path = path;  // as seen where the chroot has a mount namespace of its own
        EXPECT_TRUE(open_mapped_file(child.pid(), inside)) << path;
    }
    inside.path = root + "/lib.so";
    const auto fd = open_mapped_file(child.pid(), inside);
    ASSERT_TRUE(fd) << fd.error().message;
    EXPECT_EQ(contents(*fd), "inside");
}

}  // namespace
}  // namespace seep
