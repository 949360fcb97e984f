# SPDX-License-Identifier: GPL-2.0-only
"""`record --push` delivers profiles to a server, however it behaves, and never waits for it."""

import base64
import email
import gzip
import http.server
import json
import os
import tempfile
import threading
import urllib.parse

import seep_test
from seep_test import Recording, Workload, eventually


class Server:
    """Keeps what it is sent; answers with `answers` one after the other, then with 200."""

    def __init__(self, *answers):
        self.requests = []
        self.answers = list(answers)
        outer = self

        class Handler(http.server.BaseHTTPRequestHandler):
            def do_POST(self):
                body = self.rfile.read(int(self.headers["Content-Length"]))
                status = outer.answers.pop(0) if outer.answers else 200
                outer.requests.append((status, self.path, self.headers, body))
                self.send_response(status)
                self.end_headers()
                self.wfile.write(b"never mind")

            def log_message(self, *_):
                pass

        self.http = http.server.ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        self.url = f"http://127.0.0.1:{self.http.server_port}"
        threading.Thread(target=self.http.serve_forever, daemon=True).start()

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self.http.shutdown()
        self.http.server_close()

    def delivered(self):
        return [request for request in self.requests if request[0] == 200]


def form_of(headers, body):
    message = email.message_from_bytes(
        b"Content-Type: " + headers["Content-Type"].encode() + b"\r\n\r\n" + body)
    return {part.get_param("name", header="content-disposition"): part.get_payload(decode=True)
            for part in message.get_payload()}


class Push(seep_test.SeepTestCase):
    def setUp(self):
        self.directory = tempfile.TemporaryDirectory(prefix="seep-test-")
        self.addCleanup(self.directory.cleanup)

    def file(self, name, text):
        path = os.path.join(self.directory.name, name)
        with open(path, "w", encoding="ascii") as file:
            file.write(text)
        return path

    def test_pyroscope_with_a_server_that_fails_at_first(self):
        headers = self.file("headers", "# comment\nAuthorization: Bearer sesame\n")
        with Server(503, 400) as server, Workload("memory_shapes", 2) as workload, \
                Recording(workload.pid, "--analyze-every", "300ms", "--push", server.url,
                          "--push-headers", headers, "--push-label", "env=test") as recording:
            workload.work()
            eventually(lambda: len(server.delivered()) >= 2, "two profiles")
            recording.stop()
            self.assertEqual([request[0] for request in server.requests[:2]], [503, 400])
            # What failed came again, what was refused did not.
            first, second, third = (form_of(*request[2:]) for request in server.requests[:3])
            self.assertEqual(first, second)
            self.assertNotEqual(second, third)
            until = 0
            for _, path, headers, body in server.delivered():
                url = urllib.parse.urlparse(path)
                self.assertEqual(url.path, "/ingest")
                query = dict(urllib.parse.parse_qsl(url.query))
                self.assertEqual(query["format"], "pprof")
                self.assertRegex(query["name"], r"^memory_shapes\{env=test,host=[^,]+\}$")
                self.assertLess(int(query["from"]), int(query["until"]))
                self.assertGreaterEqual(int(query["from"]), until)
                until = int(query["until"])
                self.assertEqual(headers["Authorization"], "Bearer sesame")
                form = form_of(headers, body)
                self.assertIn("inuse_space", json.loads(form["sample_type_config"]))
                self.assertIn(b"inuse_space", gzip.decompress(form["profile"]))

    def test_parca_gets_what_waited_in_the_spool_for_a_server(self):
        spool = os.path.join(self.directory.name, "spool")
        options = ("--analyze-every", "300ms", "--push-protocol", "parca", "--push-spool", spool,
                   "--push-name", "shop")
        with Workload("memory_shapes", 2) as workload:
            with Server() as gone:
                pass
            with Recording(workload.pid, "--push", gone.url, *options) as recording:
                eventually(lambda: len(os.listdir(spool)) >= 2, "profiles in the spool")
                recording.stop()
                self.assertIn("waits in the spool", recording.errors)
            waiting = len(os.listdir(spool))
            with Server() as server, \
                    Recording(workload.pid, "--push", server.url + "/parca/", *options) as recording:
                eventually(lambda: len(server.delivered()) > waiting, "all that waited, and more")
                recording.stop()
            self.assertEqual(os.listdir(spool), [])
        for _, path, headers, body in server.delivered():
            self.assertEqual(path, "/parca/profiles/writeraw")
            self.assertEqual(headers["Content-Type"], "application/json")
            series = json.loads(body)["series"][0]
            labels = {label["name"]: label["value"] for label in series["labels"]["labels"]}
            self.assertEqual((labels["__name__"], labels["job"]), ("memory", "shop"))
            profile = base64.b64decode(series["samples"][0]["raw_profile"], validate=True)
            self.assertIn(b"inuse_space", gzip.decompress(profile))

    def test_what_cannot_be_used_is_refused_before_tracing(self):
        empty = self.file("bad", "no header\n")
        with Workload("memory_shapes", 2) as workload:
            for options in (["--push", "ftp://host"], ["--push", "http://u:p@host"],
                            ["--push", "http://host", "--push-headers", empty],
                            ["--push", "http://host", "--push-label", "a=b,c"],
                            ["--push", "http://host", "--push-spool", "/no/such/place"],
                            ["--push", "http://host", "--push-protocol", "carrier-pigeon"]):
                self.assert_fails(2, "record", "-p", workload.pid, *options)
            self.assertEqual(seep_test.changed_text(workload.pid), [])


if __name__ == "__main__":
    seep_test.main()
