# SPDX-License-Identifier: GPL-2.0-only
"""Stacks of well-known programs are followed to their root: 99 of 100 allocations at least. So are
those through libraries that a program loads while it runs, and none is counted twice or not at all
for that."""

import os
import shutil
import sqlite3
import subprocess
import tempfile

import seep_test

PYTHON = "for i in range(300): sorted({str(j): bytearray(1000 + j) for j in range(100)}.values())"
PERL = ('for (1..300) { my %h = map { $_ => "x" x $_ } 1..99; '
        'join(",", sort { $h{$a} cmp $h{$b} } keys %h) =~ s/(\\d+)/<$1>/gr }')
SQL = ("create table t(a, b); with recursive c(x) as (select 1 union all select x + 1 from c "
       "where x < 9000) insert into t select x, hex(x) from c; create index i on t(b); "
       "select count(*) from t x join t y on x.b = y.b;")
BASH = "for ((i = 0; i < 3000; i++)); do a=(1 2 $i); x=${a[*]//1/2}; done"
ENOUGH = 0.99
LEAST_ALLOCATIONS = 5_000


def shares(path):
    """(allocations, those of stacks that were followed to their root, those that the process made)
    of a recording."""
    database = sqlite3.connect(path)
    try:
        return database.execute(
            "select sum(allocated_count), sum(allocated_count) filter (where ending = 0), "
            "(select max(allocated_count) from process_sample) "
            "from latest_totals join stack on stack.id = latest_totals.stack").fetchone()
    finally:
        database.close()


class WholeStacks(seep_test.SeepTestCase):
    def check(self, *command):
        if not shutil.which(command[0]):
            self.skipTest(f"{command[0]} is not installed")
        with tempfile.TemporaryDirectory(prefix="seep-test-") as directory:
            path = os.path.join(directory, "recording.seep")
            result = subprocess.run(
                [seep_test.SEEP, "record", "--sample", "exact", "--interval", "200ms", "-o", path,
                 "--", *command], stdin=subprocess.DEVNULL, capture_output=True, text=True,
                timeout=2 * seep_test.PATIENCE, check=False)
            self.assertEqual(result.returncode, 0, result.stderr)
            self.assertIn("exited with status 0", result.stderr)
            allocations, whole, counted = shares(path)
        self.assertEqual(allocations, counted)
        self.assertGreater(allocations, LEAST_ALLOCATIONS)
        self.assertGreaterEqual(whole / allocations, ENOUGH)

    def test_python(self):
        self.check("/usr/bin/python3", "-c", PYTHON)

    def test_python_that_loads_libraries(self):
        # It ends before everything can be asked of it.
        self.check("/usr/bin/python3", "-c",
                   "import decimal, json, lzma, os, sqlite3, ssl, ctypes; os._exit(0)")

    def test_perl(self):
        self.check("perl", "-e", PERL)

    def test_sqlite(self):
        self.check("sqlite3", ":memory:", SQL)

    def test_bash(self):
        self.check("bash", "-c", BASH)

    def test_gdb(self):
        self.check("gdb", "-nx", "-batch", "-ex", "info functions malloc", shutil.which("bash"))


if __name__ == "__main__":
    seep_test.main()
