// SPDX-License-Identifier: GPL-2.0-only
// The kernel's unwinder over tables, mappings and stacks that are made here.
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <map>

#include "unwind/native_walk.h"
#include "unwind/unwind_table.h"

namespace seep {
namespace {

constexpr std::uint64_t bias = 0x7f0000000000;
constexpr std::uint64_t stack_start = 0x7ffc00000000;

seep_rule rule(seep_cfa cfa, std::int32_t offset, seep_saved fp = SEEP_SAVED_SAME,
               std::int16_t fp_offset = 0) {
    seep_rule made{};
    made.cfa = cfa;
    made.cfa_offset = offset;
    made.fp = fp;
    made.fp_offset = fp_offset;
    return made;
}

/// Its code at `bias`, from `start` to `end`, as the only table that there is.
seep_mapping mapping_of(const UnwindTable& table, std::uint64_t start, std::uint64_t end) {
    return {.start = bias + start,
            .end = bias + end,
            .bias = bias,
            .base = table.base,
            .table = 1,
            .blocks = table.blocks,
            .rows = table.rows,
            .rules = table.rules};
}
native_table only_table(const UnwindTable& table) {
    return {1, static_cast<std::uint32_t>(table.words.size()), table.words.data()};
}

/// Functions of 256 bytes, one a rule, from 0x1000 on; function i begins at pc(i).
class Walk : public testing::Test {
 protected:
    static std::uint64_t pc(std::size_t function, std::uint64_t offset = 0) {
        return bias + 0x1000 + 256 * function + offset;
    }
    void add_function(const seep_rule& of) {
        const std::uint64_t start = 0x1000 + 256 * count_++;
        builder_.add(start, start + 256, {of, Unsupported::none});
    }
    /// With words_ from stack_start on, and below them the word that the allocator's call pushed.
    seep_stack walk(native_registers caller) { return walk(caller, caller, {}); }
    /// `later`: words that have changed when the thread comes by with the registers `again`; then
    /// remembers_ tells whether it knows the stack.
    seep_stack walk(native_registers caller, native_registers again,
                    const std::map<std::size_t, std::uint64_t>& later) {
        words_.insert(words_.begin(), caller.pc);
        fill_page();
        auto table = std::move(builder_).finish({});
        EXPECT_TRUE(table);
        std::array<seep_mapping, 2> mappings{};
        mappings[0].start = 1;
        mappings[1] = mapping_of(*table, 0x1000, 0x100000);
        const native_table only = only_table(*table);
        const native_world world{mappings.data(),
                                 mappings.size(),
                                 &only,
                                 1,
                                 stack_start - 8,
                                 reinterpret_cast<const unsigned char*>(words_.data()),
                                 words_.size() * 8,
                                 pc(0),
                                 code_.data(),
                                 code_.size()};
        seep_stack stack{};
        native_walk(&world, &caller, &stack);
        for (const auto& [at, word] : later) words_[1 + at] = word;
        remembers_ = native_remembers(&world, &again) != 0;
        return stack;
    }
    static std::vector<std::uint64_t> frames(const seep_stack& stack) {
        return {stack.frames + 1, stack.frames + stack.depth};
    }

    void begin_anew() {
        builder_ = {};
        count_ = 0;
        code_.clear();
    }

    /// Puts an instruction into the functions' code, just before the address.
    void put_before(std::uint64_t address, std::vector<unsigned char> instruction) {
        code_.resize(0x2000, 0x90);
        const auto end = code_.begin() + static_cast<std::ptrdiff_t>(address - pc(0));
        std::ranges::copy_backward(instruction, end);
    }

    std::vector<std::uint64_t> words_;
    std::vector<unsigned char> code_;
    bool remembers_ = false;

 private:
    /// Memory comes in pages.
    void fill_page() {
        constexpr std::size_t page_words = 4096 / 8;
        words_.resize((words_.size() - 1 + page_words - 1) / page_words * page_words + 1);
    }

    TableBuilder builder_;
    std::size_t count_ = 0;
};

TEST_F(Walk, goes_by_sp_by_fp_and_ends_at_the_first_frame) {
    add_function(rule(SEEP_CFA_SP, 24));
    add_function(rule(SEEP_CFA_FP, 16, SEEP_SAVED_AT_CFA, -16));
    add_function(rule(SEEP_CFA_END, 0));
    const std::uint64_t saved_fp = 0x1234;
    words_ = {0, 0, pc(1, 9), 0, 0, saved_fp, pc(2, 9)};
    const auto stack = walk({pc(0, 9), stack_start, stack_start + 40, 0});
    EXPECT_EQ(stack.end, SEEP_STACK_COMPLETE);
    EXPECT_THAT(frames(stack), testing::ElementsAre(pc(0, 9), pc(1, 9), pc(2, 9)));
}

TEST_F(Walk, takes_a_return_address_behind_a_function_for_one_of_that_function) {
    add_function(rule(SEEP_CFA_SP, 8));
    add_function(rule(SEEP_CFA_END, 0));
    add_function(rule(SEEP_CFA_UNSUPPORTED, 0));
    words_ = {pc(2)};
    const auto stack = walk({pc(1), stack_start, 0, 0});
    EXPECT_EQ(stack.end, SEEP_STACK_COMPLETE);
    EXPECT_THAT(frames(stack), testing::ElementsAre(pc(1), pc(2)));
}

TEST_F(Walk, ends_where_no_call_can_have_come_from) {
    add_function(rule(SEEP_CFA_SP, 8));
    add_function(rule(SEEP_CFA_UNKNOWN, 0));
    add_function(rule(SEEP_CFA_SP, 8));
    words_ = {pc(2), pc(0, 1), pc(0, 1)};
    const auto stack = walk({pc(0, 1), stack_start, stack_start + 8, 0});
    EXPECT_EQ(stack.end, SEEP_STACK_COMPLETE);
    EXPECT_THAT(frames(stack), testing::ElementsAre(pc(0, 1), pc(2)));
}

const std::vector<unsigned char> jump_by_bx = {0xff, 0xe3};
const std::vector<unsigned char> call_by_disp32 = {0xff, 0x90, 1, 2, 3, 4};

TEST_F(Walk, ends_at_code_without_rules_that_no_call_has_come_from) {
    add_function(rule(SEEP_CFA_SP, 8));
    add_function(rule(SEEP_CFA_UNKNOWN, 0));
    add_function(rule(SEEP_CFA_END, 0));
    put_before(pc(1, 32), jump_by_bx);
    words_ = {pc(1, 32), stack_start, pc(2, 9)};
    const auto stack = walk({pc(0, 9), stack_start, stack_start + 8, 0});
    EXPECT_EQ(stack.end, SEEP_STACK_COMPLETE);
    EXPECT_THAT(frames(stack), testing::ElementsAre(pc(0, 9), pc(1, 32)));
}

TEST_F(Walk, goes_on_from_code_without_rules_that_calls) {
    for (const auto& call : {call_by_disp32,
                             {0xe8, 1, 2, 3, 4},
                             {0xff, 0xd0},
                             {0xff, 0x50, 8},
                             {0xff, 0x54, 0x24, 8},
                             {0x41, 0xff, 0x94, 0x24, 1, 2, 3, 4}}) {
        begin_anew();
        words_ = {pc(1, 32), 0, pc(2, 9)};
        add_function(rule(SEEP_CFA_SP, 8));
        add_function(rule(SEEP_CFA_UNKNOWN, 0));
        add_function(rule(SEEP_CFA_END, 0));
        put_before(pc(1, 32), call);
        put_before(pc(2, 9), call_by_disp32);
        const auto stack = walk({pc(0, 9), stack_start, stack_start + 8, 0});
        EXPECT_EQ(stack.end, SEEP_STACK_COMPLETE);
        EXPECT_THAT(frames(stack), testing::ElementsAre(pc(0, 9), pc(1, 32), pc(2, 9)));
    }
}

TEST_F(Walk, takes_no_frame_pointers_word_for_a_return_address_that_no_call_has_left) {
    add_function(rule(SEEP_CFA_SP, 8));
    add_function(rule(SEEP_CFA_UNKNOWN, 0));
    add_function(rule(SEEP_CFA_END, 0));
    put_before(pc(1, 32), call_by_disp32);
    words_ = {pc(1, 32), stack_start + 64, pc(2, 9)};
    const auto stack = walk({pc(0, 9), stack_start, stack_start + 8, 0});
    EXPECT_EQ(stack.end, SEEP_STACK_NO_ROW);
    EXPECT_THAT(frames(stack), testing::ElementsAre(pc(0, 9), pc(1, 32)));
}

// The frame pointer leads from a stack above to one below it, as where Go has called C.
TEST_F(Walk, goes_down_to_another_stack_only_by_a_rule_that_says_so) {
    for (const bool called : {true, false}) {
        begin_anew();
        add_function(rule(SEEP_CFA_SP, 8));
        add_function(rule(SEEP_CFA_FP_ELSEWHERE, 16, SEEP_SAVED_AT_CFA, -16));
        add_function(rule(SEEP_CFA_FP, 16));
        add_function(rule(SEEP_CFA_END, 0));
        put_before(pc(2, 9), called ? call_by_disp32 : jump_by_bx);
        words_ = {0, stack_start + 32, pc(2, 9), 0, 0, pc(3, 9), 0, 0, pc(1, 9)};
        const auto stack = walk({pc(0, 9), stack_start + 64, stack_start + 8, 0});
        EXPECT_EQ(stack.end, called ? SEEP_STACK_COMPLETE : SEEP_STACK_BROKEN);
        if (called) {
            EXPECT_THAT(frames(stack),
                        testing::ElementsAre(pc(0, 9), pc(1, 9), pc(2, 9), pc(3, 9)));
            EXPECT_TRUE(remembers_);
        }
    }
}

TEST_F(Walk, keeps_the_innermost_of_too_many) {
    add_function(rule(SEEP_CFA_SP, 8));
    words_.assign(200, pc(0, 1));
    const auto stack = walk({pc(0, 1), stack_start, 0, 0});
    EXPECT_EQ(stack.end, SEEP_STACK_TOO_DEEP);
    EXPECT_EQ(stack.depth, SEEP_MAX_FRAMES);
}

TEST_F(Walk, does_not_go_down_the_stack) {
    add_function(rule(SEEP_CFA_SP, -8));
    words_.assign(8, pc(0, 1));
    EXPECT_EQ(walk({pc(0, 1), stack_start + 32, 0, 0}).end, SEEP_STACK_BROKEN);
}

TEST_F(Walk, says_why_it_ended) {
    add_function(rule(SEEP_CFA_SP, 8));
    words_ = {0x666};
    EXPECT_EQ(walk({pc(0, 1), stack_start, 0, 0}).end, SEEP_STACK_NO_MAPPING);
}

TEST_F(Walk, does_not_read_beyond_the_stack) {
    add_function(rule(SEEP_CFA_SP, 2 * 4096));
    words_ = {0, 0};
    EXPECT_EQ(walk({pc(0, 1), stack_start, 0, 0}).end, SEEP_STACK_UNREADABLE);
}

TEST_F(Walk, calls_the_collector_for_code_that_is_not_known) {
    add_function(rule(SEEP_CFA_SP, 8));
    words_ = {0x666};
    walk({pc(0, 1), stack_start, 0, 0});
    EXPECT_EQ(native_calls(), 1U);
}

// Frames in all positions to the pages of the stack and to what is read of it at once.
TEST_F(Walk, reads_frames_of_any_size_at_any_place) {
    constexpr std::array<std::int32_t, 6> sizes = {24, 152, 504, 4104, 40, 9000};
    constexpr std::size_t rounds = 15;
    for (const std::int32_t size : sizes) {
        seep_rule made = rule(SEEP_CFA_SP, size, SEEP_SAVED_AT_CFA, -16);
        made.bx = SEEP_SAVED_AT_CFA;
        made.bx_offset = -24;
        add_function(made);
    }
    seep_rule by_bx = rule(SEEP_CFA_BX, 8);
    by_bx.fp = SEEP_SAVED_SAME;
    add_function(by_bx);
    add_function(rule(SEEP_CFA_FP, 8));
    add_function(rule(SEEP_CFA_END, 0));

    std::vector<std::uint64_t> expected = {pc(0, 9)};
    const auto add_frame = [&](std::size_t bytes, std::uint64_t caller) {
        words_.resize(words_.size() + bytes / 8);
        words_.end()[-1] = caller;
        expected.push_back(caller);
    };
    for (std::size_t i = 0; i < rounds * sizes.size(); i++) {
        const bool last = i + 1 == rounds * sizes.size();
        add_frame(sizes[i % sizes.size()], pc(last ? sizes.size() : (i + 1) % sizes.size(), 9));
    }
    // The registers of the last frames are those that the frame before them has saved.
    const std::size_t saved = words_.size();
    add_frame(64, pc(sizes.size() + 1, 9));
    words_[saved - 3] = stack_start + 8 * words_.size() - 8;
    add_frame(128, pc(sizes.size() + 2, 9));
    words_[saved - 2] = stack_start + 8 * words_.size() - 8;
    const auto stack = walk({pc(0, 9), stack_start, 0, 0});
    EXPECT_EQ(stack.end, SEEP_STACK_COMPLETE);
    EXPECT_EQ(frames(stack), expected);
}

// A function that is followed by sp and saves fp, one that is found by that fp, and the first.
class Memo : public Walk {
 protected:
    bool remembers(native_registers again, const std::map<std::size_t, std::uint64_t>& later) {
        add_function(rule(SEEP_CFA_SP, 24, SEEP_SAVED_AT_CFA, -16));
        add_function(rule(SEEP_CFA_FP, 16, SEEP_SAVED_AT_CFA, -16));
        add_function(rule(SEEP_CFA_END, 0));
        words_ = {0, stack_start + 40, pc(1, 9), 0, 0, 0x1234, pc(2, 9)};
        EXPECT_EQ(walk(first_, again, later).end, SEEP_STACK_COMPLETE);
        return remembers_;
    }
    native_registers first_{pc(0, 9), stack_start, 1, 2};
};

TEST_F(Memo, knows_the_same_stack_again) {
    EXPECT_TRUE(remembers(first_, {}));
}
TEST_F(Memo, does_not_mind_what_no_frame_was_found_by) {
    EXPECT_TRUE(remembers({pc(0, 9), stack_start, 7, 8}, {{0, 9}, {3, 9}, {4, 9}, {5, 9}}));
}
TEST_F(Memo, minds_a_return_address) {
    EXPECT_FALSE(remembers(first_, {{6, pc(2, 10)}}));
}
TEST_F(Memo, minds_a_saved_register_that_a_frame_was_found_by) {
    EXPECT_FALSE(remembers(first_, {{1, stack_start + 48}}));
}
TEST_F(Memo, minds_where_it_begins) {
    EXPECT_FALSE(remembers({pc(0, 10), stack_start, 1, 2}, {}));
}
TEST_F(Memo, minds_a_register_that_a_frame_was_found_by) {
    add_function(rule(SEEP_CFA_FP, 16));
    add_function(rule(SEEP_CFA_END, 0));
    words_ = {0, 0, 0, pc(1, 9), 0, pc(1, 9)};
    const native_registers caller{pc(0, 9), stack_start, stack_start + 16, 0};
    walk(caller, {pc(0, 9), stack_start, stack_start + 32, 0}, {});
    EXPECT_FALSE(remembers_);
}
TEST_F(Memo, does_not_keep_what_was_not_followed_to_its_end) {
    add_function(rule(SEEP_CFA_SP, 8));
    words_ = {0x666};
    const native_registers caller{pc(0, 1), stack_start, 0, 0};
    walk(caller, caller, {});
    EXPECT_FALSE(remembers_);
}

// A walk that is broken off where there is no mapping yet, and gone on with when there is one,
// gives the stack that one without a break does.
TEST(WalkOn, comes_to_the_same_end) {
    TableBuilder builder;
    builder.add(0x1000, 0x1100, {rule(SEEP_CFA_SP, 16, SEEP_SAVED_AT_CFA, -16), Unsupported::none});
    builder.add(0x3000, 0x3100, {rule(SEEP_CFA_FP, 16, SEEP_SAVED_AT_CFA, -16), Unsupported::none});
    builder.add(0x3100, 0x3200, {rule(SEEP_CFA_END, 0), Unsupported::none});
    auto table = std::move(builder).finish({});
    ASSERT_TRUE(table);
    const native_table only = only_table(*table);
    // The first frame saves the fp that the second is found by.
    const std::array<std::uint64_t, 7> words = {
        bias + 0x1010, stack_start + 32, bias + 0x3010, 0, 0, 0, bias + 0x3110};
    const auto world = [&](const auto& mappings) {
        return native_world{
            mappings.data(), static_cast<std::uint32_t>(mappings.size()),          &only,       1,
            stack_start - 8, reinterpret_cast<const unsigned char*>(words.data()), sizeof words};
    };
    const std::array before = {seep_mapping{.start = 1, .end = 1},
                               mapping_of(*table, 0x1000, 0x2000)};
    const std::array after = {seep_mapping{.start = 2, .end = 2},
                              mapping_of(*table, 0x1000, 0x2000),
                              mapping_of(*table, 0x3000, 0x4000)};
    const native_world early = world(before);
    const native_world late = world(after);
    const native_registers caller{bias + 0x1010, stack_start, 0, 0};

    seep_stack broken_off{};
    native_walk(&early, &caller, &broken_off);
    ASSERT_EQ(broken_off.end, SEEP_STACK_NO_MAPPING);
    ASSERT_EQ(broken_off.depth, 3);
    seep_deferred_walk from{};
    native_last_walk(&from);
    seep_stack whole{};
    native_walk(&late, &caller, &whole);
    ASSERT_EQ(whole.end, SEEP_STACK_COMPLETE);
    ASSERT_EQ(whole.depth, 4);
    seep_deferred_walk unused{};
    const std::uint64_t id = native_last_walk(&unused);

    seep_stack walked{};
    EXPECT_EQ(native_walk_on(&late, &from, &walked), id);
    EXPECT_EQ(id & SEEP_STACK_DEFERRED, 0U);
    EXPECT_EQ(walked.end, whole.end);
    EXPECT_THAT(std::vector(walked.frames, walked.frames + walked.depth),
                testing::ElementsAreArray(whole.frames, whole.depth));
}

// One function fills the code, first with one rule and then with another.
TEST(WalkAgain, forgets_rules_when_the_mappings_have_changed) {
    const std::array<std::uint64_t, 5> words = {0, bias + 0x1001, 0, bias + 0x1002, 0};
    const auto walk = [&](std::int32_t cfa_offset, std::uint64_t generation, auto* walk_now) {
        TableBuilder builder;
        builder.add(0x1000, 0x1100, {rule(SEEP_CFA_SP, cfa_offset), Unsupported::none});
        auto table = std::move(builder).finish({});
        EXPECT_TRUE(table);
        std::array<seep_mapping, 2> mappings{};
        mappings[0].start = 1;
        mappings[0].end = generation;
        mappings[1] = mapping_of(*table, 0x1000, 0x1100);
        const native_table only = only_table(*table);
        const native_world world{
            mappings.data(), mappings.size(),
            &only,           1,
            stack_start - 8, reinterpret_cast<const unsigned char*>(words.data()),
            sizeof words};
        const native_registers caller{bias + 0x1010, stack_start, 0, 0};
        seep_stack stack{};
        walk_now(&world, &caller, &stack);
        return stack.frames[2];
    };
    EXPECT_EQ(walk(8, 1, native_walk), bias + 0x1001);
    EXPECT_EQ(walk(24, 2, native_walk_again), bias + 0x1002);
    // What tells that there is something to forget: the same mappings, by their number.
    EXPECT_EQ(walk(8, 2, native_walk_again), bias + 0x1002);
}

}  // namespace
}  // namespace seep
