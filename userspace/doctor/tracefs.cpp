// SPDX-License-Identifier: GPL-2.0-only
#include "doctor/tracefs.h"

#include <linux/magic.h>
#include <sys/mount.h>
#include <sys/vfs.h>

namespace seep {

std::string tracefs_directory() {
    for (const char* const directory : {"/sys/kernel/tracing", "/sys/kernel/debug/tracing"}) {
        struct statfs info = {};
        if (statfs(directory, &info) == 0 && info.f_type == TRACEFS_MAGIC) return directory;
    }
    return {};
}

Result<void> mount_tracefs() {
    if (!tracefs_directory().empty()) return {};
    constexpr unsigned long flags = MS_NOSUID | MS_NODEV | MS_NOEXEC;
    if (mount("tracefs", "/sys/kernel/tracing", "tracefs", flags, nullptr) == 0) return {};
    const int number = errno;
    std::string hint;
    if (number == EPERM) hint = "mounting takes CAP_SYS_ADMIN: run as root";
    if (number == ENODEV) hint = "this kernel is built without CONFIG_TRACING";
    return errno_error("cannot mount tracefs at /sys/kernel/tracing", number, ErrorKind::failed,
                       std::move(hint));
}

}  // namespace seep
