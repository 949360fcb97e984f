// SPDX-License-Identifier: GPL-2.0-only
#include "target/address_space.h"

#include <dlfcn.h>
#include <fcntl.h>
#include <gmock/gmock.h>
#include <sys/auxv.h>
#include <sys/mman.h>
#include <sys/stat.h>

#include <algorithm>

#include "support.h"

namespace seep {
namespace {

using Kind = ResolvedAddress::Kind;
using test::TempDirectory;

std::uint64_t address_of(const void* pointer) {
    return reinterpret_cast<std::uint64_t>(pointer);
}

std::vector<std::string> names(const std::vector<AddressSpace::Object>& objects) {
    std::vector<std::string> names;
    for (const auto& object : objects) names.push_back(object->name());
    return names;
}

class AddressSpaceTest : public testing::Test {
 protected:
    AddressSpace::Refreshed refresh() {
        auto refreshed = space_.refresh();
        EXPECT_TRUE(refreshed) << refreshed.error().message;
        return refreshed.value_or(AddressSpace::Refreshed());
    }
    /// A library of one function, in the test's directory.
    std::string library(const std::string& name) {
        const std::string path = directory_ / name;
        test::compile("int answer(void) { return 42; }", path, "-shared -fPIC");
        return path;
    }

    TempDirectory directory_;
    AddressSpace space_{getpid()};
};

TEST_F(AddressSpaceTest, knows_nothing_before_it_is_read) {
    EXPECT_EQ(space_.resolve(address_of(this)).kind, Kind::none);
    EXPECT_FALSE(space_.vdso());
    EXPECT_TRUE(space_.objects().empty());
}

TEST_F(AddressSpaceTest, resolves_into_the_address_space_of_the_object) {
    const auto refreshed = refresh();
    EXPECT_THAT(names(refreshed.added), testing::IsSupersetOf({"unit_target", "libc.so.6"}));
    EXPECT_THAT(refreshed.unreadable, testing::IsEmpty());
    EXPECT_EQ(names(space_.objects()), names(refreshed.added));

    const auto where = space_.resolve(address_of(dlsym(RTLD_DEFAULT, "gnu_get_libc_version")) + 3);
    ASSERT_EQ(where.kind, Kind::file);
    EXPECT_EQ(where.object->name(), "libc.so.6");
    // The dynamic linker knows the library's base, and so its symbol's address in the file.
    Dl_info info = {};
    ASSERT_NE(dladdr(dlsym(RTLD_DEFAULT, "gnu_get_libc_version"), &info), 0);
    EXPECT_EQ(where.address, address_of(info.dli_saddr) - address_of(info.dli_fbase) + 3);
}

TEST_F(AddressSpaceTest, knows_the_vdso_and_memory_without_a_file) {
    void* const code =
        mmap(nullptr, 4096, PROT_READ | PROT_EXEC, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
    ASSERT_NE(code, MAP_FAILED);
    refresh();
    const auto jit = space_.resolve(address_of(code) + 5);
    EXPECT_EQ(jit.kind, Kind::anonymous);
    EXPECT_EQ(jit.address, address_of(code) + 5);
    munmap(code, 4096);

    const std::uint64_t vdso = getauxval(AT_SYSINFO_EHDR);
    const auto in_vdso = space_.resolve(vdso + 0x10);
    EXPECT_EQ(in_vdso.kind, Kind::vdso);
    EXPECT_EQ(in_vdso.address, 0x10U);
    ASSERT_TRUE(space_.vdso());
    EXPECT_EQ(space_.vdso()->start, vdso);
    EXPECT_GT(space_.vdso()->end, vdso);

    const int local = 0;
    EXPECT_EQ(space_.resolve(address_of(&local)).kind, Kind::none);
}

TEST_F(AddressSpaceTest, follows_a_library_that_comes_and_goes) {
    const std::string path = library("lib.so");
    refresh();
    void* handle = dlopen(path.c_str(), RTLD_NOW);
    ASSERT_NE(handle, nullptr);
    const std::uint64_t answer = address_of(dlsym(handle, "answer"));
    EXPECT_THAT(names(refresh().added), testing::ElementsAre("lib.so"));
    EXPECT_THAT(refresh().added, testing::IsEmpty());
    const auto before = space_.resolve(answer);
    ASSERT_EQ(before.kind, Kind::file);

    dlclose(handle);
    EXPECT_THAT(refresh().added, testing::IsEmpty());
    const auto after = space_.resolve(answer);
    EXPECT_EQ(after.kind, Kind::file);
    EXPECT_EQ(after.object, before.object);
    EXPECT_EQ(after.address, before.address);
    EXPECT_THAT(names(space_.objects()), testing::Not(testing::Contains("lib.so")));

    // Again, it is the same file.
    handle = dlopen(path.c_str(), RTLD_NOW);
    EXPECT_THAT(refresh().added, testing::IsEmpty());
    EXPECT_THAT(names(space_.objects()), testing::Contains("lib.so"));
    dlclose(handle);
}

TEST_F(AddressSpaceTest, gives_a_place_to_what_was_mapped_last) {
    const UniqueFd file(open(library("lib.so").c_str(), O_RDONLY | O_CLOEXEC));
    constexpr std::size_t page = 4096;
    auto* const memory = static_cast<char*>(
        mmap(nullptr, 3 * page, PROT_READ | PROT_EXEC, MAP_PRIVATE, file.get(), 0));
    ASSERT_NE(memory, MAP_FAILED);
    refresh();
    // The middle page becomes other code, the first one data.
    mmap(memory + page, page, PROT_READ | PROT_EXEC, MAP_PRIVATE | MAP_ANONYMOUS | MAP_FIXED, -1,
         0);
    mprotect(memory, page, PROT_READ | PROT_WRITE);
    refresh();
    EXPECT_EQ(space_.resolve(address_of(memory)).kind, Kind::file);
    EXPECT_EQ(space_.resolve(address_of(memory) + page).kind, Kind::anonymous);
    const auto last = space_.resolve(address_of(memory) + 2 * page);
    ASSERT_EQ(last.kind, Kind::file);
    EXPECT_EQ(last.object->offset_of_address(last.address), 2 * page);
    munmap(memory, 3 * page);
    refresh();
    EXPECT_EQ(space_.resolve(address_of(memory) + 2 * page).kind, Kind::file);
    EXPECT_EQ(space_.resolve(address_of(memory) + page).kind, Kind::none);
}

TEST_F(AddressSpaceTest, tells_a_replaced_file_from_the_mapped_one) {
    const std::string path = library("lib.so");
    void* const old_handle = dlopen(path.c_str(), RTLD_NOW);
    ASSERT_NE(old_handle, nullptr);
    std::filesystem::rename(path, directory_ / "kept");
    library("lib.so");
    // The dynamic linker takes the very same name for the library that it has.
    void* const new_handle = dlopen((directory_ / "./lib.so").c_str(), RTLD_NOW);
    ASSERT_NE(new_handle, nullptr);
    refresh();
    const auto old_place = space_.resolve(address_of(dlsym(old_handle, "answer")));
    const auto new_place = space_.resolve(address_of(dlsym(new_handle, "answer")));
    ASSERT_EQ(old_place.kind, Kind::file);
    ASSERT_EQ(new_place.kind, Kind::file);
    EXPECT_NE(old_place.object, new_place.object);
    dlclose(old_handle);
    dlclose(new_handle);
}

TEST_F(AddressSpaceTest, takes_a_file_of_code_that_is_no_elf_for_anonymous) {
    test::write_file(directory_ / "code", std::string(4096, '\xc3'));
    const UniqueFd file(open((directory_ / "code").c_str(), O_RDONLY | O_CLOEXEC));
    void* const code = mmap(nullptr, 4096, PROT_READ | PROT_EXEC, MAP_SHARED, file.get(), 0);
    ASSERT_NE(code, MAP_FAILED);
    const auto first = refresh();
    ASSERT_EQ(first.unreadable.size(), 1U);
    EXPECT_THAT(first.unreadable[0].message, testing::HasSubstr("not an ELF file"));
    EXPECT_THAT(refresh().unreadable, testing::IsEmpty());
    EXPECT_EQ(space_.resolve(address_of(code)).kind, Kind::anonymous);
    munmap(code, 4096);
}

TEST_F(AddressSpaceTest, forgets_the_oldest_of_too_much_that_is_gone) {
    const UniqueFd file(open(library("lib.so").c_str(), O_RDONLY | O_CLOEXEC));
    constexpr std::size_t page = 4096;
    constexpr std::size_t count = 600;
    auto* const memory = static_cast<char*>(
        mmap(nullptr, count * page, PROT_READ | PROT_EXEC, MAP_PRIVATE, file.get(), 0));
    ASSERT_NE(memory, MAP_FAILED);
    // Every other page, so that none merges with the next.
    for (std::size_t i = 0; i < count; i += 2) {
        refresh();
        munmap(memory + i * page, page);
        mmap(memory + i * page, page, PROT_NONE, MAP_PRIVATE | MAP_ANONYMOUS | MAP_FIXED, -1, 0);
    }
    refresh();
    EXPECT_EQ(space_.resolve(address_of(memory)).kind, Kind::file);
    space_.forget_before(1);
    EXPECT_EQ(space_.resolve(address_of(memory)).kind, Kind::none);
    munmap(memory, count * page);
}

/// Two libraries, A and B, that have the same place in turn. Only what is told of them is looked
/// at.
class OccupantsTest : public testing::Test {
 protected:
    static constexpr std::uint64_t place = 0x7f0000000000;
    static constexpr std::uint64_t size = 0x2000;

    void SetUp() override {
        for (const char* name : {"a.so", "b.so", "c.so"}) {
            Mapping& mapping = libraries_.emplace_back();
            mapping.start = place;
            mapping.end = place + size;
            mapping.executable = true;
            mapping.path = directory_ / name;
            test::compile("int answer(void) { return 42; }", mapping.path, "-shared -fPIC");
            struct stat file = {};
            ASSERT_EQ(stat(mapping.path.c_str(), &file), 0);
            mapping.file = {file.st_dev, file.st_ino};
        }
    }
    /// Tells of library `which` at those times.
    void tell(std::initializer_list<std::pair<int, std::uint64_t>> told) {
        std::vector<MappedCode> mapped;
        for (const auto& [which, time_ns] : told)
            mapped.push_back({libraries_[static_cast<std::size_t>(which)], time_ns});
        ASSERT_TRUE(space_.refresh(mapped));
    }
    /// The names of what was there at that time, and its number.
    std::string at(std::uint64_t time_ns) {
        for (const CodeRange& range : space_.code_at(time_ns))
            if (range.start == place)
                return range.object->name() + " " + std::to_string(range.occupant);
        return "nothing";
    }
    std::string occupant(std::uint8_t number) {
        const auto where = space_.resolve(place + 0x10, number);
        return where.object ? where.object->name() : "none";
    }

    TempDirectory directory_;
    std::vector<Mapping> libraries_;
    AddressSpace space_{getpid()};
};

TEST_F(OccupantsTest, are_told_apart) {
    tell({{0, 10}, {1, 20}, {0, 30}, {1, 40}, {2, 50}});
    EXPECT_EQ(at(9), "nothing");
    EXPECT_EQ(at(10), "a.so 0");
    EXPECT_EQ(at(19), "a.so 0");
    EXPECT_EQ(at(20), "b.so 1");
    EXPECT_EQ(at(35), "a.so 0");
    EXPECT_EQ(at(49), "b.so 1");
    EXPECT_EQ(at(1000), "c.so 2");
    EXPECT_EQ(occupant(0), "a.so");
    EXPECT_EQ(occupant(1), "b.so");
    EXPECT_EQ(occupant(2), "c.so");
    EXPECT_EQ(occupant(3), "none");
    // Where nobody knows which it was, nothing is claimed.
    EXPECT_EQ(occupant(AddressSpace::unknown_occupant), "none");
    EXPECT_EQ(space_.resolve(place + 0x10).object->name(), "c.so");

    space_.forget_before(1000);
    EXPECT_EQ(occupant(0), "a.so");
    EXPECT_EQ(occupant(1), "b.so");
}

TEST_F(OccupantsTest, are_known_when_there_was_only_one) {
    tell({{0, 10}});
    EXPECT_EQ(occupant(AddressSpace::unknown_occupant), "a.so");
    EXPECT_EQ(occupant(1), "none");
}

TEST_F(OccupantsTest, are_in_order_though_one_is_told_of_late) {
    tell({{0, 10}, {0, 30}});
    tell({{2, 40}, {1, 20}});
    EXPECT_EQ(at(15), "a.so 0");
    EXPECT_EQ(at(25).substr(0, 4), "b.so");
    EXPECT_EQ(at(45).substr(0, 4), "c.so");
}

TEST_F(OccupantsTest, have_epochs) {
    tell({{0, 10}, {1, 20}});
    EXPECT_NE(space_.epoch(9), space_.epoch(10));
    EXPECT_EQ(space_.epoch(10), space_.epoch(19));
    EXPECT_NE(space_.epoch(19), space_.epoch(20));
    const auto version = space_.version();
    tell({{2, 30}});
    EXPECT_NE(space_.version(), version);
}

TEST_F(OccupantsTest, share_the_last_number_when_there_are_too_many) {
    constexpr int count = 70;
    std::vector<MappedCode> mapped;
    for (int i = 0; i < count; ++i) {
        Mapping mapping = libraries_[0];
        mapping.path = directory_ / ("copy" + std::to_string(i));
        std::filesystem::copy_file(libraries_[0].path, mapping.path);
        struct stat file = {};
        ASSERT_EQ(stat(mapping.path.c_str(), &file), 0);
        mapping.file.inode = file.st_ino;
        mapped.push_back({mapping, static_cast<std::uint64_t>(i) + 1});
    }
    ASSERT_TRUE(space_.refresh(mapped));
    EXPECT_EQ(occupant(0), "copy0");
    EXPECT_EQ(occupant(61), "copy61");
    EXPECT_EQ(occupant(62), "copy69");
}

TEST_F(AddressSpaceTest, of_a_process_that_has_ended_takes_in_what_it_mapped_last) {
    test::Child child = test::Child::exec({"sleep", "1000"});
    const auto in_libc = [](const Mapping& mapping) {
        return mapping.executable && mapping.path.ends_with("libc.so.6");
    };
    Mapping code;
    ASSERT_TRUE(test::eventually([&] {  // the dynamic linker is at work
        const auto all = read_mappings(child.pid()).value_or(std::vector<Mapping>());
        const auto found = std::ranges::find_if(all, in_libc);
        if (found != all.end()) code = *found;
        return found != all.end();
    }));
    AddressSpace space(child.pid());
    ASSERT_TRUE(space.refresh());
    const auto known = space.code();
    kill(child.pid(), SIGKILL);  // and not collected yet: a process without mappings
    EXPECT_TRUE(test::eventually([&] { return !space.refresh(); }));
    child.kill_and_wait();

    AddressSpace late(child.pid());
    EXPECT_EQ(names(late.add({{code, 1}}).added), std::vector<std::string>{"libc.so.6"});
    EXPECT_EQ(late.resolve(code.start).kind, Kind::file);
    EXPECT_EQ(late.resolve(code.end).kind, Kind::none);
    // What was known stays, and what is mapped in a place takes it.
    Mapping other = code;
    other.path = library("lib.so");
    struct stat file = {};
    ASSERT_EQ(stat(other.path.c_str(), &file), 0);
    other.file = {file.st_dev, file.st_ino};
    EXPECT_EQ(names(space.add({{other, 1}}).added), std::vector<std::string>{"lib.so"});
    EXPECT_EQ(space.code().size(), known.size());
    EXPECT_THAT(names(space.objects()), testing::Contains("lib.so"));
    EXPECT_THAT(names(space.objects()), testing::Not(testing::Contains("libc.so.6")));
}

TEST(AddressSpaceOf, a_process_that_does_not_exist_is_an_error) {
    AddressSpace space(0x7fffffff);
    EXPECT_FALSE(space.refresh());
}

}  // namespace
}  // namespace seep
