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
# shellcheck disable=SC2016 # the variables in single quotes are jq's
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
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT

question() { printf '\n%s\n' "$*"; }
answer() { printf '%s\n' "$*" | fold -s -w 76 | sed 's/^/    /; s/ *$//'; }

# FILTER: of the facts below; sizes and rates as people read them, names without control
# characters, line breaks of the filter's own text taken out.
ask() {
    jq -r 'def size: if . == null then "unknown" else
               (if . < 0 then "-" else "" end) as $sign | fabs as $n |
               if $n < 1024 then "\($sign)\($n | round) B"
               elif $n < 1048576 then "\($sign)\($n / 102.4 | round / 10) KiB"
               elif $n < 1073741824 then "\($sign)\($n / 104857.6 | round / 10) MiB"
               else "\($sign)\($n / 107374182.4 | round / 10) GiB" end end;
           def grew: if . == 0 then "did not grow"
               else "\(if . < 0 then "shrank" else "grew" end) by \(fabs | size) an hour" end;
           def surely: (if .estimate < 0 then [-.high, -.low] else [.low, .high] end) as $ends |
               "\(.estimate | grew) (\($ends | map(size) | join(" to ")))";
           def stacks: if length == 1 then "1 stack" else "\(length) stacks" end;
           def too_short: "It was watched for too short a time to compare halves.";
           def plain: explode | map(if . < 32 or . == 127 then 63 else . end) | implode;
           def flowing: gsub("\n *"; " ");
           '"$1" "$work/facts"
}

# NAME ARGS...: what seep answers to ARGS, as a fact of that name; null if it cannot.
look() {
    local name=$1
    shift
    "$seep" "$@" --format json >"$work/$name" 2>/dev/null || : >"$work/$name"
}

say "watching process $pid for $seconds s, into $recording"
end_with_script "$seep" record -p "$pid" --duration "${seconds}s" -o "$recording" >/dev/null
"$seep" report "$recording" --format json >"$work/whole"
half=$(jq -r '"\(.window.seconds * 500 | floor)ms"' "$work/whole") # of what was seen, not asked
look first report "$recording" --top 1 --window ":$half"
look second report "$recording" --top 1 --window "$half:"
halves=("$recording" "$recording" --base-window ":$half" --window "$half:")
look by_time diff "${halves[@]}"
look by_calls diff "${halves[@]}" --per allocated
jq --slurpfile first "$work/first" --slurpfile second "$work/second" \
    --slurpfile by_time "$work/by_time" --slurpfile by_calls "$work/by_calls" '
    . + if [$first[0], $second[0] | .window.snapshots // 0] | min >= 4 then # 8 tell a trend
        {first: $first[0], second: $second[0], by_time: $by_time[0], by_calls: $by_calls[0]}
    else {} end |
    .suspects = [.findings[] | select(.verdict | IN("load", "warming") | not)] |
    .said = (if .findings != [] then [.findings[:3][].sentence + "."]
        elif .process.verdict | IN("leak", "growing") then
            ["As a whole it grows, but of no stack is it certain."]
        else [.without_findings] end) |
    (.without_findings // "" | contains("larger")) as $larger |
    .judged = (.suspects[0].verdict // .process.verdict |
        if . == "steady" and $larger then "steady heap" else . end) |
    .ended = ([.warnings[] | select(test("^process .* ended at ")) |
        sub("^.* ended at "; "It ended at ") | sub(": .*"; ".")] | first)
    ' "$work/whole" >"$work/facts"

answer "$(ask '"Process \(.target.pid), \(.target.command | plain), watched for
    \(.window.seconds | round) s from \(.window.start)" | flowing')"
warnings=$(ask '.warnings[] | "WARNING: \(plain)."')
[ -z "$warnings" ] || answer "$warnings"

question "1. Does it grow?"
answer "$(ask '"Resident \(.process.rss_bytes | size): it
    \(.process.rss_growth_bytes_per_second * 3600 | grew). Anonymous memory
    \(.memory.anonymous_bytes | size): it \(.memory.bytes_per_hour.anonymous | surely). " +
    if .suspects == [] and (.judged | IN("leak", "growing")) then .said[0]
    else {steady: "No growth that lasts: the process is judged steady.",
        "steady heap": "The memory did, though its heap is judged steady.",
        undetermined: "Not for certain.", load: "With the load (question 3).",
        warming: "It did, and slows down or has stopped.",
        retention: "It did, and what was freed was not given back (question 4).",
        fragmentation: "It did, and what was freed was not given back (question 4)."}[.judged] //
        "Yes, for certain\(if .judged == .process.verdict then "" else
        ", though the process as a whole is judged \(.process.verdict)" end)." end | flowing')"

question "2. Steadily, or levelling out?"
answer "$(ask 'if .first and .second then
    .first.memory.bytes_per_hour as $first | .second.memory.bytes_per_hour as $second |
    "In the first half the anonymous memory \($first.anonymous.estimate | grew), then it
    \($second.anonymous.estimate | grew). The heap, as far as it is known,
    \($first.heap.estimate | grew), then it \($second.heap.estimate | grew)" +
    (if .losses.unmatched_frees > 0 and
        $first.heap.estimate > 2 * ([$first.anonymous.estimate, 0] | max) then
        ": at first, what takes the place of blocks from before attaching looks like growth. "
    else ". " end) +
    if .judged == "steady" then "Neither: no growth that lasts."
    elif .judged == "load" then "As the load does (question 3)."
    elif $second.anonymous.estimate <= 0 then "It has not grown in the second half."
    elif .judged == "warming" or $second.anonymous.estimate < $first.anonymous.estimate / 2 then
        "It levels out."
    elif $second.anonymous.estimate > 2 * $first.anonymous.estimate then "Faster than before."
    else "Steadily." end else too_short end | flowing')"

question "3. Does load explain it?"
answer "$(ask 'def a_second($calls): $calls / .window.seconds /
        ([.sampling.observed_share, 0.001] | max) | round;
    if .first and .second then .first.process.allocated_count as $calls |
    (.first | a_second($calls)) as $first |
    (.process.allocated_count - $calls) as $calls | (.second | a_second($calls)) as $second |
    "The allocator was called \($first) times a second in the first half, \($second) in the
    second. " +
    if .judged == "steady" then "There is no growth to explain."
    elif .judged == "load" then "Yes: it \(.process.reason | plain)."
    elif $second <= 1.2 * $first then "No: it is called no more often."
    elif any(.findings[]; .verdict == "load") then
        "In part: something grows with the load, too (the summary has it)."
    elif .by_calls == null then "Perhaps: it is called more often."
    else .by_calls.base.growth as $before | .by_calls.current.growth as $after |
        "By 1,000 allocations the heap grew by \($before | size), then by \($after | size). " +
        if $after < $before / 2 then "Perhaps, in part: it is called more often."
        else "Not alone: it is called more often, but each time leaves as much behind." end
    end else too_short end + if .judged == "steady" then "" else " To relate growth to requests
    in place of allocations: seep record --work FUNCTION, which serves one, or --work-file FILE,
    which counts them." end | flowing')"

question "4. Is it the heap?"
answer "$(ask '"\(.process.live_bytes | size) is live of what was allocated since
    attaching" + (if .process.lapsed_bytes > 0 then ", and \(.process.lapsed_bytes | size) has
        lapsed: live when the probes were taken away for a while, it may have been freed unseen;
        together" else "," end) + " \((.memory.coverage // 0) * 1000 | round / 10) % of the
    anonymous memory. " + (if .judged == "steady" then ""
        else "The heap \(.memory.bytes_per_hour.heap | surely). " end) +
    "The process is judged \(.process.verdict): \(.process.reason | plain)." +
    (if .memory.advice != "" then " Try: \(.memory.advice)." else "" end) | flowing')"

question "5. Which stacks grow faster than in the first half?"
answer "$(ask 'if .by_time then
    [.by_time.stacks[] | select(.change == "more" and .current.growth > 0)] as $more |
    [.by_time.stacks[] | select(.change == "less")] as $less |
    if $more == [] then "None."
    else "\($more | stacks); first \($more[0].frames[1:4] |
        map(if .function == "" then "?" else .function end) | join(" < ") | plain), by
        \($more[0].difference.estimate | size) an hour." +
        if .suspects == [] then " It is not certain that this lasts." else "" end end +
    if $less == [] then "" else " \($less | stacks) grew more slowly: what levels out, or what had
        only not been freed yet since attaching." end
    else too_short end | flowing')"

question "6. The suspects"
suspects=$(ask '.suspects[:3][] | "\(.rank). \(.sentence | plain)."')
answer "${suspects:-None. $(ask '.said | join(" ") | plain')}"

question "7. The call site of the first"
site=$(ask '([.suspects[].stacks[]] | first) as $id | .stacks[] | select(.id == $id) |
    .frames[:12][] | ((if .function == "" then "[\(.module)+\(.offset)]" else .function end) +
    (if .file != "" then "  \(.file):\(.line)" else "  \(.module)" end) | plain)')
printf '%s\n' "${site:-No stack is suspected.}" | cut -c 1-100 | sed 's/^/    /'

question "8. What to watch after the fix"
case $(ask 'if .suspects[0].stacks == [] then "memory" elif .suspects != [] then "suspects"
    elif .judged == "load" then "load"
    elif .ended then "ended"
    elif .judged == "steady" then "steady"
    elif .sampling.observed_share < 1 then "in windows" else "open" end') in
    memory)
        answer "Record as long again under the same load. It is mended if the anonymous memory" \
            "stays, or parts less from the heap:"
        answer "  seep report AFTER.seep" ;;
    suspects)
        answer "Record as long again under the same load, and compare:"
        answer "  seep diff $recording AFTER.seep"
        answer "  seep report AFTER.seep --fail-on growing"
        answer "It is mended if the suspects are among the stacks that grow less, and the" \
            "resident size stays." ;;
    load)
        answer "Nothing, if that much load is wanted: watch the memory for each unit of work" \
            "(question 3), and limit the load if it keeps growing." ;;
    ended)
        answer "Nothing to mend is known yet. Watch the next one from its start:"
        answer "  seep record -- COMMAND" ;;
    steady)
        answer "Nothing is to be mended. To have it recorded once it grows:"
        answer "  seep record -p $pid --start-when 'rss-growth>50M/h'" ;;
    "in windows")
        answer "Nothing to mend is known yet, as frees went unseen. Watch it for some seconds in" \
            "which it grows, and frees, with every allocation followed, which slows it down more:"
        answer "  seep record -p $pid --sample exact --duration 30s" ;;
    *)
        answer "Nothing to mend is known yet. Watch for longer:"
        answer "  $0 $pid $((seconds * 5))" ;;
esac

printf '\nSummary\n'
# As in the sentences of findings, a host that lasts longer than a month is left out.
answer "$(ask '"Process \(.target.pid) (\(.target.executable | plain)),
    \(.window.seconds | round) s: \(.judged). \(.said | map(plain) | join(" "))" +
    (.memory.seconds_to_limit.expected as $seconds |
    if .ended then " \(.ended)"
    elif $seconds == null or (.memory.limited_by == "host" and $seconds > 30 * 86400) or
        (.suspects == [] and .judged != "load") then ""
    else " \(if .judged == "load" then "If the load keeps growing so" else "At this rate" end),
        the \(if .memory.limited_by == "cgroup" then "limit of its control group,"
        else "memory and swap of the host," end) \(.memory.limit_bytes | size), is reached in
        \($seconds / 360 | round / 10) hours." end) | flowing')" "Recording: $recording."
