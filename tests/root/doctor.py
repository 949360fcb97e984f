# SPDX-License-Identifier: GPL-2.0-only
"""doctor says what the machine and a target offer; its exit status, whether that is enough."""

import json
import os
import shutil
import subprocess
import tempfile

import seep_test
from seep_test import Recording, Workload, run

NOBODY = 65534
NEEDED = ("kernel", "processor", "BPF", "attach modes", "seep's programs", "CAP_BPF", "CAP_PERFMON")


def diagnose(*arguments, status=0):
    result = run("doctor", "--format", "json", *arguments)
    if result.returncode != status:
        raise AssertionError(f"doctor exited {result.returncode}: {result.stdout}{result.stderr}")
    return json.loads(result.stdout)


def run_unprivileged(*arguments):
    with tempfile.TemporaryDirectory() as directory:
        # A copy, because the way to the build may be closed to others.
        os.chmod(directory, 0o755)
        seep = shutil.copy(seep_test.SEEP, directory)
        return subprocess.run([seep, "doctor", *map(str, arguments)], user=NOBODY, group=NOBODY,
                              extra_groups=[], cwd="/", capture_output=True, text=True,
                              check=False, timeout=seep_test.PATIENCE)


class System(seep_test.SeepTestCase):
    def test_what_the_other_tests_rely_on_is_there(self):
        status = {check["name"]: check["status"] for check in diagnose()["checks"]}
        self.assertEqual({name: status[name] for name in NEEDED}, dict.fromkeys(NEEDED, "ok"))

    def test_text_and_json_tell_the_same(self):
        text = run("doctor")
        self.assertEqual(text.returncode, 0, text.stderr)
        for check in diagnose()["checks"]:
            self.assertIn(f" {check['name']} ", text.stdout)
        self.assertLessEqual(max(map(len, text.stdout.splitlines())), 100)

    def test_without_privilege(self):
        result = run_unprivileged("--format", "json")
        self.assertEqual(result.returncode, 3, result.stderr)
        missing = {check["name"]: check["mend"] for check in json.loads(result.stdout)["checks"]
                   if check["status"] == "missing"}
        self.assertLessEqual({"BPF", "CAP_BPF", "CAP_PERFMON"}, missing.keys())
        self.assertIn("setcap", missing["CAP_BPF"])


class Targets(seep_test.SeepTestCase):
    def test_workload_is_described_and_left_alone(self):
        with Workload("eight_functions") as workload:
            target = diagnose("-p", workload.pid)["targets"][0]
            self.assertEqual((target["pid"], target["status"]), (workload.pid, "ok"))
            self.assertGreater(target["memory"]["rss_bytes"], 0)
            self.assertEqual(target["objects"][0]["symbols"], "all")
            functions = {function["name"] for allocator in target["allocators"]
                         for function in allocator["functions"]}
            self.assertLessEqual({"malloc", "free", "calloc", "realloc"}, functions)
            self.assertEqual(seep_test.changed_text(workload.pid), [])

    def test_chosen_sites_are_where_probes_are_put(self):
        with Workload("eight_functions") as workload:
            sites = {site for allocator in diagnose("-p", workload.pid)["targets"][0]["allocators"]
                     for site in ((allocator["object"], f["site"])
                                  for f in allocator["functions"])}
            bases = load_addresses(workload.pid)
            expected = {(path, bases[path] + site) for path, site in sites}
            with Recording(workload.pid) as recording:
                changed = set(seep_test.changed_text(workload.pid))
                recording.stop()
            self.assertLessEqual(expected, changed)

    def test_several_targets_of_which_one_is_none(self):
        with open("/proc/sys/kernel/pid_max", encoding="ascii") as file:
            nobody = int(file.read()) - 1
        with Workload("eight_functions") as workload:
            targets = diagnose("-p", workload.pid, "-p", nobody, "-p", 2, status=3)["targets"]
        self.assertEqual([target["status"] for target in targets], ["ok", "missing", "missing"])
        self.assertIn("no process", targets[1]["found"])
        self.assertIn("kernel thread", targets[2]["found"])

    def test_program_without_an_allocator(self):
        with Workload("no_allocator") as workload:
            target = diagnose("-p", workload.pid, status=3)["targets"][0]
        self.assertIn("no allocator", target["found"])
        self.assertEqual(len(target["objects"]), 1)

    def test_process_of_another_user(self):
        with Workload("eight_functions") as workload:
            result = run_unprivileged("-p", workload.pid)
        self.assertEqual(result.returncode, 3, result.stderr)
        self.assertIn("CAP_SYS_PTRACE", result.stdout.partition("\nProcess ")[2])

    def test_bad_usage(self):
        for arguments in (["-p", "0"], ["-p", "x"], ["--cgroup", "/nonexistent"],
                          ["--format", "prose"], ["--", "true"]):
            with self.subTest(arguments=arguments):
                self.assert_fails(2, "doctor", *arguments)


def load_addresses(pid):
    """Where each object is mapped: its first mapping, which begins at the object's address 0."""
    bases = {}
    with open(f"/proc/{pid}/maps", encoding="ascii", errors="replace") as maps:
        for line in maps:
            fields = line.split(maxsplit=5)
            if len(fields) == 6 and fields[5].startswith("/"):
                bases.setdefault(fields[5].strip(), int(fields[0].split("-")[0], 16))
    return bases


if __name__ == "__main__":
    seep_test.main()
