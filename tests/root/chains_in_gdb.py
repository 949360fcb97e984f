# SPDX-License-Identifier: GPL-2.0-only
"""Runs inside gdb: the stack at each stop of tests/workloads/chains, a line of JSON each.

A frame is [pc, whether it is a return address]; CHAINS_OUTPUT says where to write. With CHAINS_CALLS
(names of functions) it is the stack at each call of these, until work_is_done() is called.
"""

import json
import os

import gdb  # pylint: disable=import-error

COMMANDS = ("set pagination off", "set confirm off", "set backtrace past-main on",
            "set backtrace past-entry on", "set backtrace limit unlimited",
            "set print thread-events off", "handle SIGSTOP stop nopass",
            "handle SIGUSR1 SIGUSR2 SIGALRM SIGILL nostop noprint pass")
NO_FRAMES_OF_THEIR_OWN = (gdb.INLINE_FRAME, gdb.TAILCALL_FRAME)


def stack():
    frame, frames, is_call = gdb.newest_frame(), [], False
    while frame is not None:
        if frame.type() not in NO_FRAMES_OF_THEIR_OWN:
            frames.append([frame.pc(), is_call])
            is_call = frame.type() != gdb.SIGTRAMP_FRAME
        frame = frame.older()
    return frames


def stops():
    while True:
        gdb.execute("continue", to_string=True)
        size = int(gdb.parse_and_eval("$r10"))
        if not size:
            return
        yield {"size": size, "frames": stack()}


def address_of(function):
    return int(gdb.parse_and_eval(f"(long) &{function}"))


def calls(functions):
    names = {address_of(name): name for name in functions}
    last = address_of("work_is_done")
    for address in (*names, last):
        gdb.execute(f"break *{address:#x}", to_string=True)
    while True:
        gdb.execute("continue", to_string=True)
        pc = gdb.newest_frame().pc()
        if pc == last:
            gdb.execute("delete", to_string=True)
            return
        # realloc() of nothing jumps to malloc(): that is one call.
        if names[pc] != "realloc" or int(gdb.parse_and_eval("$rdi")):
            yield {"frames": stack()}


for command in COMMANDS:
    gdb.execute(command, to_string=True)
with open(os.environ["CHAINS_OUTPUT"], "w", encoding="ascii") as file:
    wanted = os.environ.get("CHAINS_CALLS", "").split()
    for found in calls(wanted) if wanted else stops():
        file.write(json.dumps(found) + "\n")
gdb.execute("detach", to_string=True)
