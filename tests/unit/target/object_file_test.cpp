// SPDX-License-Identifier: GPL-2.0-only
#include "target/object_file.h"

#include <elf.h>
#include <fcntl.h>
#include <gmock/gmock.h>
#include <sys/mman.h>

#include <cstring>
#include <random>

#include "support.h"

namespace seep {
namespace {

using test::TempDirectory;

Result<ObjectFile> open_object(const std::string& path) {
    return ObjectFile::open(UniqueFd(open(path.c_str(), O_RDONLY | O_CLOEXEC)), path, {1, 2});
}

/// The same of bytes that are in memory only.
Result<ObjectFile> open_image(std::string_view image) {
    UniqueFd fd(memfd_create("image", MFD_CLOEXEC));
    EXPECT_EQ(write(fd.get(), image.data(), image.size()), static_cast<ssize_t>(image.size()));
    return ObjectFile::open(std::move(fd), "image", {1, 2});
}

/// What readelf says of the file's build id.
std::string build_id_by_readelf(const std::string& path) {
    const CHandle<FILE, pclose> pipe(
        popen(("readelf -nW " + path + " | sed -n 's/.*Build ID: //p'").c_str(), "r"));
    char line[256] = {};
    return fgets(line, sizeof line, pipe.get()) == nullptr ? ""
                                                           : std::string(line, strcspn(line, "\n"));
}

TEST(ObjectFile, agrees_with_readelf_on_the_c_library) {
    const std::string path = "/lib/x86_64-linux-gnu/libc.so.6";
    const auto object = open_object(path);
    ASSERT_TRUE(object) << object.error().message;
    EXPECT_EQ(object->build_id().size(), 40U);
    EXPECT_EQ(object->build_id(), build_id_by_readelf(path));
    EXPECT_EQ(object->architecture(), Architecture::x86_64);
    EXPECT_EQ(object->name(), "libc.so.6");
    EXPECT_EQ(object->identity(), (FileIdentity{1, 2}));
}

TEST(ObjectFile, converts_offsets_and_addresses) {
    const TempDirectory directory;
    const std::string path = directory / "program";
    // The data segment's addresses differ from its offsets.
    test::compile("int data = 1; int main(void) { return data; }", path, "-Wl,-z,separate-code");
    const auto object = open_object(path);
    ASSERT_TRUE(object);
    ASSERT_FALSE(object->segments().empty());
    EXPECT_TRUE(object->segments().front().executable);
    for (const LoadSegment& segment : object->segments()) {
        const std::uint64_t last = segment.file_size - 1;
        EXPECT_EQ(object->address_of_offset(segment.file_offset + last), segment.address + last);
        EXPECT_EQ(object->offset_of_address(segment.address + last), segment.file_offset + last);
    }
    EXPECT_EQ(object->address_of_offset(std::filesystem::file_size(path) + 1), std::nullopt);
    EXPECT_EQ(object->offset_of_address(UINT64_MAX), std::nullopt);
}

TEST(ObjectFile, needs_no_section_headers) {
    const TempDirectory directory;
    const std::string path = directory / "program";
    test::compile("int main(void) { return 0; }", path, "-Wl,--build-id=0x00112233445566778899");
    std::string image = test::read_file(path);
    Elf64_Ehdr header = {};
    std::memcpy(&header, image.data(), sizeof header);
    header.e_shoff = 0;
    header.e_shnum = 0;
    header.e_shstrndx = 0;
    std::memcpy(image.data(), &header, sizeof header);
    test::write_file(path, image);
    const auto object = open_object(path);
    ASSERT_TRUE(object) << object.error().message;
    EXPECT_EQ(object->build_id(), "00112233445566778899");
}

TEST(ObjectFile, may_have_no_build_id) {
    const TempDirectory directory;
    test::compile("int main(void) { return 0; }", directory / "program", "-Wl,--build-id=none");
    const auto object = open_object(directory / "program");
    ASSERT_TRUE(object);
    EXPECT_EQ(object->build_id(), "");
}

TEST(ObjectFile, of_32_bits_is_refused) {
    const TempDirectory directory;
    test::compile("void _start(void) {}", directory / "program", "-m32 -nostdlib -static");
    const auto object = open_object(directory / "program");
    ASSERT_FALSE(object);
    EXPECT_THAT(object.error().message, testing::HasSubstr("32-bit"));
}

TEST(ObjectFile, names_what_is_wrong) {
    const TempDirectory directory;
    test::write_file(directory / "empty", "");
    test::write_file(directory / "script",
                     "#!/bin/sh\nexit 0; and some more text to be long enough");
    test::write_file(directory / "bare", std::string("\177ELF\2\1\1", 7) + std::string(57, '\0'));
    for (const char* name : {"empty", "script"}) {
        const auto object = open_object(directory / name);
        ASSERT_FALSE(object);
        EXPECT_EQ(object.error().kind, ErrorKind::failed);
        EXPECT_THAT(object.error().message, testing::EndsWith("not an ELF file"));
        EXPECT_THAT(object.error().message, testing::HasSubstr(name));
    }
    EXPECT_FALSE(open_object(directory / "bare"));
}

/// A small valid program as bytes, for the tests that spoil it.
class SpoiledObject : public testing::Test {
 protected:
    void SetUp() override {
        const TempDirectory directory;
        test::compile("int main(void) { return 0; }", directory / "program");
        image_ = test::read_file(directory / "program");
        std::memcpy(&header_, image_.data(), sizeof header_);
    }
    Result<ObjectFile> open_changed() {
        std::memcpy(image_.data(), &header_, sizeof header_);
        return open_image(image_);
    }
    /// Changes the first program header of the type.
    template <typename Change>
    void change_segment(std::uint32_t type, Change change) {
        for (std::size_t i = 0; i < header_.e_phnum; ++i) {
            char* const at = image_.data() + header_.e_phoff + i * sizeof(Elf64_Phdr);
            Elf64_Phdr segment = {};
            std::memcpy(&segment, at, sizeof segment);
            if (segment.p_type != type) continue;
            change(segment);
            std::memcpy(at, &segment, sizeof segment);
            return;
        }
        FAIL() << "no such segment";
    }

    std::string image_;
    Elf64_Ehdr header_ = {};
};

TEST_F(SpoiledObject, is_refused_when_cut_short) {
    const std::string whole = image_;
    Elf64_Phdr last_load = {};
    for (std::size_t i = 0; i < header_.e_phnum; ++i) {
        Elf64_Phdr segment = {};
        std::memcpy(&segment, whole.data() + header_.e_phoff + i * sizeof segment, sizeof segment);
        if (segment.p_type == PT_LOAD) last_load = segment;
    }
    const std::size_t needed = last_load.p_offset + last_load.p_filesz;
    for (std::size_t size = 0; size < needed; size += 61) {
        EXPECT_FALSE(open_image(whole.substr(0, size))) << size;
    }
    EXPECT_TRUE(open_image(whole.substr(0, needed)));
}

TEST_F(SpoiledObject, is_refused_when_its_headers_lie) {
    const Elf64_Ehdr good = header_;
    for (const std::uint64_t offset : {image_.size(), std::uint64_t{1} << 63, UINT64_MAX - 7}) {
        header_.e_phoff = offset;
        EXPECT_FALSE(open_changed()) << offset;
    }
    header_ = good;
    for (const std::uint16_t count : {0x0000, 0x7fff, 0xffff}) {
        header_.e_phnum = count;
        EXPECT_FALSE(open_changed()) << count;
    }
    header_ = good;
    header_.e_phentsize = 1;
    EXPECT_FALSE(open_changed());
    header_ = good;
    header_.e_ident[EI_DATA] = ELFDATA2MSB;
    EXPECT_FALSE(open_changed());
}

TEST_F(SpoiledObject, is_refused_when_a_segment_lies) {
    const std::string good = image_;
    const std::vector<void (*)(Elf64_Phdr&)> lies = {
        [](Elf64_Phdr& segment) { segment.p_offset = UINT64_MAX; },
        [](Elf64_Phdr& segment) { segment.p_filesz = segment.p_memsz = UINT64_MAX; },
        [](Elf64_Phdr& segment) { segment.p_filesz = segment.p_memsz + 1; },
        [](Elf64_Phdr& segment) { segment.p_vaddr = UINT64_MAX; },
    };
    for (std::size_t i = 0; i < lies.size(); ++i) {
        image_ = good;
        change_segment(PT_LOAD, lies[i]);
        EXPECT_FALSE(open_changed()) << i;
    }
}

TEST_F(SpoiledObject, survives_any_noise_in_headers_and_notes) {
    const std::string good = image_;
    std::mt19937 random(20231);
    int opened = 0;
    for (int round = 0; round < 3000; ++round) {
        image_ = good;
        for (int change = 0; change < 4; ++change) {
            image_[random() % 0x400] = static_cast<char>(random());
        }
        const auto object = open_image(image_);
        if (!object) continue;
        ++opened;
        EXPECT_LE(object->build_id().size(), 128U);
        (void)object->address_of_offset(random());
    }
    EXPECT_GT(opened, 0);
    EXPECT_LT(opened, 3000);
}

}  // namespace
}  // namespace seep
