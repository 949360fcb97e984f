// SPDX-License-Identifier: GPL-2.0-only

// Tables of real objects: every row as libdw has it, with and without section headers.
#include <elf.h>
#include <fcntl.h>
#include <gtest/gtest.h>
#include <link.h>
#include <sys/auxv.h>

#include <cstring>

#include "oracle.h"
#include "support.h"
#include "target/address_space.h"
#include "unwind/cfi_compiler.h"
#include "unwind/vdso.h"

namespace seep {
namespace {

Result<ObjectFile> open_object(const std::string& path) {
    return ObjectFile::open(UniqueFd(open(path.c_str(), O_RDONLY | O_CLOEXEC)), path, {});
}

/// The files of this process: the test itself and the libraries that it runs with.
std::vector<std::string> own_objects() {
    std::vector<std::string> paths = {"/proc/self/exe", "/bin/bash"};
    dl_iterate_phdr(
        [](dl_phdr_info* info, std::size_t, void* data) {
            if (std::strchr(info->dlpi_name, '/') != nullptr) {
                static_cast<std::vector<std::string>*>(data)->emplace_back(info->dlpi_name);
            }
            return 0;
        },
        &paths);
    return paths;
}

TEST(Objects, have_the_rows_that_libdw_reads) {
    const auto paths = own_objects();
    EXPECT_GE(paths.size(), 6U);
    for (const std::string& path : paths) {
        const auto object = open_object(path);
        ASSERT_TRUE(object) << object.error().message;
        const auto table = compile_unwind_table(*object);
        ASSERT_TRUE(table) << table.error().message;
        const auto comparison = test::compare_with_libdw(*table, object->fd());
        EXPECT_GT(comparison.rows, 100U) << path;
        EXPECT_EQ(comparison.disagreements, 0U) << path << " " << comparison.first;
        EXPECT_EQ(table->counts.unusable_entries, 0U) << path;
        EXPECT_EQ(table->counts.functions_outside, 0U) << path;
    }
}

/// The start of the C library's signal return, which no symbol table names, by its code: mov
/// $__NR_rt_sigreturn, %rax; syscall.
std::uint64_t signal_return_of(const ObjectFile& libc, const std::string& bytes) {
    const std::string_view code("\x48\xc7\xc0\x0f\x00\x00\x00\x0f\x05", 9);
    return libc.address_of_offset(bytes.find(code)).value_or(0);
}

TEST(Objects, have_the_c_librarys_ends_of_stacks) {
    const std::string bytes = test::read_file("/lib/x86_64-linux-gnu/libc.so.6");
    const auto libc = test::object_of(bytes);
    ASSERT_TRUE(libc) << libc.error().message;
    const UnwindTable table = test::table_of(bytes);
    EXPECT_EQ(find_rule(table, signal_return_of(*libc, bytes)).cfa, SEEP_CFA_SIGNAL);

    // _start of a program.
    const std::string program = test::read_file("/bin/bash");
    Elf64_Ehdr header = {};
    std::memcpy(&header, program.data(), sizeof header);
    EXPECT_EQ(find_rule(test::table_of(program), header.e_entry).cfa, SEEP_CFA_END);
}

TEST(Objects, need_no_section_headers) {
    std::string bytes = test::read_file("/bin/bash");
    const UnwindTable whole = test::table_of(bytes);
    auto* const header = reinterpret_cast<Elf64_Ehdr*>(bytes.data());
    header->e_shoff = header->e_shnum = header->e_shstrndx = 0;
    const UnwindTable stripped = test::table_of(bytes);
    EXPECT_EQ(stripped.words, whole.words);
    EXPECT_EQ(stripped.base, whole.base);
}

TEST(Objects, need_no_eh_frame_hdr) {
    const std::string source = ".text\n.cfi_startproc\nnop\n.cfi_endproc\n";
    const UnwindTable with = test::table_of(test::assemble(source));
    const UnwindTable without = test::table_of(test::assemble(source, "-Wl,--no-eh-frame-hdr"));
    EXPECT_EQ(with.words, without.words);
}

TEST(Objects, without_cfi_are_an_error) {
    const auto object = test::object_of(
        test::assemble(".text\nnop\n", "-Wl,--no-ld-generated-unwind-info,--no-eh-frame-hdr"));
    ASSERT_TRUE(object) << object.error().message;
    const auto table = compile_unwind_table(*object);
    ASSERT_FALSE(table);
    EXPECT_EQ(table.error().message, "no unwind table for object: it has no .eh_frame");
}

TEST(Vdso, has_the_rows_that_libdw_reads) {
    AddressSpace space(getpid());
    ASSERT_TRUE(space.refresh());
    ASSERT_TRUE(space.vdso());
    const auto vdso = read_vdso(getpid(), *space.vdso());
    ASSERT_TRUE(vdso) << vdso.error().message;
    const auto* const mapped = reinterpret_cast<const char*>(getauxval(AT_SYSINFO_EHDR));
    EXPECT_EQ(vdso->bytes, std::string(mapped, vdso->bytes.size()));
    const auto table = compile_unwind_table(vdso->object);
    ASSERT_TRUE(table) << table.error().message;
    const auto comparison = test::compare_with_libdw(*table, vdso->object.fd());
    EXPECT_GT(comparison.rows, 10U);
    EXPECT_EQ(comparison.disagreements, 0U) << comparison.first;
}

}  // namespace
}  // namespace seep
