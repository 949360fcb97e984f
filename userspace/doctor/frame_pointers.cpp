// SPDX-License-Identifier: GPL-2.0-only
#include "doctor/frame_pointers.h"

#include <algorithm>
#include <optional>

#include "doctor/prologue.h"

namespace seep {
namespace {

constexpr std::size_t max_sampled = 1000;

}  // namespace

double FramePointers::share() const {
    return sampled == 0 ? 0 : static_cast<double>(keep) / static_cast<double>(sampled);
}

FramePointers::Kept FramePointers::kept() const {
    // Assembly and a few foreign objects are in nearly every file, so neither end is sharp.
    constexpr double nearly_all = 0.8;
    constexpr double hardly_any = 0.1;
    if (sampled == 0) return Kept::unknown;
    if (share() >= nearly_all) return Kept::yes;
    return share() <= hardly_any ? Kept::no : Kept::partly;
}

FramePointers sample_frame_pointers(const ObjectFile& object,
                                    const std::vector<std::uint64_t>& function_starts) {
    FramePointers result;
    PrologueReader reader(object);
    const std::size_t step = std::max<std::size_t>(function_starts.size() / max_sampled, 1);
    for (std::size_t i = 0; i < function_starts.size(); i += step) {
        const Prologue prologue = reader.read(function_starts[i]);
        result.sampled += prologue == Prologue::no_stack ? 0 : 1;
        result.keep += prologue == Prologue::frame_pointer ? 1 : 0;
    }
    return result;
}

const char* kept_name(FramePointers::Kept kept) {
    switch (kept) {
        case FramePointers::Kept::unknown:
            return "unknown";
        case FramePointers::Kept::no:
            return "no";
        case FramePointers::Kept::partly:
            return "partly";
        case FramePointers::Kept::yes:
            return "yes";
    }
    return "?";
}

}  // namespace seep
