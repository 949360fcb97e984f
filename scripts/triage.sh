#!/usr/bin/env bash
# SPDX-License-Identifier: GPL-2.0-only
# The questions to ask of a process whose memory grows, answered in their order from one recording,
# and a summary to send on.
#
#   triage.sh PID [SECONDS]                  SECONDS to watch it, 120 by default
#
# Ctrl-C ends the watching, and the answers are about what was seen until then. The recording stays
# in the current directory, for more questions to it: as triage-PID.seep, or if that is taken, as
# triage-PID-2.seep and so on.
#
# Example: what ails the worker?
#   sudo scripts/triage.sh 4321 600
set -euo pipefail
# shellcheck source-path=SCRIPTDIR source=lib.sh
. "$(dirname "${BASH_SOURCE[0]}")/lib.sh"

parse_pid_and_seconds 120 "$@"
need_process "$pid"
need_command jq jq
seep=$(find_seep)
recording=triage-$pid.seep
number=1
while [ -e "$recording" ]; do recording=triage-$pid-$((number += 1)).seep; done
half=$((seconds * 500))ms
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
whole=$work/whole.json first=$work/first.json second=$work/second.json compared=$work/diff.json

question() { printf '\n%s\n' "$*"; }
answer() { printf '%s\n' "$*" | fold -s -w 76 | sed 's/^/    /; s/ *$//'; }

# FILE FILTER: of a JSON report; sizes and rates as people read them, names without control
# characters, line breaks of the filter's own text taken out.
ask() {
    jq -r 'def size: if . == null then "unknown" else
               (if . < 0 then "-" else "" end) as $sign | fabs as $n |
               if $n < 1024 then "\($sign)\($n | round) B"
               elif $n < 1048576 then "\($sign)\($n / 102.4 | round / 10) KiB"
               elif $n < 1073741824 then "\($sign)\($n / 104857.6 | round / 10) MiB"
               else "\($sign)\($n / 107374182.4 | round / 10) GiB" end end;
           def hourly: "\(.estimate | size) an hour (\(.low | size) to \(.high | size))";
           def plain: explode | map(if . < 32 or . == 127 then 63 else . end) | implode;
           def flowing: gsub("\n *"; " ");
           '"$2" "$1"
}

compare_halves() { # OPTIONS...
    "$seep" diff "$recording" "$recording" --base-window ":$half" --window "$half:" \
        --format json "$@" >"$compared" 2>/dev/null
}

say "watching process $pid for $seconds s, into $recording"
end_with_script "$seep" record -p "$pid" --duration "${seconds}s" -o "$recording" >/dev/null
"$seep" report "$recording" --format json >"$whole"
"$seep" report "$recording" --format json --top 1 --window ":$half" >"$first"
"$seep" report "$recording" --format json --top 1 --window "$half:" >"$second"

answer "$(ask "$whole" '"Process \(.target.pid), \(.target.command | plain), watched for
    \(.window.seconds | round) s from \(.window.start)" | flowing')"

question "1. Does it grow?"
answer "$(ask "$whole" '"Resident \(.process.rss_bytes | size),
    \(.process.rss_growth_bytes_per_second * 3600 | size) an hour. Anonymous memory
    \(.memory.anonymous_bytes | size), growing by \(.memory.bytes_per_hour.anonymous | hourly). " +
    (if .memory.bytes_per_hour.anonymous.low > 0 then "Yes, for certain."
    else "Not for certain." end) | flowing')"

question "2. Steadily, or levelling out?"
rate_of() { ask "$1" ".memory.bytes_per_hour.$2.estimate | size"; }
answer "Anonymous memory: $(rate_of "$first" anonymous) an hour in the first half," \
    "$(rate_of "$second" anonymous) in the second." \
    "Live bytes of the heap: $(rate_of "$first" heap), then $(rate_of "$second" heap)."

question "3. Does load explain it?"
calls=$(ask "$whole" .process.allocated_count)
calls_first=$(ask "$first" .process.allocated_count)
answer "$calls_first calls of the allocator in the first half, $((calls - calls_first)) in the" \
    "second."
if compare_halves --per allocated; then
    answer "$(ask "$compared" '"By 1,000 allocations the heap grew by \(.base.growth | size), then
        by \(.current.growth | size). \([.stacks[] | select(.change == "more")] | length) stacks
        grew faster by that measure, \([.stacks[] | select(.change == "less")] | length) slower." |
        flowing')"
else
    answer "Too little was allocated to compare the halves."
fi

question "4. Is it the heap?"
answer "$(ask "$whole" '"\(.process.live_bytes | size) is live of what was allocated since
    attaching, \((.memory.coverage // 0) * 1000 | round / 10) % of the anonymous memory. The heap
    grows by \(.memory.bytes_per_hour.heap | hourly). The process is judged: \(.process.verdict).
    \(.process.reason | plain)." +
    (if .memory.advice != "" then " Try: \(.memory.advice)." else "" end) | flowing')"

question "5. Which stacks grow otherwise than in the first half?"
if compare_halves; then
    answer "$(ask "$compared" '[.stacks[] | select(.change != "same")] |
        if length == 0 then "None: what grows, grows as before."
        else "\(length); first \(.[0].frames[1:4] |
            map(if .function == "" then "?" else .function end) | join(" < ") | plain),
            \(.[0].difference.estimate | size) an hour \(.[0].change)."
        end | flowing')"
else
    answer "Nothing was recorded to compare."
fi

question "6. The suspects"
suspects=$(ask "$whole" '.findings[:3][] | "\(.rank). \(.sentence | plain)."')
answer "${suspects:-None: nothing grew for certain. If memory does, watch for longer.}"

question "7. The call site of the first"
# shellcheck disable=SC2016 # the variable is jq's
site=$(ask "$whole" '([.findings[].stacks[]] | first) as $id | .stacks[] | select(.id == $id) |
    .frames[:12][] | ((if .function == "" then "[\(.module)+\(.offset)]" else .function end) +
    (if .file != "" then "  \(.file):\(.line)" else "  \(.module)" end) | plain)')
printf '%s\n' "${site:-No stack is suspected.}" | cut -c 1-100 | sed 's/^/    /'

question "8. What to watch after the fix"
if [ -n "$suspects" ]; then
    answer "Record as long again under the same load, and compare:"
    answer "  seep diff $recording AFTER.seep"
    answer "  seep report AFTER.seep --fail-on growing"
    answer "It is mended if the suspects are among the stacks that grow less, and the resident size" \
        "stays."
else
    answer "Nothing to mend is known yet. Watch for longer: $0 $pid $((seconds * 5))"
fi

printf '\nSummary\n'
answer "$(ask "$whole" '"Process \(.target.pid) (\(.target.executable | plain)),
    \(.window.seconds | round) s: \(.process.verdict). " +
    (if (.findings | length) == 0 then "Nothing grew for certain."
    else (.findings[:3] | map(.sentence | plain) | join(". ")) + "." end) +
    (if .memory.seconds_to_limit.expected != null then " At this rate the \(if .memory.limited_by == "cgroup" then "limit of its control group,"
      else "memory and swap of the host," end) \(.memory.limit_bytes | size), is reached in \(.memory.seconds_to_limit.expected / 360 | round
    / 10) hours." else "" end) | flowing')" "Recording: $recording."
