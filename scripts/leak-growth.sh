#!/usr/bin/env bash
# SPDX-License-Identifier: GPL-2.0-only
# What a process's memory grew by, and from which call stacks: a baseline, a wait, a second look.
#
#   leak-growth.sh PID [SECONDS]             SECONDS between the two looks, 60 by default
#
# The recording stays as growth-PID.seep in the current directory, for more questions to it.
#
# Example: does a worker still grow once it is warm?
#   sleep 600; sudo scripts/leak-growth.sh 4321 120
set -euo pipefail
# shellcheck source-path=SCRIPTDIR source=lib.sh
. "$(dirname "${BASH_SOURCE[0]}")/lib.sh"

parse_pid_and_seconds 60 "$@"
need_process "$pid"
seep=$(find_seep)
recording=growth-$pid.seep

resident_kib() { sed -n 's/^VmRSS:[[:space:]]*\([0-9]*\) kB/\1/p' "/proc/$pid/status" 2>/dev/null; }

before=$(resident_kib)
say "baseline of process $pid: $before KiB resident; the second look is in $seconds seconds"
rm -f "$recording"
end_with_script "$seep" record -p "$pid" --duration "${seconds}s" -o "$recording" >/dev/null
after=$(resident_kib)
if [ -n "$after" ]; then
    say "now $after KiB resident: $((after - before)) KiB more"
else
    say "process $pid has ended"
fi
"$seep" report "$recording" --sort growth --top 15
say "the recording: $PWD/$recording"
