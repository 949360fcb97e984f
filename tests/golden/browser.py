# SPDX-License-Identifier: GPL-2.0-only
"""A headless Chromium, driven through chromedriver's HTTP interface (W3C WebDriver)."""

import base64
import json
import re
import shutil
import subprocess
import tempfile
import urllib.request

FLAGS = [
    "--headless=new", "--no-sandbox", "--disable-gpu", "--no-first-run", "--disable-sync",
    "--disable-background-networking", "--disable-component-update", "--disable-dev-shm-usage",
    "--force-device-scale-factor=1", "--hide-scrollbars",
]
KEYS = {"Tab": "\ue004", "Enter": "\ue007", "Escape": "\ue00c", "Left": "\ue012", "Up": "\ue013",
        "Right": "\ue014", "Down": "\ue015", "Home": "\ue011", "Control": "\ue009"}


class Browser:
    """Use as a context manager: both processes and the profile are gone at its end."""

    def __init__(self):
        self.profile = tempfile.mkdtemp(prefix="seep-browser-")
        self.driver = subprocess.Popen(["chromedriver", "--port=0"], stdout=subprocess.PIPE,
                                       stderr=subprocess.DEVNULL, text=True)
        self.session = None
        try:
            self.address = self._address()
            flags = FLAGS + [f"--user-data-dir={self.profile}"]
            answer = self._call("POST", "/session", {"capabilities": {"alwaysMatch": {
                "goog:chromeOptions": {"args": flags},
                "goog:loggingPrefs": {"browser": "ALL"}}}})
            self.session = "/session/" + answer["sessionId"]
        except BaseException:
            self.close()
            raise

    def _address(self):
        for line in self.driver.stdout:
            found = re.search(r"started successfully on port (\d+)", line)
            if found:
                return "http://127.0.0.1:" + found.group(1)
        raise RuntimeError("chromedriver did not start")

    def _call(self, method, path, body=None):
        request = urllib.request.Request(self.address + path, method=method,
                                         data=None if body is None else json.dumps(body).encode(),
                                         headers={"Content-Type": "application/json"})
        try:
            with urllib.request.urlopen(request, timeout=120) as answer:
                return json.load(answer)["value"]
        except urllib.error.HTTPError as error:
            raise RuntimeError(json.load(error)["value"]["message"]) from None

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self.close()

    def close(self):
        if self.session:
            self._call("DELETE", self.session)
            self.session = None
        self.driver.terminate()
        self.driver.wait()
        self.driver.stdout.close()
        shutil.rmtree(self.profile, ignore_errors=True)

    def open(self, path):
        self._call("POST", self.session + "/url", {"url": f"file://{path}"})

    def run(self, script, *args):
        """What `script` returns; it sees `args` as `arguments`."""
        return self._call("POST", self.session + "/execute/sync",
                          {"script": script, "args": list(args)})

    def cdp(self, command, **params):
        return self._call("POST", self.session + "/goog/cdp/execute",
                          {"cmd": command, "params": params})

    def log(self):
        """Console messages since the last call."""
        return self._call("POST", self.session + "/se/log", {"type": "browser"})

    def keys(self, *keys, hold=None):
        """Presses keys one after the other: names of KEYS or single characters."""
        actions = [{"type": "keyDown", "value": KEYS[hold]}] if hold else []
        for key in keys:
            value = KEYS.get(key, key)
            actions += [{"type": "keyDown", "value": value}, {"type": "keyUp", "value": value}]
        if hold:
            actions.append({"type": "keyUp", "value": KEYS[hold]})
        self._call("POST", self.session + "/actions",
                   {"actions": [{"type": "key", "id": "keyboard", "actions": actions}]})

    def mouse(self, x, y, click=False):
        actions = [{"type": "pointerMove", "duration": 0, "x": round(x), "y": round(y)}]
        if click:
            actions += [{"type": "pointerDown", "button": 0}, {"type": "pointerUp", "button": 0}]
        self._call("POST", self.session + "/actions",
                   {"actions": [{"type": "pointer", "id": "mouse", "actions": actions}]})

    def window(self, width, height):
        """The size of the page itself, without the window's frame."""
        self.cdp("Emulation.setDeviceMetricsOverride", width=width, height=height,
                 deviceScaleFactor=1, mobile=False)
        self.run("return new Promise((done) => requestAnimationFrame(() =>"
                 " requestAnimationFrame(done)))")

    def dark(self, on):
        self.cdp("Emulation.setEmulatedMedia", features=[
            {"name": "prefers-color-scheme", "value": "dark" if on else "light"}])

    def screenshot(self, path):
        with open(path, "wb") as file:
            file.write(base64.b64decode(self._call("GET", self.session + "/screenshot")))
