#!/usr/bin/env bash
# SPDX-License-Identifier: GPL-2.0-only
# A histogram of the sizes that a process asks malloc for, with BCC's argdist.
#
#   alloc-sizes.sh PID [SECONDS]             look for SECONDS, 10 by default
#
# The malloc is that of jemalloc, tcmalloc or mimalloc if the process has one of them loaded,
# otherwise the C library's. Calls of calloc, realloc and operator new that do not go through malloc
# are not seen. Every call is slowed by a few microseconds while this runs.
#
# Example:
#   sudo scripts/alloc-sizes.sh "$(pidof redis-server)" 30
set -euo pipefail
# shellcheck source-path=SCRIPTDIR source=lib.sh
. "$(dirname "${BASH_SOURCE[0]}")/lib.sh"

parse_pid_and_seconds 10 "$@"
need_root "$@"
need_process "$pid"
need_command argdist-bpfcc bpfcc-tools
need_kernel_headers

# The mapped file with that in its name, as this mount namespace sees it.
mapped_file() { # PATTERN
    local path
    path=$(awk -v pattern="$1" '$2 ~ /x/ && $6 ~ pattern { print $6; exit }' "/proc/$pid/maps")
    [ -z "$path" ] || printf '/proc/%s/root%s\n' "$pid" "$path"
}

library=
for pattern in '/lib(jemalloc|tcmalloc|mimalloc)[^/]*$' '/libc[.-][^/]*$' '/ld-musl-[^/]*$'; do
    [ -n "$library" ] || library=$(mapped_file "$pattern")
done
[ -n "$library" ] || fail 3 "process $pid has no C library or allocator loaded: a static program?"
[[ $library != *:* ]] || fail 3 "argdist cannot take a path with a colon: $library"

trap leave_tracefs EXIT
enter_tracefs
say "sizes asked of malloc in ${library#/proc/*/root} by process $pid, for $seconds seconds"
argdist-bpfcc -p "$pid" -i "$seconds" -n 1 -H "p:$library:malloc(size_t size):size_t:size#bytes"
