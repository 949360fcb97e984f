# SPDX-License-Identifier: GPL-2.0-only
"""What the root tests share: workloads, recordings, and a look at the target's text.

A test module ends with `seep_test.main()`. Where nothing can be traced (not root, a kernel without
BTF) it exits 77, which ctest shows as skipped, unless SEEP_REQUIRE_BPF=1 makes that a failure.
"""

import contextlib
import json
import os
import shutil
import signal
import subprocess
import sys
import tempfile
import time
import unittest

SEEP = os.environ["SEEP"]
WORKLOADS = os.environ["SEEP_WORKLOADS"]
PATIENCE = 60  # seconds for anything that ought to take less than one


def eventually(condition, what):
    """The first true value of condition(), which is asked again until PATIENCE is over."""
    end = time.monotonic() + PATIENCE
    while time.monotonic() < end:
        if value := condition():
            return value
        time.sleep(0.02)
    raise AssertionError(f"not within {PATIENCE} s: {what}")


def own_library_path():
    """A directory with a copy of the C library for the programs under test.

    Uprobes belong to the file. On a file of their own the tests neither disturb other tracers of the
    machine's libc nor are disturbed by them, or by what an earlier kill left in the kernel: one that
    hits seep in the system call that attaches or detaches makes the kernel leak the uprobe.
    """
    global _own_library
    if _own_library is None:
        _own_library = tempfile.TemporaryDirectory()
        shutil.copy("/lib/x86_64-linux-gnu/libc.so.6", _own_library.name)
    return _own_library.name


_own_library = None


class Workload:
    """A program that speaks the protocol of tests/workloads/workload.h, ready to work. `under` is a
    command that runs it, and may say something of its own before."""

    def __init__(self, name, *arguments, under=(), **popen):
        command = [*under, os.path.join(WORKLOADS, name), *map(str, arguments)]
        popen["env"] = {"LD_LIBRARY_PATH": own_library_path(), **popen.get("env", os.environ)}
        self.process = subprocess.Popen(
            command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True, bufsize=1, **popen)
        self.pid = self.wait_until_ready(under)

    def __enter__(self):
        return self

    def __exit__(self, *_):
        if self.pid != self.process.pid:  # the command above it ends with it, in its own time
            os.kill(self.pid, signal.SIGKILL)
            self.process.communicate()
        self.process.kill()
        self.process.wait()
        self.process.stdin.close()
        self.process.stdout.close()

    def wait_until_ready(self, under=()):
        for line in self.process.stdout:
            if line.startswith("ready "):
                return int(line.split()[1])
            if not under:
                break
        raise AssertionError(f"{self.process.args} said nothing of being ready")

    def start_working(self):
        self.process.stdin.write("\n")

    def work(self):
        """Let it work, and return the truth it tells afterwards."""
        self.start_working()
        line = self.process.stdout.readline()
        if not line:
            raise AssertionError(f"{self.process.args[0]} ended with {self.process.wait()}")
        return json.loads(line)

    def alive(self):
        return self.process.poll() is None


class Recording:
    """`seep record -p PID` from the moment its probes are in place."""

    def __init__(self, pid, *options, sample="exact", interval="200ms"):
        self.directory = tempfile.TemporaryDirectory(prefix="seep-test-")
        self.path = os.path.join(self.directory.name, "recording.seep")
        self.process = subprocess.Popen(
            [SEEP, "record", "-p", str(pid), "--sample", sample, "--interval", interval,
             "-o", self.path, *options],
            stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True)
        eventually(self.has_snapshot, "the first snapshot, which is taken once attached")

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self.process.kill()
        self.process.wait()
        self.process.stdout.close()
        self.process.stderr.close()
        self.directory.cleanup()

    def has_snapshot(self):
        if self.process.poll() is not None:
            raise AssertionError(f"record exited {self.process.returncode}: "
                                 f"{self.process.stdout.read()}{self.process.stderr.read()}")
        report = run("report", self.path, "--format", "json")
        return report.returncode == 0 and json.loads(report.stdout)["window"]["snapshots"] >= 1

    def stop(self):
        """End it as Ctrl-C does; its output is `text` then, and what it said `errors`."""
        self.process.send_signal(signal.SIGINT)
        self.finish()

    def finish(self):
        self.text, self.errors = self.process.communicate(timeout=PATIENCE)
        if self.process.returncode != 0:
            raise AssertionError(f"record exited {self.process.returncode}: {self.errors}")

    def report(self, *options):
        result = run("report", self.path, "--format", "json", *options)
        if result.returncode != 0:
            raise AssertionError(f"report exited {result.returncode}: {result.stderr}")
        return json.loads(result.stdout)


def run(*arguments, **options):
    """`seep ARGUMENTS`, to its end."""
    return subprocess.run([SEEP, *map(str, arguments)], capture_output=True, text=True,
                          stdin=subprocess.DEVNULL, timeout=PATIENCE, check=False, **options)


def heap_totals(report, *functions):
    """The sums over all heap stacks, or over those with one of the functions among their frames."""
    names = ("allocated_count", "allocated_bytes", "freed_count", "freed_bytes", "live_count",
             "live_bytes")
    totals = dict.fromkeys(names, 0)
    for stack in report["stacks"]:
        if stack["kind"] != "heap" or functions and not stack_calls(stack, functions):
            continue
        for name in names:
            totals[name] += stack[name]
    return totals


def stack_calls(stack, functions):
    return any(name_of(frame) in functions for frame in stack["frames"])


def name_of(frame):
    """The function's name without namespaces and parameters."""
    name = frame["function"].replace("(anonymous namespace)::", "")
    return name.split("(")[0].split("::")[-1]


def record_work(workload, *options, **named):
    """Record the workload's work: (truth, report)."""
    with Recording(workload.pid, *options, **named) as recording:
        truth = workload.work()
        recording.stop()
        return truth, recording.report("--top", "1000000")


class SeepTestCase(unittest.TestCase):
    maxDiff = None

    def assert_totals_are_the_truth(self, report, truth):
        totals = heap_totals(report)
        self.assertEqual(totals, {name: truth[name] for name in totals})

    def assert_no_losses(self, report):
        self.assertEqual({name: n for name, n in report["losses"].items() if n != 0}, {})

    def assert_fails(self, status, *arguments, **options):
        """seep ends with that status, and says something on stderr, and nothing on stdout."""
        result = run(*arguments, **options)
        self.assertEqual(result.returncode, status, result.stderr)
        self.assertNotEqual(result.stderr.strip(), "")
        self.assertEqual(result.stdout, "")
        return result.stderr


def changed_text(pid):
    """Places where the target's code differs from the files it was mapped from: its probes."""
    changes = []
    with open(f"/proc/{pid}/maps", encoding="ascii", errors="replace") as maps, \
            open(f"/proc/{pid}/mem", "rb", buffering=0) as memory:
        for line in maps:
            fields = line.split(maxsplit=5)
            if len(fields) < 6 or "x" not in fields[1] or not fields[5].startswith("/"):
                continue
            start, end = (int(part, 16) for part in fields[0].split("-"))
            with open(f"/proc/{pid}/map_files/{start:x}-{end:x}", "rb") as file:
                file.seek(int(fields[2], 16))
                original = file.read(end - start)
            memory.seek(start)
            mapped = memory.read(end - start)[:len(original)]
            changes += [(fields[5].strip(), start + at) for at in differences(original, mapped)]
    return changes


def differences(one, other, at=0):
    """Positions at which two strings of bytes of one length differ."""
    if one == other:
        return
    if len(one) == 1:
        yield at
        return
    half = len(one) // 2
    yield from differences(one[:half], other[:half], at)
    yield from differences(one[half:], other[half:], at + half)


def links_of(pid):
    """Ids of the BPF links that a process holds open."""
    ids = set()
    for entry in os.scandir(f"/proc/{pid}/fdinfo"):
        # It goes on meanwhile, and may just have closed one.
        with contextlib.suppress(FileNotFoundError), open(entry, encoding="ascii") as file:
            ids |= {int(line.split()[1]) for line in file if line.startswith("link_id:")}
    return ids


def all_links():
    """Ids of the BPF links of the whole machine."""
    listing = subprocess.run(["bpftool", "-j", "link", "show"], capture_output=True, check=True)
    return {link["id"] for link in json.loads(listing.stdout or "[]")}


def exit_unless_traceable():
    if os.geteuid() != 0 or not os.path.exists("/sys/kernel/btf/vmlinux"):
        print("SKIPPED: tracing needs root and a kernel with BTF", file=sys.stderr)
        sys.exit(1 if os.environ.get("SEEP_REQUIRE_BPF") == "1" else 77)


def main():
    exit_unless_traceable()
    unittest.main(verbosity=2)
