# SPDX-License-Identifier: GPL-2.0-only
"""Exact totals on another kernel: other_kernel.py VMLINUZ RELEASE boots it in QEMU.

The machine has no disk: its initramfs holds busybox, seep, the workloads and their libraries. It
is emulated, not virtualized, so that it runs wherever the tests do.
"""

import json
import os
import re
import shutil
import subprocess
import sys
import tempfile
import unittest

HERE = os.path.dirname(os.path.abspath(__file__))
sys.path.insert(0, os.path.join(HERE, "..", "root"))
import seep_test  # pylint: disable=wrong-import-position

KERNEL, RELEASE = sys.argv[1:3]
COMMANDS = ("eight_functions", "exact_threads 2 1009", "thrower", "mapper", "toucher")
PATIENCE = 600


def libraries_of(program):
    """The paths of all that the dynamic linker loads, itself included; none of a static program."""
    listing = subprocess.run(["ldd", program], capture_output=True, text=True, check=False).stdout
    return re.findall(r"(/\S+) \(0x", listing)


def make_root(root):
    """Lay out the machine's file system in the folder `root`."""
    for folder in ("bin", "proc", "sys", "dev", "tmp"):
        os.mkdir(os.path.join(root, folder))
    for applet in ("sh", "mount", "stty", "grep", "sleep", "rm", "mkfifo", "tr", "uname", "poweroff"):
        os.symlink("busybox", os.path.join(root, "bin", applet))
    shutil.copy(os.path.join(HERE, "init"), root)
    programs = [seep_test.SEEP] + [os.path.join(seep_test.WORKLOADS, command.split()[0])
                                   for command in COMMANDS]
    for program in programs:
        shutil.copy(program, root)
    shutil.copy("/bin/busybox", os.path.join(root, "bin"))
    for program in [*programs, "/bin/busybox"]:
        for library in libraries_of(program):
            os.makedirs(root + os.path.dirname(library), exist_ok=True)
            shutil.copy(library, root + library)
    with open(os.path.join(root, "workloads"), "w", encoding="ascii") as file:
        file.writelines(f"/{command}\n" for command in COMMANDS)


def make_initramfs(path):
    with tempfile.TemporaryDirectory() as root:
        make_root(root)
        names = subprocess.run(["find", "."], cwd=root, capture_output=True, check=True).stdout
        with open(path, "wb") as file:
            subprocess.run(["cpio", "--quiet", "-o", "-H", "newc"], cwd=root, input=names,
                           stdout=file, check=True)


def boot(initramfs, results):
    """Run the machine until it switches itself off; its console's text."""
    return subprocess.run(
        ["qemu-system-x86_64", "-accel", "tcg", "-cpu", "max", "-m", "1024", "-smp", "1",
         "-display", "none", "-no-reboot", "-nic", "none", "-kernel", KERNEL, "-initrd", initramfs,
         "-append", "console=ttyS0 quiet panic=-1 rdinit=/init",
         "-serial", "stdio", "-serial", "file:" + results],
        stdin=subprocess.DEVNULL, capture_output=True, text=True, errors="replace", check=True,
        timeout=PATIENCE).stdout


class OtherKernel(seep_test.SeepTestCase):
    @classmethod
    def setUpClass(cls):
        with tempfile.TemporaryDirectory(prefix="seep-vm-") as directory:
            initramfs = os.path.join(directory, "initramfs")
            results = os.path.join(directory, "results")
            make_initramfs(initramfs)
            cls.console = boot(initramfs, results)
            with open(results, encoding="utf-8") as file:
                cls.parse(file)

    @classmethod
    def parse(cls, lines):
        cls.results = {}
        cls.kernel = command = ""
        for line in lines:
            word, _, rest = line.strip().partition(" ")
            if word == "kernel":
                cls.kernel = rest
            elif word == "workload":
                command = rest.removeprefix("/")
                cls.results[command] = {}
            elif word in ("truth", "report"):
                cls.results[command][word] = json.loads(rest)

    def result(self, command):
        result = self.results.get(command, {})
        self.assertEqual(sorted(result), ["report", "truth"], self.console)
        return result["truth"], result["report"]

    def test_it_is_that_kernel(self):
        self.assertTrue(self.kernel.startswith(RELEASE + "."), self.kernel)

    def test_exact_totals(self):
        for command in COMMANDS[:2]:
            with self.subTest(command):
                truth, report = self.result(command)
                self.assert_totals_are_the_truth(report, truth)
                self.assert_no_losses(report)

    def test_exceptions_and_jumps(self):
        truth, report = self.result("thrower")
        totals = seep_test.heap_totals(report, "leak_now")
        self.assertEqual(totals["live_bytes"], truth["live_bytes"])

    def test_mappings(self):
        truth, report = self.result("mapper")
        for function, expected in truth["mapped"].items():
            live = sum(stack["live_bytes"] for stack in report["stacks"]
                       if stack["kind"] == "mapping" and seep_test.stack_calls(stack, [function]))
            self.assertEqual(live, expected, function)
        self.assertEqual(report["losses"]["lost_mapping_calls"], 0)

    def test_faults(self):
        truth, report = self.result("toucher")
        for function, expected in truth["touched"].items():
            live = sum(stack["live_bytes"] for stack in report["stacks"]
                       if stack["kind"] == "fault" and seep_test.stack_calls(stack, [function]))
            self.assertEqual(live, expected, function)
        self.assertEqual(report["losses"]["lost_faults"], 0)


if __name__ == "__main__":
    unittest.main(argv=sys.argv[:1], verbosity=2)
