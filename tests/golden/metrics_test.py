# SPDX-License-Identifier: GPL-2.0-only
"""`report --format metrics` before promtool, and against `--format json` and docs/metrics.md."""

import json
import os
import re
import subprocess
import unittest

from profiles import HERE, Recordings, need, seep

DOCS = os.path.join(HERE, "../../docs/metrics.md")
SAMPLE = re.compile(r"(seep_[a-z_]+)(?:{(.*)})? (\S+)")
LABEL = re.compile(r'([a-z]+)="((?:[^"\\]|\\.)*)"')


def samples(text):
    """[(name, {label: value}, number)] of an exposition."""
    found = []
    for line in text.splitlines():
        if not line.startswith("#"):
            name, labels, value = SAMPLE.fullmatch(line).groups()
            found.append((name, dict(LABEL.findall(labels or "")), float(value)))
    return found


class Metrics(unittest.TestCase):
    @classmethod
    def setUpClass(cls):
        cls.directory = Recordings()
        cls.addClassCleanup(cls.directory.cleanup)

    def metrics(self, name, *options):
        path = os.path.join(self.directory.name, f"{name}.seep")
        return seep("report", path, "--format", "metrics", *options).decode()

    def test_promtool_has_nothing_to_say(self):
        for name in ("plain", "nasty", "many"):
            with self.subTest(name=name):
                done = subprocess.run(["promtool", "check", "metrics"], input=self.metrics(name),
                                      capture_output=True, text=True, check=False)
                self.assertEqual((done.returncode, done.stdout + done.stderr), (0, ""))

    def test_numbers_are_those_of_the_report(self):
        report = json.loads(seep("report", os.path.join(self.directory.name, "plain.seep"),
                                 "--format", "json"))
        found = samples(self.metrics("plain"))
        stacks = {labels["stack"]: value for name, labels, value in found
                  if name == "seep_stack_live_bytes"}
        self.assertEqual(stacks.pop("other"), 0)
        self.assertEqual(stacks, {each["id"]: each["live_bytes"] for each in report["stacks"]})
        growth = {name.removeprefix("seep_finding_growth_").removesuffix("bytes_per_second"): value
                  for name, labels, value in found if name.startswith("seep_finding_growth_")
                  and labels["function"] == "Cache::insert"}
        hourly = report["findings"][0]["bytes_per_hour"]
        self.assertEqual({key: value * 3600 for key, value in growth.items()},
                         {"": hourly["estimate"], "low_": hourly["low"], "high_": hourly["high"]})

    def test_series_are_bounded_and_add_up(self):
        live = next(value for name, _, value in samples(self.metrics("many"))
                    if name == "seep_live_bytes")
        for top in (1, 20, 300):
            found = samples(self.metrics("many", "--top", str(top)))
            stacks = [value for name, _, value in found if name == "seep_stack_live_bytes"]
            self.assertEqual(len(stacks), top + 1)
            self.assertEqual(sum(stacks), live)
            self.assertLessEqual(len(found), 150 + 13 * top)

    def test_docs_name_each_metric(self):
        with open(DOCS, encoding="utf-8") as file:
            documented = set(re.findall(r"^\| `(seep_[a-z_]+)", file.read(), re.MULTILINE))
        written = {name for name, _, _ in samples(self.metrics("plain"))}
        self.assertEqual(written - documented, set())


if __name__ == "__main__":
    need("promtool")
    unittest.main()
