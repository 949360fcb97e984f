// SPDX-License-Identifier: GPL-2.0-only
#pragma once

// Field numbers of pprof's profile.proto, as its messages name them.

#include <protozero/types.hpp>

namespace seep::pprof {

using Tag = protozero::pbf_tag_type;

namespace profile {
constexpr Tag sample_type = 1;
constexpr Tag sample = 2;
constexpr Tag mapping = 3;
constexpr Tag location = 4;
constexpr Tag function = 5;
constexpr Tag string_table = 6;
constexpr Tag time_nanos = 9;
constexpr Tag duration_nanos = 10;
constexpr Tag period_type = 11;
constexpr Tag period = 12;
constexpr Tag comment = 13;
constexpr Tag default_sample_type = 14;
}  // namespace profile

namespace value_type {
constexpr Tag type = 1;
constexpr Tag unit = 2;
}  // namespace value_type

namespace sample {
constexpr Tag location_id = 1;
constexpr Tag value = 2;
constexpr Tag label = 3;
}  // namespace sample

namespace label {
constexpr Tag key = 1;
constexpr Tag str = 2;
constexpr Tag num = 3;
}  // namespace label

namespace mapping {
constexpr Tag id = 1;
constexpr Tag memory_limit = 3;
constexpr Tag filename = 5;
constexpr Tag build_id = 6;
constexpr Tag has_functions = 7;
constexpr Tag has_filenames = 8;
constexpr Tag has_line_numbers = 9;
constexpr Tag has_inline_frames = 10;
}  // namespace mapping

namespace location {
constexpr Tag id = 1;
constexpr Tag mapping_id = 2;
constexpr Tag address = 3;
constexpr Tag line = 4;
}  // namespace location

namespace line {
constexpr Tag function_id = 1;
constexpr Tag line = 2;
}  // namespace line

namespace function {
constexpr Tag id = 1;
constexpr Tag name = 2;
constexpr Tag system_name = 3;
constexpr Tag filename = 4;
}  // namespace function

}  // namespace seep::pprof
