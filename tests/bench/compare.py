# SPDX-License-Identifier: GPL-2.0-only
"""What tracing costs under seep and under other tools, on this machine, now.

    python3 tests/bench/compare.py [--markdown docs/overhead.md]

Needs root and, for the tools and servers, scripts/install-deps.sh --bench; what is not installed is
left out and named. seep and its workloads are those of build/, or where SEEP and SEEP_WORKLOADS
say. It ends with an error if a tool does not work, whatever the figures are.
"""

import argparse
import datetime
import os
import platform
import re
import subprocess
import sys

ROOT = os.path.join(os.path.dirname(os.path.abspath(__file__)), "..", "..")
os.environ.setdefault("SEEP", os.path.join(ROOT, "build/userspace/seep"))
os.environ.setdefault("SEEP_WORKLOADS", os.path.join(ROOT, "build/tests/workloads"))
sys.path.insert(0, os.path.join(ROOT, "tests/root"))
# pylint: disable=wrong-import-position
import pairs
import seep_test
import under_load
from servers import SERVERS
from tables import markdown_table, text_table


def arguments():
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--only", choices=SECTIONS, help="a part of it")
    parser.add_argument("--rounds", type=int, default=5, help="how often each tool has its turn")
    parser.add_argument("--seconds", type=float, default=3, help="length of a measurement")
    parser.add_argument("--threads", type=lambda text: [int(n) for n in text.split(",")],
                        default=[1, 2, 4, 8], help="numbers of threads, as 1,2,4,8")
    parser.add_argument("--servers", type=lambda text: text.split(","), default=list(SERVERS),
                        help="of: " + ", ".join(SERVERS))
    parser.add_argument("--markdown", metavar="FILE", help="put the tables into this file, too, "
                        "each part between its marks <!-- NAME --> and <!-- end of NAME -->")
    options = parser.parse_args()
    for name in options.servers:
        if name not in SERVERS:
            parser.error(f"no such server: {name}")
    return options


def pair_tables(options):
    for threads in options.threads:
        yield pairs.table(threads, pairs.all_rounds(threads, options.rounds, options.seconds,
                                                    progress))


def server_tables(options):
    for name in options.servers:
        yield under_load.compare(name, options.rounds, options.seconds, progress)


def leak_tables(options):
    yield under_load.find_leaks(options.servers, progress)


SECTIONS = {"pairs": pair_tables, "servers": server_tables, "leaks": leak_tables}


def machine():
    with open("/proc/cpuinfo", encoding="utf-8") as file:
        model = next(line.split(":")[1].strip() for line in file if line.startswith("model name"))
    virtual = subprocess.run(["systemd-detect-virt", "--vm"], capture_output=True, text=True,
                             check=False).stdout.strip()
    where = "no virtual machine" if virtual in ("", "none") else f"virtual machine ({virtual})"
    return (f"{datetime.date.today()}, {model}, {os.cpu_count()} processors, {where}, Linux "
            f"{platform.release()}, {seep_test.run('--version').stdout.strip()}")


BUSY = " The machine was busy otherwise: go by CPU time; wall time and latency tell little."


def conditions(options, load_before):
    return (f"{machine()}. Rounds: {options.rounds}, of {options.seconds:g} s. Load average before "
            f"{load_before:.1f} and after {os.getloadavg()[0]:.1f}."
            f"{BUSY if load_before > os.cpu_count() else ''}")


def progress(what):
    if sys.stderr.isatty():
        print(f"\r\033[K{what}", end="", file=sys.stderr, flush=True)


def put_between_marks(path, name, text):
    with open(path, encoding="utf-8") as file:
        old = file.read()
    new, places = re.subn(f"(<!-- {name} -->\n).*(<!-- end of {name} -->)",
                          lambda match: f"{match[1]}\n{text}\n{match[2]}", old, flags=re.DOTALL)
    if places != 1:
        sys.exit(f"{path}: no marks for {name}")
    with open(path, "w", encoding="utf-8") as file:
        file.write(new)


def main():
    options = arguments()
    seep_test.exit_unless_traceable()
    for name, make in SECTIONS.items():
        if options.only not in (None, name):
            continue
        load_before = os.getloadavg()[0]
        markdown = []
        for table in make(options):
            progress("")
            print(text_table(*table), flush=True)
            markdown.append(markdown_table(*table))
        print(conditions(options, load_before) + "\n", flush=True)
        if options.markdown:
            put_between_marks(options.markdown, name,
                              "\n".join([conditions(options, load_before), "", *markdown]))


if __name__ == "__main__":
    main()
