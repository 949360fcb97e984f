#!/usr/bin/env bash
# SPDX-License-Identifier: GPL-2.0-only
# From a clean clone to a leak found: install the dependencies, build, start a program that leaks,
# attach to it while it runs, print what grows and draw a flame graph of it.
#
#   sudo scripts/demo.sh [SECONDS]          how long to watch, 10 by default
#
# The program is Debian's own bash: 5.2 forgets part of what it has parsed each time it meets an
# unterminated function definition. Nothing is installed but Debian packages; what is built stays
# in build/, the recording and the picture in build/demo/.
set -euo pipefail
# shellcheck source-path=SCRIPTDIR source=lib.sh
. "$(dirname "${BASH_SOURCE[0]}")/lib.sh"

case ${1:-} in
    -h | --help) usage; exit 0 ;;
esac
seconds=${1:-10}
[[ $# -le 1 && $seconds =~ ^[1-9][0-9]{0,4}$ ]] || fail 2 "give a number of seconds; try -h"
[ "$(id -u)" = 0 ] ||
    fail 3 "attaching probes needs root (or CAP_BPF, CAP_PERFMON and CAP_SYS_PTRACE): sudo $0 $*"

build=$root/build
out=$build/demo

"$root/scripts/install-deps.sh"

say "building seep in $build"
mkdir -p "$out"
{
    cmake -S "$root" -B "$build" -G Ninja -DBUILD_TESTING=OFF &&
        cmake --build "$build"
} </dev/null >"$out/build.log" 2>&1 || {
    cat "$out/build.log" >&2
    fail 1 "the build failed"
}
seep=$build/userspace/seep

# A program that parses a broken function definition a hundred times a second. It sleeps by reading
# from a pipe that stays empty: a sleep command would be a process each time.
/bin/bash -c '
    exec 3<> <(:)
    while :; do
        eval "worker() { echo starting; echo reading the queue; " 2>/dev/null
        read -r -t 0.01 -u 3
    done' </dev/null &
leaky=$!
trap 'kill "$leaky" 2>/dev/null || true; wait "$leaky" 2>/dev/null || true' EXIT
trap 'exit 130' INT
trap 'exit 143' TERM

say "bash is leaking as process $leaky; watching it for $seconds seconds"
recording=$out/leak.seep
rm -f "$recording"
"$seep" record -p "$leaky" --duration "${seconds}s" --interval 500ms --sample exact -o "$recording"

"$seep" flame "$recording" --value growth -o "$out/leak.svg"
say "flame graph of the growth: $out/leak.svg"
say "the recording, for $seep report, flame and folded: $recording"
