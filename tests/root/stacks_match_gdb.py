# SPDX-License-Identifier: GPL-2.0-only
"""The stack of an allocation is what gdb and eu-stack see at the same moment.

The workload (workloads/chains/) goes through random chains of calls, allocates at their ends and
stops in the same frame. There a debugger writes the stack down; seep has recorded the one of the
allocation. Every size occurs once, so the bytes that seep has for a stack tell whether all of its
stops were recorded at it, and none else.

Where the dynamic linker allocates (workloads/chains/loader_calls.c) nothing can be stopped at without
a breakpoint, and that would be in the way of the probes. But every run of the program does the
same: all stacks of all calls are compared, of a run in the debugger and of one that is recorded.

CHAINS_CHECKPOINTS says how many stops a program makes; the environment of ctest has the programs.
"""

import collections
import glob
import itertools
import json
import os
import re
import signal
import sqlite3
import struct
import subprocess
import tempfile

import seep_test
from seep_test import SeepTestCase, Recording, Workload

HERE = os.path.dirname(os.path.abspath(__file__))
CHECKPOINTS = int(os.environ.get("CHAINS_CHECKPOINTS", "60"))
PROGRAMS = sorted(glob.glob(os.path.join(seep_test.WORKLOADS, "chains", "chains_*")))
# Of a checkpoint's, those that are compared: SEEP_MAX_FRAMES less its own and the allocator's.
MAX_CALLERS = 123
COMPLETE, TOO_DEEP = 0, 1
ENVIRONMENT = {name: value for name, value in os.environ.items() if name != "DEBUGINFOD_URLS"}


class Addresses:
    """Absolute addresses of a process as (file name, address in the object)."""

    def __init__(self, pid):
        self.ranges = []
        bases = {}
        with open(f"/proc/{pid}/maps", encoding="utf-8") as maps:
            for line in maps:
                fields = line.split(maxsplit=5)
                if len(fields) < 6:
                    continue
                start, end = (int(part, 16) for part in fields[0].split("-"))
                path = fields[5].strip()
                base = bases.setdefault(path, start if is_position_independent(path) else 0)
                self.ranges.append((start, end, os.path.basename(path), base))

    def of(self, address):
        for start, end, name, base in self.ranges:
            if start <= address < end:
                return name, address - base
        return "", address


def is_position_independent(path):
    if not path.startswith("/"):
        return True
    with open(path, "rb") as file:
        header = file.read(18)
    return header[:4] != b"\x7fELF" or struct.unpack_from("<H", header, 16)[0] == 3


class Stop:
    """What a debugger saw: `frames` are (absolute pc, is_call), the checkpoint first."""

    def __init__(self, size, frames, addresses):
        self.size, self.frames, self.addresses = size, frames, addresses
        self.checkpoint = addresses.of(frames[0][0])

    def cut_at(self, ends_of_coroutines):
        """What seep ought to have: no more than it keeps, and nothing beyond a coroutine."""
        callers = self.frames[1:]
        ends = [i for i, (pc, _) in enumerate(callers) if pc in ends_of_coroutines]
        if ends:
            callers = callers[:ends[0] + 1]
        self.stack = comparable(COMPLETE, [(*self.addresses.of(pc), bool(is_call))
                                           for pc, is_call in callers])


def comparable(ending, callers):
    """A stack's ending and callers, cut where it depends on the allocator how many are kept."""
    if len(callers) > MAX_CALLERS and ending == COMPLETE:
        ending = TOO_DEEP
    return (ending, *callers[:MAX_CALLERS])


def in_gdb(workload, **environment):
    """What one gdb that stays attached says while the workload works, and the addresses then."""
    with tempfile.NamedTemporaryFile("r", prefix="seep-test-") as output:
        gdb = subprocess.Popen(
            ["gdb", "-nx", "-batch", "-p", str(workload.pid), "-x",
             os.path.join(HERE, "chains_in_gdb.py")],
            env={**ENVIRONMENT, **environment, "CHAINS_OUTPUT": output.name}, stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True)
        seep_test.eventually(lambda: is_traced_by(workload.pid, gdb.pid), "gdb attached")
        workload.start_working()
        said = gdb.communicate(timeout=600)[0]
        if gdb.returncode or "Python Exception" in said:
            raise AssertionError(f"gdb: {said}")
        return [json.loads(line) for line in output], Addresses(workload.pid)


def stops_in_gdb(workload):
    """Every stop of the workload."""
    stops, addresses = in_gdb(workload)
    return [Stop(stop["size"], stop["frames"], addresses) for stop in stops]


def calls_in_gdb(workload, functions):
    """How often each stack of callers has called one of the functions."""
    calls, addresses = in_gdb(workload, CHAINS_CALLS=" ".join(functions))
    return collections.Counter(
        (COMPLETE, *((*addresses.of(pc), bool(is_call)) for pc, is_call in call["frames"][1:]))
        for call in calls)


def is_traced_by(pid, tracer):
    with open(f"/proc/{pid}/status", encoding="ascii") as status:
        return f"TracerPid:\t{tracer}\n" in status.read()


def stops_in_eu_stack(workload):
    """Every stop, each with an eu-stack of its own."""
    stops = []
    workload.start_working()
    while True:
        _, status = os.waitpid(workload.pid, os.WUNTRACED)
        if not os.WIFSTOPPED(status):
            raise AssertionError(f"{workload.process.args} ended with {status}")
        thread, size = stopping_thread(workload.pid)
        if size:
            stops.append(Stop(size, eu_stack(thread), Addresses(workload.pid)))
        os.kill(workload.pid, signal.SIGCONT)
        if not size:
            return stops


def stopping_thread(pid):
    """The thread that has called tgkill(pid, tid, SIGSTOP), and what it has as a fourth argument."""
    for thread in os.listdir(f"/proc/{pid}/task"):
        try:
            with open(f"/proc/{pid}/task/{thread}/syscall", encoding="ascii") as file:
                call = file.read().split()
        except (FileNotFoundError, ProcessLookupError):
            continue  # it has ended since it was listed
        if len(call) > 4 and call[0] == "234" and [int(n, 16) for n in call[1:4]] == [
                pid, int(thread), signal.SIGSTOP]:
            return int(thread), int(call[4], 16)
    raise AssertionError("no thread has stopped itself")


def eu_stack(thread):
    said = subprocess.run(["eu-stack", "-1", "-r", "-a", "-n", "0", "-p", str(thread)], env=ENVIRONMENT,
                          capture_output=True, text=True, check=False).stdout
    frames = [(int(pc, 16), bool(call)) for pc, call in
              re.findall(r"^#\d+ +(0x[0-9a-f]+) *(- 1)?", said, re.MULTILINE)]
    # The signal's restorer counts as no return address there, as does what was interrupted.
    return [(pc, is_call or i < 2 or frames[i - 1][1])
            for i, (pc, is_call) in enumerate(frames)]


def all_recorded_stacks(path):
    """(ending, frames from the allocator on, bytes, calls) of each."""
    with sqlite3.connect(f"file:{path}?mode=ro", uri=True) as db:
        frames = collections.defaultdict(list)
        for stack, where, path_of, is_call in db.execute(
                "SELECT stack, address, path, is_call FROM stack_frame"
                " JOIN location ON location.id = location"
                " LEFT JOIN object ON object.id = object ORDER BY stack, position"):
            frames[stack].append((os.path.basename(path_of or ""), where, bool(is_call)))
        return [(ending, frames[stack], size, calls) for stack, ending, size, calls in db.execute(
            "SELECT id, ending, allocated_bytes, allocated_count FROM stack"
            " JOIN latest_totals ON stack = id")]


def recorded_stacks(path, checkpoint):
    """Bytes allocated by the checkpoint, by the stack of its callers."""
    name, address = checkpoint
    totals = collections.Counter()
    for ending, frames, size, _ in all_recorded_stacks(path):
        # operator new and Rust's allocator are followed by way of malloc, which they call.
        for i, (object_name, where, _) in enumerate(frames[1:6], 2):
            if object_name == name and 0 <= address - where < 128:
                totals[comparable(ending, frames[i:])] += size
                break
    return totals


class StacksMatchDebuggers(SeepTestCase):
    def compare(self, program, debugger, checkpoints, seed):
        name = os.path.join("chains", os.path.basename(program))
        with Workload(name, checkpoints, seed, 3) as workload, \
                Recording(workload.pid) as recording:
            stops = debugger(workload)
            truth = json.loads(workload.process.stdout.readline())
            recording.stop()
            recorded = recorded_stacks(recording.path, stops[0].checkpoint)
        self.assertGreaterEqual(len(stops), checkpoints)
        self.assertEqual(len({stop.checkpoint for stop in stops}), 1)
        seen = collections.Counter()
        for stop in stops:
            stop.cut_at(truth["ends_of_coroutines"])
            seen[stop.stack] += stop.size
        wrong = [stop for stop in stops if recorded[stop.stack] != seen[stop.stack]]
        strange = [stack for stack in recorded if recorded[stack] and stack not in seen]
        if wrong or strange:
            self.fail(differences(len(stops), wrong, strange))
        return len(stops)

    def compare_all(self, debugger, checkpoints, seed):
        compared = 0
        for program in PROGRAMS:
            with self.subTest(os.path.basename(program)):
                compared += self.compare(program, debugger, checkpoints, seed)
        print(f"{compared} stacks of {len(PROGRAMS)} programs compared")

    def test_programs_are_there(self):
        self.assertGreaterEqual(len(PROGRAMS), 8)

    def test_rust_is_there(self):
        if not any("rust" in os.path.basename(program) for program in PROGRAMS):
            self.skipTest("no program in Rust: rustc was not there when they were built")

    def test_calls_of_the_dynamic_linker(self):
        folder = os.path.join(seep_test.WORKLOADS, "chains", "loader")
        command = (os.path.join("chains", "loader", "loader_calls"),
                   *sorted(glob.glob(os.path.join(folder, "libloaded*"))))
        with Workload(*command) as workload:
            seen = calls_in_gdb(workload, ("malloc", "calloc", "realloc", "memalign"))
        with Workload(*command) as workload, Recording(workload.pid) as recording:
            workload.work()
            recording.stop()
            recorded = collections.Counter()
            for ending, frames, _, calls in all_recorded_stacks(recording.path):
                recorded[(ending, *frames[1:])] += calls
        self.assertGreater(seen.total(), 100)
        lines = []
        for stack in sorted((seen - recorded) + (recorded - seen), key=len):
            lines += [f"{seen[stack]} in gdb, {recorded[stack]} recorded:",
                      *map(text_of, stack)]
        self.assertEqual(lines, [], "\n".join(lines[:100]))
        print(f"{seen.total()} calls of {len(seen)} stacks compared")

    def test_gdb(self):
        self.compare_all(stops_in_gdb, CHECKPOINTS, 11)

    def test_eu_stack(self):
        self.compare_all(stops_in_eu_stack, max(CHECKPOINTS // 20, 5), 23)


def differences(count, wrong, strange):
    """The first few of them as text, each with the recorded stack that is most like it."""
    lines = [f"{len(wrong)} of {count} differ, {len(strange)} were seen by seep alone"]
    for stop in wrong[:3]:
        like = max(strange, key=lambda stack: common(stack[1:], stop.stack[1:]), default=())
        same = common(like[1:], stop.stack[1:])
        lines += [f"{stop.size} bytes: the first {same} of {len(stop.stack) - 1} frames agree"]
        lines += ["debugger:", text_of(stop.stack[0]), *map(text_of, stop.stack[same + 1:])]
        lines += ["seep:", *map(text_of, like[:1]), *map(text_of, like[same + 1:])]
    return "\n".join(lines)


def common(one, other):
    """The length of their common beginning."""
    pairs = zip(one, other)
    return sum(1 for _ in itertools.takewhile(lambda pair: pair[0] == pair[1], pairs))


def text_of(frame):
    return f"  {frame[0]}+{frame[1]:#x}{'' if frame[2] else ' (exact)'}" \
        if isinstance(frame, tuple) else f"  ending {frame}"


if __name__ == "__main__":
    seep_test.main()
