# SPDX-License-Identifier: GPL-2.0-only
"""Runs inside gdb: the stack at each stop of tests/workloads/chains, a line of JSON each.

A frame is [pc, whether it is a return address]; CHAINS_OUTPUT says where to write.
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


def follow():
    with open(os.environ["CHAINS_OUTPUT"], "w", encoding="ascii") as output:
        while True:
            gdb.execute("continue", to_string=True)
            size = int(gdb.parse_and_eval("$r10"))
            if not size:
                return
            output.write(json.dumps({"size": size, "frames": stack()}) + "\n")


for command in COMMANDS:
    gdb.execute(command, to_string=True)
follow()
gdb.execute("detach", to_string=True)
