# SPDX-License-Identifier: GPL-2.0-only
"""What `cmake --install` puts where, and that the installed unit is one that systemd accepts."""

import os
import re
import shutil
import subprocess
import tempfile
import unittest

import yaml

BUILD = os.environ["SEEP_BUILD"]

INSTALLED = [
    "bin/seep",
    "share/man/man1/seep.1.gz",
    "share/man/man1/seep-record.1.gz",
    "share/bash-completion/completions/seep",
    "share/zsh/vendor-completions/_seep",
    "share/fish/vendor_completions.d/seep.fish",
    "share/seep/grafana/seep-dashboard.json",
    "share/seep/prometheus/seep-alerts.yml",
    "share/seep/scripts/leak-flamegraph.sh",
    "share/doc/seep/README.md",
    "share/doc/seep/kubernetes/seep-daemonset.yaml",
    "lib/systemd/system/seep@.service",
]


class Install(unittest.TestCase):
    @classmethod
    def setUpClass(cls):
        cls.directory = tempfile.TemporaryDirectory(prefix="seep-install-")
        cls.prefix = os.path.join(cls.directory.name, "usr")
        subprocess.run(["cmake", "--install", BUILD, "--prefix", cls.prefix, "--component", "seep"],
                       stdout=subprocess.DEVNULL, check=True)

    @classmethod
    def tearDownClass(cls):
        cls.directory.cleanup()

    def path(self, name):
        return os.path.join(self.prefix, name)

    def test_the_daemonset_asks_for_what_the_unit_asks_for(self):
        with open(self.path("share/doc/seep/kubernetes/seep-daemonset.yaml"),
                  encoding="utf-8") as file:
            manifests = {manifest["kind"]: manifest for manifest in yaml.safe_load_all(file)}
        daemons = manifests["DaemonSet"]["spec"]
        pod = daemons["template"]
        self.assertEqual(daemons["selector"]["matchLabels"], pod["metadata"]["labels"])
        [container] = pod["spec"]["containers"]
        security = container["securityContext"]
        self.assertEqual(security["capabilities"]["drop"], ["ALL"])
        self.assertFalse(security["privileged"])
        with open(self.path("lib/systemd/system/seep@.service"), encoding="utf-8") as unit:
            [bounds] = [line.split("=")[1].split() for line in unit
                        if line.startswith("CapabilityBoundingSet=")]
        self.assertEqual({f"CAP_{name}" for name in security["capabilities"]["add"]}, set(bounds))
        volumes = {volume["name"] for volume in pod["spec"]["volumes"]}
        self.assertEqual(volumes, {mount["name"] for mount in container["volumeMounts"]})
        self.assertEqual(container["command"][:2], ["/bin/sh", "-c"])
        subprocess.run(["sh", "-n", "-c", container["command"][2]], check=True)

    def test_places(self):
        for name in INSTALLED:
            self.assertTrue(os.path.getsize(self.path(name)) > 0, name)
        with open(self.path("share/doc/seep/README.md"), encoding="utf-8") as readme:
            scripts = re.findall(r"^\| `scripts/([a-z-]+\.sh)", readme.read(), re.MULTILINE)
        self.assertIn("triage.sh", scripts)
        for script in scripts:
            self.assertTrue(os.access(self.path(f"share/seep/scripts/{script}"), os.X_OK), script)

    def test_the_program_and_its_scripts_run_from_there(self):
        for program in ("bin/seep", "share/seep/scripts/leak-flamegraph.sh"):
            done = subprocess.run([self.path(program), "--help"], capture_output=True, text=True,
                                  check=False)
            self.assertEqual((done.returncode, done.stderr), (0, ""), program)

    @unittest.skipUnless(shutil.which("systemd-analyze"), "no systemd-analyze")
    def test_unit(self):
        # Verified under a name of its own, with a program that is there.
        with open(self.path("lib/systemd/system/seep@.service"), encoding="ascii") as file:
            unit = file.read()
        path = os.path.join(self.directory.name, "seep@1.service")
        with open(path, "w", encoding="ascii") as file:
            file.write(unit)
        done = subprocess.run(["systemd-analyze", "verify", "--man=no", path], capture_output=True,
                              text=True, check=False)
        self.assertEqual((done.returncode, done.stderr), (0, ""))
        # Of 100: 96 is a service without any of these settings.
        done = subprocess.run(["systemd-analyze", "security", "--offline=true", "--threshold=30",
                               path], capture_output=True, text=True, check=False)
        self.assertEqual(done.returncode, 0, done.stdout[-400:])


if __name__ == "__main__":
    unittest.main()
