#!/usr/bin/env bash
# SPDX-License-Identifier: GPL-2.0-only
# Draw a flame graph of what a running process's memory is growing from.
#
#   leak-flamegraph.sh PID [SECONDS]         watch PID for SECONDS (30), write leak-PID.svg here
#
# Example: what does redis grow from, over five minutes?
#   sudo scripts/leak-flamegraph.sh "$(pidof redis-server)" 300 && xdg-open leak-*.svg
set -euo pipefail
# shellcheck source-path=SCRIPTDIR source=lib.sh
. "$(dirname "${BASH_SOURCE[0]}")/lib.sh"

parse_pid_and_seconds 30 "$@"
need_process "$pid"
seep=$(find_seep)
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT

say "watching process $pid for $seconds seconds"
end_with_script "$seep" record -p "$pid" --duration "${seconds}s" -o "$work/leak.seep" >"$work/ranking"
# What the process had before looks like growth until it is replaced: the later half is drawn, or all
# if the process ended before that.
draw() { "$seep" flame "$work/leak.seep" --value growth -o "leak-$pid.svg" "$@"; }
draw --window "$((seconds * 500))ms:" 2>/dev/null || draw
say "flame graph: $PWD/leak-$pid.svg"
