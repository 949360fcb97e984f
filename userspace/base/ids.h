// SPDX-License-Identifier: GPL-2.0-only
#pragma once

// Strong types for ids: an index into one table cannot be passed for another. 0 means none.

#include <compare>
#include <cstdint>
#include <functional>

namespace seep {

template <typename Tag, typename Rep = std::uint32_t>
struct Id {
    Rep value = 0;

    Id() = default;
    constexpr explicit Id(Rep v) : value(v) {}
    [[nodiscard]] explicit operator bool() const { return value != 0; }
    auto operator<=>(const Id&) const = default;  // NOLINT(modernize-use-nullptr)
};

/// A process image that is traced: one run of one executable in one pid. An exec makes a new one.
using ProcessId = Id<struct ProcessTag>;
/// A call stack of one process, as the kernel hashed it.
using StackId = Id<struct StackTag, std::uint64_t>;
/// A file (or vDSO, or JIT area) that code is mapped from.
using ObjectId = Id<struct ObjectTag>;
/// A place in an object: what one return address means, in any process that maps the object.
using LocationId = Id<struct LocationTag>;

}  // namespace seep

template <typename Tag, typename Rep>
struct std::hash<seep::Id<Tag, Rep>> {
    std::size_t operator()(const seep::Id<Tag, Rep>& id) const noexcept {
        return std::hash<Rep>{}(id.value);
    }
};
