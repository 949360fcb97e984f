#!/usr/bin/env bash
# SPDX-License-Identifier: GPL-2.0-only
# From which call stacks a process takes pages: brk, mmap and first touches, with BCC's stackcount.
#
#   page-growth.sh PID [SECONDS]             look for SECONDS, 10 by default
#
# Below the heap: a process whose resident memory grows while its live heap does not shows up here.
# Counts are of calls, not bytes. Stacks are followed by frame pointers, so a library built without
# them (Debian's are) ends its stack early; seep unwinds those, too.
#
# Example:
#   sudo scripts/page-growth.sh "$(pidof redis-server)" 30
set -euo pipefail
# shellcheck source-path=SCRIPTDIR source=lib.sh
. "$(dirname "${BASH_SOURCE[0]}")/lib.sh"

parse_pid_and_seconds 10 "$@"
need_root "$@"
need_process "$pid"
need_command stackcount-bpfcc bpfcc-tools
need_kernel_headers

work=$(mktemp -d)
jobs=()
# Interrupted early, the jobs are still there: background jobs do not get Ctrl-C.
# shellcheck disable=SC2317 # called by the trap
clean_up() {
    [ ${#jobs[@]} = 0 ] || kill "${jobs[@]}" 2>/dev/null || true
    wait
    leave_tracefs
    rm -rf "$work"
}
trap clean_up EXIT
enter_tracefs

tracepoints=(syscalls:sys_enter_brk syscalls:sys_enter_mmap exceptions:page_fault_user)
say "counting stacks of process $pid for $seconds seconds"
for tracepoint in "${tracepoints[@]}"; do
    stackcount-bpfcc -p "$pid" -U -D "$seconds" "t:$tracepoint" >"$work/$tracepoint" 2>&1 &
    jobs+=($!)
done
status=0
for job in "${jobs[@]}"; do wait "$job" || status=1; done

for tracepoint in "${tracepoints[@]}"; do
    printf '== %s ==\n' "$tracepoint"
    sed '/^Tracing /d;/^Detaching/d' "$work/$tracepoint"
done
exit "$status"
