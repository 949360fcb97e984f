# SPDX-License-Identifier: GPL-2.0-only
# shellcheck shell=bash
#
# What the scripts share; sourced, never run. Exit statuses are seep's own: 1 failed while running,
# 2 bad usage, 3 the target cannot be traced.

root=$(cd "$(dirname "${BASH_SOURCE[0]}")/.." && pwd)

say() { printf '%s: %s\n' "${0##*/}" "$*" >&2; }

fail() { # STATUS MESSAGE...
    local status=$1
    shift
    say "$@"
    exit "$status"
}

# The comment block at the top of the calling script is its help.
usage() { sed -n '2,/^[^#]/s/^# \{0,1\}//p' "$0" | sed '/^SPDX-License-Identifier/d;/^shellcheck /d'; }

# `-h` anywhere, and no option besides: for scripts that take PID [SECONDS].
# Sets pid and seconds.
parse_pid_and_seconds() { # DEFAULT_SECONDS ARGS...
    seconds=$1
    shift
    local arg
    for arg in "$@"; do
        case $arg in
            -h | --help) usage; exit 0 ;;
            -*) fail 2 "unknown option $arg; try -h" ;;
        esac
    done
    { [ $# -ge 1 ] && [ $# -le 2 ]; } || fail 2 "give a PID and at most a number of seconds; try -h"
    pid=$1
    seconds=${2:-$seconds}
    [[ $pid =~ ^[1-9][0-9]{0,9}$ ]] || fail 2 "'$pid' is not a process id"
    [[ $seconds =~ ^[1-9][0-9]{0,6}$ ]] || fail 2 "'$seconds' is not a whole number of seconds"
}

need_process() { # PID
    [ -d "/proc/$1" ] || fail 3 "no process $1"
    # A kernel thread and a zombie have no memory map.
    [ -n "$(head -c 1 "/proc/$1/maps" 2>/dev/null)" ] ||
        fail 3 "process $1 has no memory that can be read: a kernel thread, a zombie or another user's"
}

need_root() {
    [ "$(id -u)" = 0 ] || fail 3 "this needs root; try: sudo $0 $*"
}

# The seep to use: $SEEP, else the build of this checkout, else the one in PATH.
find_seep() {
    local candidate
    if [ -n "${SEEP:-}" ]; then # none but the one that was named
        { [ -f "$SEEP" ] && [ -x "$SEEP" ]; } || fail 2 "SEEP=$SEEP is not a program"
        printf '%s\n' "$SEEP"
        return
    fi
    for candidate in "$root/build/userspace/seep" "$(command -v seep)"; do
        [ -n "$candidate" ] && [ -x "$candidate" ] && { printf '%s\n' "$candidate"; return; }
    done
    fail 1 "no seep found; build it with scripts/demo.sh, or name it: SEEP=/path/to/seep $0"
}

# Runs what would outlive a script that is told to end, as bash leaves alone what it runs, and tells
# it to end, too. On Ctrl-C only that ends, and the script goes on with what there is.
end_with_script() { # COMMAND...
    local child status=0 interrupted=
    "$@" &
    child=$!
    trap 'interrupted=yes; kill "$child" || :' INT
    trap 'kill "$child" && wait "$child" || :; exit 143' TERM HUP
    wait "$child" || status=$?
    if [ -n "$interrupted" ]; then # which ended only the wait
        status=0
        wait "$child" || status=$?
    fi
    trap - INT TERM HUP
    return "$status"
}

# BCC compiles against the running kernel's headers. Any kernel's headers near enough will do for
# uprobes and tracepoints: they give it types, not addresses.
need_kernel_headers() {
    [ -e "/lib/modules/$(uname -r)/build/include/generated/autoconf.h" ] ||
        fail 3 "BCC needs kernel headers at /lib/modules/$(uname -r)/build;" \
            "install linux-headers-$(uname -r), or, where there is no such package, let" \
            "'sudo $root/scripts/install-deps.sh --tests' link Debian's linux-headers-amd64 there"
}

need_command() { # COMMAND PACKAGE
    command -v "$1" >/dev/null || fail 1 "$1 is missing; try: apt-get install $2"
}

# Mounts tracefs unless it is there; leave_tracefs takes away what this mounted.
enter_tracefs() {
    tracefs_mounted=
    [ -d /sys/kernel/tracing/events ] && return
    mount -t tracefs tracefs /sys/kernel/tracing 2>/dev/null ||
        fail 3 "cannot mount tracefs at /sys/kernel/tracing: no privilege, or a kernel without it"
    tracefs_mounted=yes
}

leave_tracefs() {
    [ -z "${tracefs_mounted:-}" ] || umount /sys/kernel/tracing
    tracefs_mounted=
}
