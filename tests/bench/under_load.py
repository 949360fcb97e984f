# SPDX-License-Identifier: GPL-2.0-only
"""What servers lose while they are traced, and whether a leak in them is found at that time."""

import concurrent.futures
import contextlib
import os
import shutil
import struct
import tempfile
import threading
import time

import seep_test
from servers import SERVERS, read
from tables import median, significant, with_spread
from tools import FOR_SERVERS, SEEP_AUTO

SETTLING = 3  # seconds of load between attaching and measuring, in which seep's governor decides
LEAK_SECONDS = 20
LEAKING_FUNCTION = "leak_on_wait"


def all_rounds(server, rounds, seconds, progress):
    """[untraced loads], {tool: [(traced load, the untraced before, the overhead it told)]}, each
    tool between two measurements without."""
    tools = [tool for tool in FOR_SERVERS if tool.obstacle(server.allocator) is None]
    results = {tool.name: [] for tool in tools}
    server.work(seconds)
    untraced = [server.work(seconds)]
    for number in range(rounds):
        for tool in tools:
            progress(f"round {number + 1}: {tool.name}, {type(server).__name__}")
            length = max(seconds, tool.least_seconds)
            with tool.attach(server.target()) as told:
                server.work(SETTLING)
                traced = server.work(length)
            untraced.append(server.work(length))
            results[tool.name].append((traced, untraced[-2:], told()))
    return untraced, results


HEADER = ("", "requests a second", "% of untraced", "p99 in ms", "of untraced",
          "CPU a request, of untraced", "overhead in %", "as told")


def compare(name, rounds, seconds, progress):
    """(title, header, rows); ratios are of neighbours in time, and then medians."""
    server = SERVERS[name]({})
    if missing := server.missing():
        return name, ("",), [(missing,)]
    with server:
        untraced, results = all_rounds(server, rounds, seconds, progress)
    rows = [("untraced", with_spread([load.requests_per_second for load in untraced]), "",
             latencies(untraced), "", "", "", "")]
    rows += [row(tool, measured) for tool, measured in results.items()]
    rows += [(tool.name, obstacle, *[""] * 6) for tool in FOR_SERVERS
             if (obstacle := tool.obstacle(server.allocator))]
    return f"{name}: {SERVERS[name].__doc__}", HEADER, rows


def row(tool, measured):
    loads = [traced for traced, _, _ in measured]
    told = [percent for _, _, percent in measured if percent is not None]

    def ratios(figure):
        return [figure(traced) / median([figure(one) for one in around])
                for traced, around, _ in measured]

    cpu = ratios(lambda load: load.cpu_per_request)
    p99 = [] if loads[0].p99_ms is None else ratios(lambda load: load.p99_ms)
    return (tool, with_spread([load.requests_per_second for load in loads]),
            with_spread([100 * ratio for ratio in ratios(lambda load: load.requests_per_second)]),
            latencies(loads), f"{with_spread(p99)} times" if p99 else "",
            f"{with_spread(cpu)} times", significant(100 * (1 - 1 / median(cpu))),
            significant(median(told)) if told else "")


def latencies(loads):
    return "" if loads[0].p99_ms is None else with_spread([load.p99_ms for load in loads])


def find_leaks(names, progress):
    """A table of where the report of --sample auto puts a leak in each of the servers."""
    header = ("", "rank of the leak", "verdict", "leaked", "live in the report, of that",
              "overhead as told")
    return (f"a leak that follows the load, {LEAK_SECONDS} s of --sample auto", header,
            [find_leak(name, progress) for name in names])


def find_leak(name, progress):
    with tempfile.TemporaryDirectory(prefix="seep-bench-") as counts:
        os.chmod(counts, 0o777)
        library = shutil.copy(os.path.join(seep_test.WORKLOADS, "libleak_on_wait.so"), counts)
        server = SERVERS[name]({"LD_PRELOAD": library, "LEAK_COUNTS": counts})
        if missing := server.missing() or SEEP_AUTO.obstacle():
            return (name, missing, "", "", "", "")
        progress(f"a leak in {name}")
        with server, under_load(server):
            pid, *others = server.traced_pids()
            more = [option for other in others for option in ("-p", str(other))]
            time.sleep(SETTLING)
            with seep_test.Recording(pid, *more, sample="auto", interval="500ms") as recording:
                before = leaked(counts, pid, *others)
                time.sleep(LEAK_SECONDS)
                truth = leaked(counts, pid, *others) - before
                recording.stop()
                report = recording.report("--top", "1000000")
    found = [stack for stack in report["stacks"]
             if seep_test.stack_calls(stack, (LEAKING_FUNCTION,))]
    live = sum(stack["live_bytes"] for stack in found)
    return (name, str(found[0]["rank"]) if found else "not found",
            found[0]["verdict"] if found else "", f"{significant(truth / 1024)} KiB",
            f"{significant(100 * live / truth)} %",
            f"{significant(report['overhead']['cpu_percent'])} %")


def leaked(directory, *pids):
    return sum(struct.unpack("Q", read(f"{directory}/{pid}"))[0] for pid in pids)


@contextlib.contextmanager
def under_load(server):
    """Load without a pause, in the background."""
    over = threading.Event()

    def run():
        while not over.is_set():
            server.load(1)

    with concurrent.futures.ThreadPoolExecutor() as executor:
        loading = executor.submit(run)
        try:
            yield
        finally:
            over.set()
        loading.result()
