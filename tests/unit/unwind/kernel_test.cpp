// SPDX-License-Identifier: GPL-2.0-only

// Tables and mappings as the kernel has them, read back through its maps.
#include <bpf/bpf.h>
#include <dlfcn.h>
#include <gmock/gmock.h>
#include <sys/auxv.h>
#include <sys/mman.h>

#include <algorithm>
#include <filesystem>
#include <fstream>

#include "kernel/kernel_object.h"
#include "oracle.h"
#include "support.h"
#include "unwind/cfi_compiler.h"
#include "unwind/space_sync.h"
#include "unwind/table_store.h"

namespace seep {
namespace {

constexpr std::uint32_t table_slots = 64;
constexpr std::uint32_t space_slots = 4;

UniqueFd array_of_arrays(std::uint32_t value_size, std::uint32_t slots, std::uint32_t inner_flags) {
    LIBBPF_OPTS(bpf_map_create_opts, inner_options, .map_flags = inner_flags);
    const UniqueFd inner(
        bpf_map_create(BPF_MAP_TYPE_ARRAY, "test_inner", 4, value_size, 1, &inner_options));
    LIBBPF_OPTS(bpf_map_create_opts, options,
                .inner_map_fd = static_cast<std::uint32_t>(inner.get()));
    return UniqueFd(
        bpf_map_create(BPF_MAP_TYPE_ARRAY_OF_MAPS, "test_outer", 4, 4, slots, &options));
}

/// The values of the map in a slot; empty if there is none.
template <typename Value>
std::vector<Value> contents(const UniqueFd& outer, std::uint32_t slot) {
    std::uint32_t id = 0;
    if (bpf_map_lookup_elem(outer.get(), &slot, &id) != 0) return {};
    const UniqueFd map(bpf_map_get_fd_by_id(id));
    bpf_map_info info = {};
    std::uint32_t size = sizeof info;
    if (bpf_map_get_info_by_fd(map.get(), &info, &size) != 0) return {};
    std::vector<Value> values(info.max_entries);
    for (std::uint32_t i = 0; i < info.max_entries; ++i) {
        if (bpf_map_lookup_elem(map.get(), &i, &values[i]) != 0) ADD_FAILURE() << i;
    }
    return values;
}

std::uint64_t address_of(const void* pointer) {
    return reinterpret_cast<std::uint64_t>(pointer);
}

class UnwindMaps : public testing::Test {
 protected:
    void SetUp() override {
        if (const std::string why = test::why_no_bpf(); !why.empty()) {
            if (test::bpf_is_required()) FAIL() << why;
            GTEST_SKIP() << why;
        }
        tables_ = array_of_arrays(8, table_slots, unwind_table_flags);
        spaces_ = array_of_arrays(sizeof(seep_mapping), space_slots, BPF_F_INNER_MAP);
        space_maps_ = std::make_unique<MapOfMaps>(spaces_.get());
        generations_ =
            UniqueFd(bpf_map_create(BPF_MAP_TYPE_ARRAY, "generations", 4, 8, space_slots, nullptr));
        ASSERT_TRUE(generations_);
        auto store = TableStore::create(tables_.get());
        ASSERT_TRUE(store) << store.error().message;
        store_ = std::make_unique<TableStore>(std::move(*store));
    }

    [[nodiscard]] std::vector<std::uint64_t> words(std::uint32_t slot) const {
        return contents<std::uint64_t>(tables_, slot);
    }
    /// The mappings of a process without the count, which is checked.
    [[nodiscard]] std::vector<seep_mapping> mappings(std::uint32_t slot) const {
        auto entries = contents<seep_mapping>(spaces_, slot);
        if (entries.empty()) return entries;
        EXPECT_EQ(entries[0].start, entries.size() - 1);
        entries.erase(entries.begin());
        EXPECT_TRUE(std::ranges::is_sorted(entries, {}, &seep_mapping::start));
        return entries;
    }
    [[nodiscard]] seep_mapping mapping_at(std::uint32_t slot, std::uint64_t address) const {
        for (const seep_mapping& mapping : mappings(slot)) {
            if (address >= mapping.start && address < mapping.end) return mapping;
        }
        return {};
    }
    /// What the kernel would find for an address of this process.
    [[nodiscard]] seep_rule rule_at(std::uint64_t address) const {
        const seep_mapping mapping = mapping_at(1, address);
        if (mapping.table == 0) return {};
        const UnwindTable table{.words = words(mapping.table),
                                .base = mapping.base,
                                .blocks = mapping.blocks,
                                .rows = mapping.rows,
                                .rules = mapping.rules,
                                .counts = {}};
        return find_rule(table, address - mapping.bias);
    }
    std::vector<Error> update(SpaceSync& sync, AddressSpace& space) {
        EXPECT_TRUE(space.refresh());
        auto errors = sync.update(space);
        EXPECT_TRUE(errors) << errors.error().message;
        return errors.value_or(std::vector<Error>());
    }

    UniqueFd tables_;
    UniqueFd spaces_;
    UniqueFd generations_;
    std::unique_ptr<MapOfMaps> space_maps_;
    std::unique_ptr<TableStore> store_;
};

const std::string& small_object() {
    static const std::string bytes = test::assemble(R"(
        .text
        .globl answer
        answer: .cfi_startproc
        push %rbx
        .cfi_def_cfa_offset 16
        .cfi_offset rbx, -16
        mov $42, %eax
        pop %rbx
        .cfi_restore rbx
        .cfi_def_cfa_offset 8
        ret
        .cfi_endproc
    )");
    return bytes;
}

TEST_F(UnwindMaps, hold_a_table_once_and_as_long_as_it_is_used) {
    const auto object = test::object_of(small_object());
    const auto compiled = test::table_of(small_object());
    auto first = store_->acquire(*object, {{1, 2}, "a"});
    ASSERT_TRUE(first) << first.error().message;
    auto second = store_->acquire(*object, {{1, 2}, "a"});
    auto other = store_->acquire(*object, {{1, 2}, "b"});
    ASSERT_TRUE(second && other);
    EXPECT_EQ(*first, *second);
    EXPECT_NE((*first)->slot, (*other)->slot);
    EXPECT_NE((*first)->slot, 0U);
    EXPECT_EQ(store_->count(), 2U);
    EXPECT_EQ(store_->bytes(), 2 * 8 * compiled.words.size());
    EXPECT_TRUE(words((*first)->slot).empty());
    ASSERT_TRUE(store_->publish());
    EXPECT_EQ(words((*first)->slot), compiled.words);

    const std::uint32_t slot = (*first)->slot;
    first->reset();
    ASSERT_TRUE(store_->publish());
    EXPECT_EQ(words(slot), compiled.words);
    second->reset();
    EXPECT_EQ(store_->bytes(), 8 * compiled.words.size());
    ASSERT_TRUE(store_->publish());
    EXPECT_EQ(words(slot), std::vector<std::uint64_t>{0});
    EXPECT_EQ(words((*other)->slot), compiled.words);

    // The slot is free again, when all others have been used.
    std::vector<TableStore::Table> held;
    for (std::uint64_t i = 1; i < table_slots - 1; ++i) {
        auto next = store_->acquire(*object, {{3, i}, "c"});
        ASSERT_TRUE(next) << i;
        held.push_back(std::move(*next));
    }
    EXPECT_EQ(held.back()->slot, slot);
}

TEST_F(UnwindMaps, take_a_table_back_before_it_was_taken_away) {
    const auto object = test::object_of(small_object());
    auto table = store_->acquire(*object, {{1, 2}, ""});
    ASSERT_TRUE(table && store_->publish());
    const std::uint32_t slot = (*table)->slot;
    table->reset();
    table = store_->acquire(*object, {{1, 2}, ""});
    ASSERT_TRUE(table && store_->publish());
    EXPECT_EQ((*table)->slot, slot);
    EXPECT_EQ(words(slot), test::table_of(small_object()).words);
}

TEST_F(UnwindMaps, are_full_at_some_time) {
    const auto object = test::object_of(small_object());
    std::vector<TableStore::Table> held;
    for (std::uint64_t i = 1; i < table_slots; ++i) {
        auto table = store_->acquire(*object, {{1, i}, ""});
        ASSERT_TRUE(table) << i;
        held.push_back(*table);
    }
    const auto table = store_->acquire(*object, {{1, table_slots}, ""});
    ASSERT_FALSE(table);
    EXPECT_EQ(table.error().message, "there is no room for more than 63 unwind tables");
    ASSERT_TRUE(store_->publish());
    EXPECT_EQ(words(table_slots - 1), test::table_of(small_object()).words);
}

TEST_F(UnwindMaps, know_the_code_of_a_process) {
    SpaceSync sync(getpid(), 1, *store_, *space_maps_, generations_.get());
    AddressSpace space(getpid());
    EXPECT_THAT(update(sync, space), testing::IsEmpty());

    const auto code = space.code();
    const auto known = mappings(1);
    ASSERT_EQ(known.size(), code.size());
    for (std::size_t i = 0; i < code.size(); ++i) {
        EXPECT_EQ(known[i].start, code[i].start);
        EXPECT_EQ(known[i].end, code[i].end);
        EXPECT_EQ(known[i].table != 0, code[i].object != nullptr || code[i].vdso);
    }
    const std::uint64_t in_libc = address_of(dlsym(RTLD_DEFAULT, "gnu_get_libc_version"));
    Dl_info info = {};
    ASSERT_NE(dladdr(dlsym(RTLD_DEFAULT, "gnu_get_libc_version"), &info), 0);
    EXPECT_EQ(mapping_at(1, in_libc).bias, address_of(info.dli_fbase));
    EXPECT_EQ(test::text_of(rule_at(in_libc)), "cfa=1 8+0 fp=0 0 bx=0 0");
    const std::uint64_t vdso = getauxval(AT_SYSINFO_EHDR);
    EXPECT_EQ(mapping_at(1, vdso).bias, vdso);
    // The function that this very code is in.
    EXPECT_NE(rule_at(address_of(__builtin_return_address(0))).cfa, SEEP_CFA_UNKNOWN);
}

TEST_F(UnwindMaps, follow_what_is_loaded_and_unloaded) {
    const std::string path = std::filesystem::temp_directory_path() / "seep-test-answer.so";
    std::ofstream(path, std::ios::binary) << small_object();
    SpaceSync sync(getpid(), 1, *store_, *space_maps_, generations_.get());
    AddressSpace space(getpid());
    update(sync, space);
    const std::size_t before = store_->count();
    void* const handle = dlopen(path.c_str(), RTLD_NOW);
    ASSERT_NE(handle, nullptr) << dlerror();
    const std::uint64_t answer = address_of(dlsym(handle, "answer"));
    update(sync, space);
    EXPECT_EQ(store_->count(), before + 1);
    EXPECT_EQ(test::text_of(rule_at(answer)), "cfa=1 8+0 fp=0 0 bx=0 0");
    EXPECT_EQ(test::text_of(rule_at(answer + 1)), "cfa=1 16+0 fp=0 0 bx=1 -16");
    const std::uint32_t slot = mapping_at(1, answer).table;
    dlclose(handle);
    update(sync, space);
    EXPECT_EQ(mapping_at(1, answer).table, 0U);
    EXPECT_EQ(store_->count(), before);
    ASSERT_TRUE(store_->publish());
    EXPECT_EQ(words(slot).size(), 1U);
    std::filesystem::remove(path);
}

TEST_F(UnwindMaps, have_no_table_for_code_of_no_object) {
    void* const code =
        mmap(nullptr, 4096, PROT_READ | PROT_EXEC, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
    ASSERT_NE(code, MAP_FAILED);
    SpaceSync sync(getpid(), 1, *store_, *space_maps_, generations_.get());
    AddressSpace space(getpid());
    update(sync, space);
    const seep_mapping mapping = mapping_at(1, address_of(code));
    EXPECT_LE(mapping.start, address_of(code));
    EXPECT_NE(mapping.end, 0U);
    EXPECT_EQ(mapping.table, 0U);
    munmap(code, 4096);
}

TEST_F(UnwindMaps, tell_once_which_object_has_no_table) {
    const std::string path = std::filesystem::temp_directory_path() / "seep-test-bare.so";
    std::ofstream(path, std::ios::binary)
        << test::assemble(".text\n.globl bare\nbare: ret\n", "-Wl,--no-eh-frame-hdr");
    void* const handle = dlopen(path.c_str(), RTLD_NOW);
    ASSERT_NE(handle, nullptr) << dlerror();
    SpaceSync sync(getpid(), 1, *store_, *space_maps_, generations_.get());
    AddressSpace space(getpid());
    const auto errors = update(sync, space);
    ASSERT_EQ(errors.size(), 1U);
    EXPECT_THAT(errors[0].message, testing::HasSubstr("seep-test-bare.so"));
    EXPECT_EQ(mapping_at(1, address_of(dlsym(handle, "bare"))).table, 0U);
    EXPECT_THAT(update(sync, space), testing::IsEmpty());
    dlclose(handle);
    std::filesystem::remove(path);
}

TEST_F(UnwindMaps, share_tables_between_processes_and_forget_those_that_ended) {
    AddressSpace space(getpid());
    auto first =
        std::make_unique<SpaceSync>(getpid(), 1, *store_, *space_maps_, generations_.get());
    update(*first, space);
    const std::size_t count = store_->count();
    {
        SpaceSync second(getpid(), 2, *store_, *space_maps_, generations_.get());
        update(second, space);
        EXPECT_EQ(store_->count(), count);
        const std::uint64_t here = address_of(__builtin_return_address(0));
        EXPECT_EQ(mapping_at(1, here).table, mapping_at(2, here).table);
    }
    EXPECT_TRUE(contents<seep_mapping>(spaces_, 2).empty());
    EXPECT_FALSE(contents<seep_mapping>(spaces_, 1).empty());
    EXPECT_EQ(store_->count(), count);
    const std::uint32_t slot = mappings(1).front().table;
    first.reset();
    EXPECT_EQ(store_->count(), 0U);
    EXPECT_EQ(store_->bytes(), 0U);
    EXPECT_EQ(words(slot).size(), 1U);
}

TEST_F(UnwindMaps, fit_the_programs_that_walk_them) {
    const auto kernel = KernelObject::load(
        {.mode = AttachMode::single, .max_live = 1024, .max_stacks = 1024, .sample_bytes = 0});
    ASSERT_TRUE(kernel) << kernel.error().message;
    auto store = TableStore::create(kernel->unwind_tables_map());
    ASSERT_TRUE(store) << store.error().message;
    MapOfMaps spaces(kernel->unwind_spaces_map());
    SpaceSync sync(getpid(), 1, *store, spaces, kernel->generations_map());
    AddressSpace space(getpid());
    EXPECT_THAT(update(sync, space), testing::IsEmpty());
    EXPECT_GT(store->count(), 3U);
}

}  // namespace
}  // namespace seep
