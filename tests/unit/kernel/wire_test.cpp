// SPDX-License-Identifier: GPL-2.0-only
// The layout that the collector compiles must be the one in the built BPF object.

#include "bpf/wire.h"

#include <bpf/bpf.h>
#include <bpf/btf.h>
#include <bpf/libbpf.h>
#include <gtest/gtest.h>

#include <cstddef>
#include <string>

#include "base/handles.h"
#include "seep.skel.h"

namespace seep {
namespace {

class Wire : public testing::Test {
 protected:
    void SetUp() override {
        object_.reset(seep_bpf__open());
        ASSERT_NE(object_, nullptr);
        btf_ = bpf_object__btf(object_->obj);
        ASSERT_NE(btf_, nullptr);
    }

    [[nodiscard]] std::int64_t size_of(const char* name) const {
        const int id = btf__find_by_name_kind(btf_, name, BTF_KIND_STRUCT);
        return id < 0 ? -1 : btf__resolve_size(btf_, static_cast<std::uint32_t>(id));
    }

    [[nodiscard]] std::int64_t offset_of(const char* name, const std::string& member) const {
        const int id = btf__find_by_name_kind(btf_, name, BTF_KIND_STRUCT);
        if (id < 0) return -1;
        const btf_type* type = btf__type_by_id(btf_, static_cast<std::uint32_t>(id));
        for (std::uint32_t i = 0; i < btf_vlen(type); ++i)
            if (member == btf__name_by_offset(btf_, btf_members(type)[i].name_off))
                return btf_member_bit_offset(type, i) / 8;
        return -1;
    }

    CHandle<seep_bpf, seep_bpf__destroy> object_;
    const btf* btf_ = nullptr;
};

#define EXPECT_SAME_SIZE(type) EXPECT_EQ(size_of(#type), static_cast<std::int64_t>(sizeof(type)))
#define EXPECT_SAME_OFFSET(type, member) \
    EXPECT_EQ(offset_of(#type, #member), static_cast<std::int64_t>(offsetof(type, member)))

TEST_F(Wire, SizesAgree) {
    EXPECT_SAME_SIZE(seep_live_key);
    EXPECT_SAME_SIZE(seep_live);
    EXPECT_SAME_SIZE(seep_stack);
    EXPECT_SAME_SIZE(seep_totals);
    EXPECT_SAME_SIZE(seep_process);
    EXPECT_SAME_SIZE(seep_process_totals);
    EXPECT_SAME_SIZE(seep_mapping);
    EXPECT_SAME_SIZE(seep_rule);
}

TEST_F(Wire, OffsetsAgree) {
    EXPECT_SAME_OFFSET(seep_live_key, process);
    EXPECT_SAME_OFFSET(seep_live, weight);
    EXPECT_SAME_OFFSET(seep_live, stack);
    EXPECT_SAME_OFFSET(seep_live, born);
    EXPECT_SAME_OFFSET(seep_stack, depth);
    EXPECT_SAME_OFFSET(seep_stack, end);
    EXPECT_SAME_OFFSET(seep_stack, frames);
    EXPECT_SAME_OFFSET(seep_totals, freed_bytes);
    EXPECT_SAME_OFFSET(seep_totals, allocated_born);
    EXPECT_SAME_OFFSET(seep_totals, lifetimes);
    EXPECT_SAME_OFFSET(seep_process, losses);
    EXPECT_SAME_OFFSET(seep_mapping, bias);
    EXPECT_SAME_OFFSET(seep_mapping, table);
    EXPECT_SAME_OFFSET(seep_mapping, rules);
    EXPECT_SAME_OFFSET(seep_rule, fp_offset);
    EXPECT_SAME_OFFSET(seep_rule, bx);
}

TEST_F(Wire, MapsHoldTheseTypes) {
    EXPECT_EQ(bpf_map__key_size(object_->maps.live), sizeof(seep_live_key));
    EXPECT_EQ(bpf_map__value_size(object_->maps.live), sizeof(seep_live));
    EXPECT_EQ(bpf_map__value_size(object_->maps.stacks), sizeof(seep_stack));
    EXPECT_EQ(bpf_map__value_size(object_->maps.totals), sizeof(seep_totals));
    EXPECT_EQ(bpf_map__value_size(object_->maps.processes), sizeof(seep_process));
}

}  // namespace
}  // namespace seep
