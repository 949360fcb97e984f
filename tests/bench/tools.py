# SPDX-License-Identifier: GPL-2.0-only
"""The tools that are compared, and how each is put on a program.

Some are attached to a running process, the others must start it. Each does what it does without
further options, except that all look as rarely as they can: what is compared is what the target
pays, not how often results are printed.
"""

import contextlib
import os
import shutil
import subprocess
from dataclasses import dataclass, field
from typing import Callable

import seep_test
from bcc_memleak import Memleak, settled

HERE = os.path.dirname(os.path.abspath(__file__))
LIBRARIES = "/usr/lib/x86_64-linux-gnu"


@dataclass(frozen=True)
class Target:
    """A running program. `library` is the file with the allocator that it uses."""
    pids: tuple
    library: str


@dataclass(frozen=True, eq=False)
class Tool:
    """`attach(target)` is a context in which the target is traced. It gives a function that, once
    the context has ended, tells the overhead in per cent that the tool believes to have caused, or
    None. `command` and `environment` start a program under the tool."""
    name: str
    attach: Callable = lambda target: contextlib.nullcontext(lambda: None)
    command: tuple = ()
    environment: dict = field(default_factory=dict)
    needs: tuple = ()
    one_thread: bool = False  # runs one thread at a time, so that more of them tell nothing
    libc_only: bool = False   # probes mmap in the library of the allocator, too
    least_seconds: float = 0  # of a measurement that says something

    def obstacle(self, allocator="libc.so.6"):
        """Why it cannot be used here, or None."""
        if self.libc_only and allocator != "libc.so.6":
            return f"cannot trace {allocator}"
        for need in self.needs:
            if shutil.which(need) is None and not os.path.exists(need):
                return f"not installed: {os.path.basename(need)}"
        return None


def seep(sample):
    @contextlib.contextmanager
    def attach(target):
        more = [option for pid in target.pids[1:] for option in ("-p", str(pid))]
        with seep_test.Recording(target.pids[0], *more, sample=sample, interval="1s") as recording:
            told = []
            yield lambda: told[0]
            recording.stop()
            told.append(recording.report()["overhead"]["cpu_percent"])
    return attach


@contextlib.contextmanager
def memleak(target):
    """One for each process: it takes a single PID."""
    with contextlib.ExitStack() as stack:
        for pid in target.pids:
            stack.enter_context(Memleak(pid, 3600, "-O", target.library))
        yield lambda: None


@contextlib.contextmanager
def bpftrace(target):
    with open(os.path.join(HERE, "outstanding.bt"), encoding="ascii") as file:
        script = file.read().replace("LIBRARY", target.library)
    [pid] = target.pids
    tracer = subprocess.Popen(["bpftrace", "-p", str(pid), "-e", script],
                              stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
    try:
        seep_test.eventually(lambda: seep_test.changed_text(pid), "bpftrace's probes")
        settled(lambda: seep_test.changed_text(pid))
        yield lambda: None
    finally:
        tracer.kill()
        tracer.wait()


def preloaded(library, **environment):
    return {"LD_PRELOAD": f"{LIBRARIES}/{library}", **environment}


UNTRACED = Tool("untraced")
SEEP_EXACT = Tool("seep exact", seep("exact"))
SEEP_SAMPLED = Tool("seep 512K", seep("512K"))
SEEP_AUTO = Tool("seep auto", seep("auto"), least_seconds=12)  # three or four of its windows
MEMLEAK = Tool("BCC memleak", memleak,
               needs=("memleak-bpfcc", f"/lib/modules/{os.uname().release}/build"), libc_only=True)


def for_pairs(directory):
    """All tools, in the order of the table; those that write a file write it to `directory`."""
    return (
        UNTRACED, SEEP_EXACT, SEEP_SAMPLED, SEEP_AUTO, MEMLEAK,
        Tool("bpftrace script", bpftrace, needs=("bpftrace",)),
        Tool("heaptrack", command=("heaptrack", "-o", f"{directory}/heaptrack"),
             needs=("heaptrack",)),
        Tool("jemalloc", environment=preloaded("libjemalloc.so.2"),
             needs=(f"{LIBRARIES}/libjemalloc.so.2",)),
        Tool("jemalloc profiling",
             environment=preloaded("libjemalloc.so.2", MALLOC_CONF="prof:true,lg_prof_sample:19"),
             needs=(f"{LIBRARIES}/libjemalloc.so.2",)),
        Tool("tcmalloc", environment=preloaded("libtcmalloc.so.4"),
             needs=(f"{LIBRARIES}/libtcmalloc.so.4",)),
        Tool("tcmalloc heap profiler",
             environment=preloaded("libtcmalloc.so.4", HEAPPROFILE=f"{directory}/tcmalloc"),
             needs=(f"{LIBRARIES}/libtcmalloc.so.4",)),
        Tool("valgrind massif",
             command=("valgrind", "-q", "--tool=massif", f"--massif-out-file={directory}/massif"),
             needs=("valgrind",), one_thread=True),
    )


FOR_SERVERS = (SEEP_EXACT, SEEP_SAMPLED, SEEP_AUTO, MEMLEAK)
