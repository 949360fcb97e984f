# SPDX-License-Identifier: GPL-2.0-only
"""`seep serve` before Debian's Prometheus with the alert rules that are shipped: a leak becomes an
alert, an idle process does not, and a storm of scrapes stops nobody."""

import concurrent.futures
import json
import os
import re
import shutil
import signal
import socket
import subprocess
import tempfile
import time
import unittest
import urllib.request

import seep_test
from seep_test import Workload, eventually

ALERTS = os.path.join(os.path.dirname(os.path.abspath(__file__)),
                      "../../share/prometheus/seep-alerts.yml")
SAMPLE = re.compile(r"(seep_[a-z_]+){(.*)} (\S+)")
LABEL = re.compile(r'([a-z]+)="((?:[^"\\]|\\.)*)"')
BLOCK = 1021  # bytes, of endless_leak


def fetch(address, path):
    # Nothing between here and there, whatever the environment says about proxies.
    opener = urllib.request.build_opener(urllib.request.ProxyHandler({}))
    with opener.open(f"http://{address}{path}", timeout=seep_test.PATIENCE) as answer:
        return answer.read().decode()


class Server:
    """`seep serve` from the moment that it has something to tell."""

    def __init__(self, *options, **popen):
        self.log = tempfile.NamedTemporaryFile("r", prefix="seep-serve-")
        with open(self.log.name, "w", encoding="utf-8") as log:
            self.process = subprocess.Popen(
                [seep_test.SEEP, "serve", "--listen", "127.0.0.1:0", "--interval", "250ms",
                 *map(str, options)],
                stdin=subprocess.DEVNULL, stdout=subprocess.DEVNULL, stderr=log, **popen)
        self.address = eventually(self.find_address, "an address that it listens on")
        eventually(lambda: self.samples("seep_snapshots"), "the first metrics")

    def find_address(self):
        self.log.seek(0)
        text = self.log.read()
        if self.process.poll() is not None:
            raise AssertionError(f"serve exited {self.process.returncode}: {text}")
        found = re.search(r"serving http://(127\.0\.0\.1:[0-9]+)/metrics", text)
        return found and found[1]

    def metrics(self):
        return fetch(self.address, "/metrics")

    def samples(self, wanted, **labels):
        """{target: value} of one metric, of the series with those labels."""
        found = {}
        for name, text, value in SAMPLE.findall(self.metrics()):
            has = dict(LABEL.findall(text))
            if name == wanted and labels.items() <= has.items():
                found[has["target"]] = float(value)
        return found

    def stop(self):
        self.process.terminate()  # killed, it would leave its recording behind
        self.process.wait(seep_test.PATIENCE)
        self.log.close()


class Prometheus:
    """Debian's, with the rules as they are shipped but for how long a condition must hold."""

    def __init__(self, scraped):
        self.directory = tempfile.TemporaryDirectory(prefix="seep-prometheus-")
        with open(ALERTS, encoding="utf-8") as file:
            rules = re.sub(r"^( +for:) \S+$", r"\1 1s", file.read(), flags=re.MULTILINE)
        self.write("rules.yml", rules)
        self.write("prometheus.yml", json.dumps({  # JSON is YAML
            "global": {"scrape_interval": "1s", "evaluation_interval": "1s"},
            "rule_files": ["rules.yml"],
            "scrape_configs": [
                {"job_name": "seep", "static_configs": [{"targets": [scraped]}]}]}))
        with socket.create_server(("127.0.0.1", 0)) as free:
            self.address = f"127.0.0.1:{free.getsockname()[1]}"
        self.process = subprocess.Popen(
            ["prometheus", f"--config.file={self.path('prometheus.yml')}",
             f"--storage.tsdb.path={self.path('data')}", f"--web.listen-address={self.address}"],
            stdin=subprocess.DEVNULL, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL,
            env={**os.environ, "GOMAXPROCS": "1"})
        eventually(self.is_ready, "Prometheus")

    def path(self, name):
        return os.path.join(self.directory.name, name)

    def write(self, name, text):
        with open(self.path(name), "w", encoding="utf-8") as file:
            file.write(text)

    def is_ready(self):
        if self.process.poll() is not None:
            raise AssertionError(f"prometheus exited {self.process.returncode}")
        try:
            return fetch(self.address, "/-/ready")
        except OSError:
            return None

    def ask(self, path):
        return json.loads(fetch(self.address, f"/api/v1/{path}"))["data"]

    def firing(self):
        return [alert["labels"] for alert in self.ask("alerts")["alerts"]
                if alert["state"] == "firing"]

    def stop(self):
        self.process.kill()
        self.process.wait()
        self.directory.cleanup()


class Serve(seep_test.SeepTestCase):
    @classmethod
    def setUpClass(cls):
        cls.leaking = Workload("endless_leak")
        cls.addClassCleanup(cls.leaking.__exit__)
        cls.idle = Workload("exact_threads", 1)
        cls.addClassCleanup(cls.idle.__exit__)
        cls.server = Server("-p", cls.leaking.pid, "-p", cls.idle.pid, "--sample", "exact")
        cls.addClassCleanup(cls.server.stop)
        cls.leaking_name = f"endless_leak-{cls.leaking.pid}"
        cls.idle_name = f"exact_threads-{cls.idle.pid}"

    def test_a_target_each_and_the_leaking_function(self):
        eventually(lambda: self.server.samples("seep_finding_live_bytes", verdict="leak",
                                               function="forget_request"), "a leak")
        self.assertEqual(set(self.server.samples("seep_finding_live_bytes")), {self.leaking_name})
        blocks = self.server.samples("seep_live_blocks")
        self.assertEqual(set(blocks), {self.leaking_name, self.idle_name})
        self.assertEqual(blocks[self.idle_name], 0)
        text = dict(((name, labels), float(value))
                    for name, labels, value in SAMPLE.findall(self.server.metrics()))
        stack = next(labels for name, labels in text
                     if name == "seep_stack_live_bytes" and 'function="forget_request"' in labels)
        # Of one moment: a scrape is never half of one snapshot and half of another.
        self.assertEqual(text["seep_stack_live_bytes", stack],
                         BLOCK * text["seep_stack_live_blocks", stack])

    @unittest.skipUnless(shutil.which("prometheus"), "no prometheus")
    def test_prometheus_fires_at_the_leak_alone(self):
        prometheus = Prometheus(self.server.address)
        self.addCleanup(prometheus.stop)
        leak = eventually(lambda: [labels for labels in prometheus.firing()
                                   if labels["alertname"] == "SeepLeak"], "the alert")
        self.assertEqual([(labels["target"], labels["function"]) for labels in leak],
                         [(self.leaking_name, "forget_request")])
        self.assertEqual([labels for labels in prometheus.firing()
                          if labels.get("target") == self.idle_name], [])
        targets = prometheus.ask("targets")["activeTargets"]
        self.assertEqual([(each["health"], each["lastError"]) for each in targets], [("up", "")])

    def test_a_storm_of_scrapes_stops_nobody(self):
        before = self.server.samples("seep_last_snapshot_timestamp_seconds")[self.leaking_name]
        host, port = self.server.address.split(":")
        silent = [socket.create_connection((host, int(port))) for _ in range(3)]
        for each in silent:
            self.addCleanup(each.close)

        def scrape(_):
            try:
                return self.server.metrics()
            except OSError:  # refused is as good as told
                return None
        with concurrent.futures.ThreadPoolExecutor(32) as pool:
            answers = [text for text in pool.map(scrape, range(300)) if text]
        self.assertGreater(len(answers), 100)
        for text in answers:
            self.assertRegex(text, r'(?s)\A# HELP .*seep_build_info.*\n\Z')
        eventually(lambda: self.server.samples("seep_last_snapshot_timestamp_seconds")
                   [self.leaking_name] > before + 1, "snapshots that go on")
        with open(f"/proc/{self.server.process.pid}/status", encoding="ascii") as file:
            threads = int(re.search(r"Threads:\s+(\d+)", file.read())[1])
        self.assertLess(threads, 20)

    def test_a_port_that_is_taken_is_said_before_anything_starts(self):
        with tempfile.TemporaryDirectory() as directory:
            ran = os.path.join(directory, "ran")
            message = self.assert_fails(1, "serve", "--listen", self.server.address, "--", "touch",
                                        ran)
            self.assertIn("already in use", message)
            self.assertFalse(os.path.exists(ran))

    def test_bad_usage(self):
        for options in (["--listen", "[::1]:99"], ["--listen", "somewhere:99"], ["--top", "0"],
                        ["--keep", "1s"], ["--suppressions", "/nonexistent"]):
            self.assert_fails(2, "serve", *options, "-p", self.idle.pid)
        self.assert_fails(2, "serve")
        self.assert_fails(3, "serve", "--listen", "127.0.0.1:0", "-p", 2**22 - 1)


class End(seep_test.SeepTestCase):
    def ends(self, end):
        """Whether the target is alive after it."""
        with tempfile.TemporaryDirectory(prefix="seep-test-") as directory, \
                Workload("endless_leak") as workload:
            server = Server("-p", workload.pid, env={**os.environ, "TMPDIR": directory})
            self.addCleanup(server.stop)
            recordings = [os.path.join(place, name) for place, _, names in os.walk(directory)
                          for name in names]
            self.assertTrue(recordings)
            for path in recordings:
                self.assertEqual(os.stat(path).st_mode & 0o077, 0, path)
            links = seep_test.links_of(server.process.pid)
            self.assertTrue(links)
            end(server, workload)
            self.assertEqual(server.process.wait(seep_test.PATIENCE), 0)
            self.assertEqual(os.listdir(directory), [])
            self.assertEqual(seep_test.all_links() & links, set())
            return workload.alive()

    def test_with_its_targets(self):
        self.assertFalse(self.ends(lambda _, workload: workload.process.kill()))

    def test_by_a_signal_and_the_target_goes_on(self):
        self.assertTrue(self.ends(lambda server, _: server.process.send_signal(signal.SIGTERM)))


if __name__ == "__main__":
    seep_test.main()
