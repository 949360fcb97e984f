# SPDX-License-Identifier: GPL-2.0-only
"""malloc/free pairs a second under each tool: the program does nothing else, so this is the worst
that a tool can do to any program. In rounds, each tool once a round, so that what else the machine
does meets all of them."""

import os
import subprocess
import tempfile

import seep_test
from alloc_rate import AllocRate
from tables import median, significant, with_spread
from tools import Target, for_pairs

SETTLING = 1  # seconds in which a tool that has been attached finds its way: the governor, caches


def measure(tool, threads, seconds):
    target_library = os.path.join(seep_test.own_library_path(), "libc.so.6")
    environment = {**os.environ, **tool.environment}
    with AllocRate(threads, under=tool.command, env=environment,
                   stderr=subprocess.DEVNULL) as program:
        with tool.attach(Target((program.pid,), target_library)):
            program.measure(SETTLING)
            return program.measure(max(seconds, tool.least_seconds))


def all_rounds(threads, rounds, seconds, progress):
    """{tool: its rates}, or why there is none."""
    with tempfile.TemporaryDirectory(prefix="seep-bench-") as directory:
        tools = [tool for tool in for_pairs(directory) if threads == 1 or not tool.one_thread]
        results = {tool: tool.obstacle() or [] for tool in tools}
        for number in range(rounds):
            for tool in tools:
                if not isinstance(results[tool], str):
                    progress(f"round {number + 1}: {tool.name}, threads: {threads}")
                    results[tool].append(measure(tool, threads, seconds))
    return {tool.name: result for tool, result in results.items()}


HEADER = ("", "pairs a second", "µs of CPU a pair", "of untraced", "cheaper than memleak")


def table(threads, results):
    """(title, header, rows): ratios are of medians, the last one of the CPU time of a pair."""
    def cpu(name):
        rates = results.get(name)
        return None if not rates or isinstance(rates, str) else median(
            [rate.cpu_per_pair for rate in rates])

    def row(name, rates):
        if isinstance(rates, str):
            return (name, rates, "", "", "")
        mine, untraced, theirs = cpu(name), cpu("untraced"), cpu("BCC memleak")
        return (name, with_spread([rate.pairs_per_second for rate in rates]),
                with_spread([rate.cpu_per_pair * 1e6 for rate in rates]),
                f"{significant(mine / untraced)} times",
                f"{significant(theirs / mine)} times" if theirs else "")

    title = "1 thread" if threads == 1 else f"{threads} threads"
    return title, HEADER, [row(name, rates) for name, rates in results.items()]
