# SPDX-License-Identifier: GPL-2.0-only
"""`report --format metrics` before promtool, and against `--format json` and docs/metrics.md; the
alert rules and the dashboard against the metrics."""

import json
import os
import re
import subprocess
import tempfile
import unittest

from profiles import HERE, Recordings, need, seep

DOCS = os.path.join(HERE, "../../docs/metrics.md")
SHARE = os.path.join(HERE, "../../share")
ALERTS = os.path.join(SHARE, "prometheus/seep-alerts.yml")
DASHBOARD = os.path.join(SHARE, "grafana/seep-dashboard.json")
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


def promtool(*arguments, **options):
    """Its exit status, and all that it says."""
    done = subprocess.run(["promtool", *arguments], stdout=subprocess.PIPE,
                          stderr=subprocess.STDOUT, text=True, check=False, **options)
    return done.returncode, done.stdout


def queries(panels):
    for panel in panels:
        yield from (target["expr"] for target in panel.get("targets", []))
        yield from queries(panel.get("panels", []))


class MetricsTestCase(unittest.TestCase):
    @classmethod
    def setUpClass(cls):
        cls.directory = Recordings()
        cls.addClassCleanup(cls.directory.cleanup)

    def metrics(self, name, *options):
        path = os.path.join(self.directory.name, f"{name}.seep")
        return seep("report", path, "--format", "metrics", *options).decode()

    def written(self):
        """The names of all metrics there are: some need a limit."""
        return {name for name, _, _ in samples(self.metrics("limited"))}


class Metrics(MetricsTestCase):
    def test_promtool_has_nothing_to_say(self):
        for name in ("plain", "limited", "nasty", "many"):
            with self.subTest(name=name):
                self.assertEqual(promtool("check", "metrics", input=self.metrics(name)), (0, ""))

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
            self.assertLessEqual(len(found), 150 + 14 * top)

    def test_docs_name_each_metric(self):
        with open(DOCS, encoding="utf-8") as file:
            documented = set(re.findall(r"^\| `(seep_[a-z_]+)", file.read(), re.MULTILINE))
        self.assertEqual(documented, self.written())

    def test_time_to_limit(self):
        limited = {name: value for name, _, value in samples(self.metrics("limited"))}
        # 640 bytes a second: 1 MiB and what was added since the start, of 2 MiB.
        self.assertAlmostEqual(limited["seep_time_to_limit_seconds"], (1 << 20) / 640 - 110)
        self.assertEqual(limited["seep_limit_bytes"], 2 << 20)
        self.assertNotIn("seep_time_to_limit_seconds", self.metrics("plain"))


class Alerts(MetricsTestCase):
    def test_rules_do_as_they_say(self):
        status, text = promtool("check", "rules", ALERTS)
        self.assertEqual(status, 0, text)
        status, text = promtool("test", "rules", os.path.join(HERE, "alerts_test.yml"))
        self.assertEqual(status, 0, text)

    def test_they_are_about_metrics_that_exist(self):
        with open(ALERTS, encoding="utf-8") as file:
            used = set(re.findall(r"seep_[a-z_]+", file.read()))
        self.assertTrue(used)
        self.assertEqual(used - self.written(), set())


class Dashboard(MetricsTestCase):
    @classmethod
    def setUpClass(cls):
        super().setUpClass()
        with open(DASHBOARD, encoding="utf-8") as file:
            cls.dashboard = json.load(file)
        cls.queries = list(queries(cls.dashboard["panels"]))

    def test_queries_are_about_metrics_that_exist(self):
        variables = [each["query"]["query"] for each in self.dashboard["templating"]["list"]
                     if each["type"] == "query"]
        for query in self.queries + variables:
            used = set(re.findall(r"seep_[a-z_]+", query))
            self.assertTrue(used, query)
            self.assertEqual(used - self.written(), set(), query)

    def test_prometheus_understands_the_queries(self):
        rules = [{"record": "seep:panel", "labels": {"panel": str(number)},
                  "expr": query.replace("$__rate_interval", "1m")}
                 for number, query in enumerate(self.queries)]
        with tempfile.NamedTemporaryFile("w", suffix=".yml") as file:
            json.dump({"groups": [{"name": "panels", "rules": rules}]}, file)  # JSON is YAML
            file.flush()
            status, text = promtool("check", "rules", file.name)
        self.assertEqual(status, 0, text)

    def test_panels_do_not_overlap(self):
        taken = {}
        for panel in self.dashboard["panels"]:
            place = panel["gridPos"]
            for x in range(place["x"], place["x"] + place["w"]):
                for y in range(place["y"], place["y"] + place["h"]):
                    self.assertNotIn((x, y), taken, panel["title"])
                    taken[x, y] = panel["title"]
        self.assertLess(max(x for x, _ in taken), 24)
        ids = [panel["id"] for panel in self.dashboard["panels"]]
        self.assertEqual(len(ids), len(set(ids)))


if __name__ == "__main__":
    need("promtool")
    unittest.main()
