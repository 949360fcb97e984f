// SPDX-License-Identifier: GPL-2.0-only
#pragma once

// The flame graph's style (flamegraph.css) and script (words.js, flamegraph.js), embedded by the
// build. Neither holds "]]>", so that both can stand in a CDATA section.

namespace seep {

extern const char* const flamegraph_style;
extern const char* const flamegraph_script;
extern const char* const flamegraph_script_sha256;  ///< In hexadecimal.

}  // namespace seep
