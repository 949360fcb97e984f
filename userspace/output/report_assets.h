// SPDX-License-Identifier: GPL-2.0-only
#pragma once

// The HTML report's page (report.html, with {names} of what is put in), style (report.css) and
// script (words.js and report*.js), embedded by the build. The style holds no "</style", the script
// no "</script".

namespace seep {

extern const char* const report_page;
extern const char* const report_style;
extern const char* const report_script;
extern const char* const report_script_sha256;  ///< In hexadecimal.

}  // namespace seep
