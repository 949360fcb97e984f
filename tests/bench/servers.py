# SPDX-License-Identifier: GPL-2.0-only
"""Real servers and what loads them, each with its data in a temporary directory, on the loopback
interface or a socket in that directory, and with copies of its own of the C library and of jemalloc
(see seep_test.own_library_path)."""

import contextlib
import glob
import os
import shutil
import socket
import subprocess
import tempfile
import time
from typing import NamedTuple, Optional

import seep_test
from tools import LIBRARIES, Target


class Load(NamedTuple):
    """What came of some seconds of load."""
    requests_per_second: float
    p99_ms: Optional[float]   # None where the load generator does not tell
    cpu_per_request: float    # seconds that the traced processes computed for one


class Server:
    """In a `with` block it runs; `work(seconds)` loads it."""
    needs = ()
    allocator = "libc.so.6"
    user = None

    def __init__(self, environment):
        self.environment = {**os.environ, **environment}

    def missing(self):
        absent = [need for need in self.needs if shutil.which(need) is None]
        return f"not installed: {', '.join(absent)}" if absent else None

    def __enter__(self):
        with contextlib.ExitStack() as stack:
            self.directory = stack.enter_context(
                tempfile.TemporaryDirectory(prefix="seep-bench-"))
            os.chmod(self.directory, 0o755)
            self.port = free_port()
            self.processes = []
            stack.callback(self.end)
            libraries = own_libraries()
            self.run_along(self.command(), user=self.user,
                           env={**self.environment, "LD_LIBRARY_PATH": libraries})
            self.library = os.path.join(libraries, self.allocator)
            seep_test.eventually(self.answers, f"{type(self).__name__} answers")
            self.prepare()
            self.stack = stack.pop_all()
        return self

    def __exit__(self, *exception):
        return self.stack.__exit__(*exception)

    def run_along(self, command, **options):
        self.processes.append(subprocess.Popen(
            command, stdin=subprocess.DEVNULL, stdout=subprocess.DEVNULL,
            stderr=subprocess.DEVNULL, **options))

    def end(self):
        for process in reversed(self.processes):  # PostgreSQL waits until pgbench has gone
            process.terminate()
            try:
                process.wait(seep_test.PATIENCE)
            except subprocess.TimeoutExpired:
                process.kill()
                process.wait()

    @property
    def main_pid(self):
        return self.processes[0].pid

    def target(self):
        return Target(tuple(self.traced_pids()), self.library)

    def traced_pids(self):
        return [self.main_pid]

    def answers(self):
        if self.processes[0].poll() is not None:
            raise AssertionError(f"{type(self).__name__} ended at its start")
        with contextlib.suppress(OSError), socket.create_connection(("127.0.0.1", self.port), 1):
            return True
        return False

    def work(self, seconds):
        cpu = self.cpu_seconds()
        requests, requests_per_second, p99_ms = self.load(seconds)
        return Load(requests_per_second, p99_ms, (self.cpu_seconds() - cpu) / requests)

    def cpu_seconds(self):
        """Of all threads that are traced, to the nanosecond."""
        files = [file for pid in self.traced_pids() for file in
                 glob.glob(f"/proc/{pid}/task/*/schedstat")]
        return sum(int(read(file).split()[0]) for file in files) / 1e9

    def prepare(self):
        """Once, before it is measured."""

    def command(self):
        raise NotImplementedError

    def load(self, seconds):
        """(requests, requests a second, 99th percentile of their latencies in ms)"""
        raise NotImplementedError


class Redis(Server):
    """SET and GET of 100 bytes from 20 connections"""
    needs = ("redis-server", "redis-benchmark")
    allocator = "libjemalloc.so.2"

    def command(self):
        return ["redis-server", "--port", str(self.port), "--bind", "127.0.0.1", "--save", "",
                "--appendonly", "no", "--dir", self.directory]

    def prepare(self):
        self.requests = 20_000  # of each kind; the benchmark takes a number, not a time
        self.requests = max(1_000, int(self.load(0)[1] / 2))

    def load(self, seconds):
        requests = max(1, int(self.requests * (seconds or 1)))
        lines = output("redis-benchmark", "-p", self.port, "-c", 20, "-n", requests, "-r", 10_000,
                       "-d", 100, "-t", "set,get", "--csv", "--precision", 3).splitlines()
        rows = [[field.strip('"') for field in line.split(",")] for line in lines]
        p99 = rows[0].index("p99_latency_ms")
        duration = sum(requests / float(row[1]) for row in rows[1:])
        return 2 * requests, 2 * requests / duration, max(float(row[p99]) for row in rows[1:])


class RedisOnGlibc(Redis):
    """The same with glibc's allocator, which BCC's memleak can trace"""
    allocator = "libc.so.6"

    def __init__(self, environment):
        preload = ":".join(filter(None, (environment.get("LD_PRELOAD"), "libc.so.6")))
        super().__init__({**environment, "LD_PRELOAD": preload})


class Nginx(Server):
    """A file of 4 KiB to 16 connections, from one worker"""
    needs = ("nginx", "wrk")

    def command(self):
        with open(f"{self.directory}/page.html", "w", encoding="ascii") as file:
            file.write("seep\n" * 819)
        path = f"{self.directory}/nginx.conf"
        kinds = ("client_body", "proxy", "fastcgi", "uwsgi", "scgi")
        temporary = "".join(f"  {kind}_temp_path {self.directory};\n" for kind in kinds)
        with open(path, "w", encoding="ascii") as file:
            file.write(f"daemon off;\nuser root;\nworker_processes 1;\npid {self.directory}/pid;\n"
                       f"error_log {self.directory}/error.log;\nevents {{}}\nhttp {{\n"
                       f"  access_log off;\n  keepalive_requests 1000000;\n{temporary}"
                       f"  server {{ listen 127.0.0.1:{self.port}; root {self.directory}; }}\n}}\n")
        return ["nginx", "-c", path, "-e", f"{self.directory}/error.log", "-p", self.directory]

    def traced_pids(self):
        return children(self.main_pid)

    def load(self, seconds):
        text = output("wrk", "--latency", "-t", 1, "-c", 16, "-d", f"{max(1, round(seconds))}s",
                      f"http://127.0.0.1:{self.port}/page.html")
        words = {line.split()[0]: line.split()[1] for line in text.splitlines() if line.split()}
        requests = next(int(line.split()[0]) for line in text.splitlines() if "requests in" in line)
        return requests, float(words["Requests/sec:"]), milliseconds(words["99%"])


class Postgres(Server):
    """Point queries of pgbench from two clients, each of which has a process of the server"""
    needs = ("pgbench",)
    user = "postgres"
    CLIENTS = 2
    LOGGED = 0.25

    def missing(self):
        return super().missing() or (None if self.programs() else "not installed: postgresql")

    def programs(self):
        return next(iter(sorted(glob.glob("/usr/lib/postgresql/*/bin"), reverse=True)), None)

    def command(self):
        shutil.chown(self.directory, self.user)
        subprocess.run([f"{self.programs()}/initdb", "-A", "trust", f"{self.directory}/data"],
                       user=self.user, cwd="/", stdout=subprocess.DEVNULL, check=True)
        return [f"{self.programs()}/postgres", "-D", f"{self.directory}/data", "-k", self.directory,
                "-c", "listen_addresses=", "-c", "fsync=off"]

    def answers(self):
        return os.path.exists(f"{self.directory}/.s.PGSQL.5432") and subprocess.run(
            [f"{self.programs()}/pg_isready", "-q", "-h", self.directory], check=False
        ).returncode == 0

    def prepare(self):
        connection = ["-h", self.directory, "-U", self.user, "postgres"]
        subprocess.run(["pgbench", "-i", "-q", "-s", "5", *connection], stderr=subprocess.DEVNULL,
                       stdout=subprocess.DEVNULL, check=True)
        # One run for all measurements, because each run has new processes of the server.
        self.run_along(["pgbench", "-n", "-S", "-T", "100000", "-c", str(self.CLIENTS), "-l",
                        f"--sampling-rate={self.LOGGED}", "--log-prefix", f"{self.directory}/log",
                        *connection])
        seep_test.eventually(lambda: len(self.traced_pids()) == self.CLIENTS, "pgbench connects")
        [self.log] = seep_test.eventually(lambda: glob.glob(f"{self.directory}/log*"), "its log")

    def traced_pids(self):
        return [pid for pid in children(self.main_pid)
                if b"postgres: postgres postgres" in read(f"/proc/{pid}/cmdline")]

    def load(self, seconds):
        """From the log, whose last lines are written late and belong to no measurement."""
        start = time.time()
        place = os.path.getsize(self.log)
        time.sleep(seconds)
        end = time.time()
        times = sorted(latency for finished, latency in self.logged(place)
                       if start <= finished < end)
        requests = len(times) / self.LOGGED
        return requests, requests / (end - start), times[int(0.99 * len(times))] / 1000

    def logged(self, place):
        """(when, microseconds) of transactions, from a place in the log until one past now."""
        now, rest = time.time(), b""
        with open(self.log, "rb") as file:
            file.seek(place)
            file.readline()  # the rest of a line
            while True:
                *lines, rest = (rest + file.read()).split(b"\n")
                for line in lines:
                    fields = line.split()
                    finished = int(fields[4]) + int(fields[5]) / 1e6
                    yield finished, int(fields[2])
                    if finished > now:
                        return
                time.sleep(0.02)


class Memcached(Server):
    """memcaslap's mixture, a SET in ten, from 16 connections; full, it allocates next to nothing"""
    needs = ("memcached", "memcaslap")

    def command(self):
        return ["memcached", "-u", "root", "-l", "127.0.0.1", "-p", str(self.port), "-t", "2",
                "-m", "16"]

    def load(self, seconds):
        text = output("memcaslap", "-s", f"127.0.0.1:{self.port}", "-T", 1, "-c", 16,
                      "-t", f"{max(1, round(seconds))}s")
        words = text[text.index("Run time:"):].split()
        return int(words[words.index("Ops:") + 1]), float(words[words.index("TPS:") + 1]), None


SERVERS = {"redis": Redis, "redis-glibc": RedisOnGlibc, "nginx": Nginx, "postgresql": Postgres,
           "memcached": Memcached}


def own_libraries():
    """For servers that run as another user, too."""
    directory = seep_test.own_library_path()
    os.chmod(directory, 0o755)
    if not os.path.exists(f"{directory}/libjemalloc.so.2"):
        if os.path.exists(f"{LIBRARIES}/libjemalloc.so.2"):
            shutil.copy(f"{LIBRARIES}/libjemalloc.so.2", directory)
    return directory


def free_port():
    with socket.create_server(("127.0.0.1", 0)) as server:
        return server.getsockname()[1]


def read(path):
    with open(path, "rb") as file:
        return file.read()


def children(pid):
    return [int(child) for child in read(f"/proc/{pid}/task/{pid}/children").split()]


def output(*command):
    return subprocess.run([*map(str, command)], stdin=subprocess.DEVNULL, stdout=subprocess.PIPE,
                          stderr=subprocess.PIPE, text=True, check=True).stdout


def milliseconds(text):
    """Of wrk's 950.00us, 1.20ms, 1.01s."""
    for unit, factor in (("us", 1e-3), ("ms", 1), ("s", 1e3)):
        if text.endswith(unit):
            return float(text[:-len(unit)]) * factor
    raise ValueError(text)
