# SPDX-License-Identifier: GPL-2.0-only
"""`seep pprof` on a recording whose figures are known, decoded by protoc."""

import json
import os
import unittest

from profiles import Profile, Recordings, need, seep

INLINED = [("Cache::insert(std::string const&)", "/src/cache.cpp", 42),
           ("serve(Request&)", "/src/server.cpp", 107)]
WALK = [("walk", "/src/server.cpp", 7)]
MAIN = [("main", "/src/main.cpp", 9)]
MALLOC = [("malloc", "", 0)]


class Pprof(unittest.TestCase):
    @classmethod
    def setUpClass(cls):
        cls.directory = Recordings()
        cls.file = os.path.join(cls.directory.name, "plain.seep")
        cls.profile = Profile(seep("pprof", cls.file, "-o", "-"))

    @classmethod
    def tearDownClass(cls):
        cls.directory.cleanup()

    def test_types(self):
        self.assertEqual(self.profile.types,
                         ["alloc_objects/count", "alloc_space/bytes", "inuse_objects/count",
                          "inuse_space/bytes", "growth_space/bytes"])
        self.assertEqual(self.profile.strings[self.profile.raw["default_sample_type"][0]],
                         "inuse_space")
        self.assertEqual(self.profile.strings[0], "")
        self.assertEqual((self.profile.period_type, self.profile.raw["period"]),
                         ("space/bytes", [1]))

    def test_samples(self):
        by_frames = {str(each["frames"]): each["values"] for each in self.profile.samples}
        self.assertEqual(by_frames, {
            str([MALLOC, INLINED, WALK, WALK, MAIN]): {
                "alloc_objects": 2200, "alloc_space": 2200 * 64, "inuse_objects": 1100,
                "inuse_space": 1100 * 64, "growth_space": 1100 * 64},
            str([MALLOC, 0xbeee, MAIN]): {
                "alloc_objects": 5, "alloc_space": 5000, "inuse_objects": 5, "inuse_space": 5000,
                "growth_space": 0},
            str([MALLOC, [("[unknown+0x7f0000001000]", "", 0)], [("[truncated]", "", 0)]]): {
                "alloc_objects": 84, "alloc_space": 84 * 16, "inuse_objects": 7,
                "inuse_space": 7 * 16, "growth_space": 0}})

    def test_labels(self):
        for sample in self.profile.samples:
            labels = sample["labels"]
            self.assertEqual((labels["kind"], labels["process"], labels["pid"]),
                             ("heap", "/usr/bin/server", 4242))
            self.assertRegex(labels["stack"], "^[0-9a-f]{16}$")
        report = json.loads(seep("report", self.file, "--format", "json"))
        self.assertEqual({each["labels"]["stack"]: each["labels"]["verdict"]
                          for each in self.profile.samples},
                         {stack["id"]: stack["verdict"] for stack in report["stacks"]})

    def test_mappings(self):
        # The program first; what has no symbols says so, that they may be looked for.
        self.assertEqual(self.profile.mapping_names(),
                         [("/usr/bin/server", "5e4fe4"), ("/usr/lib/libc.so.6", "c0ffee"),
                          ("/usr/lib/libother.so", "07e4")])
        flags = [[bool(each.get(name, [False])[0]) for name in
                  ("has_functions", "has_filenames", "has_line_numbers", "has_inline_frames")]
                 for each in self.profile.raw["mapping"]]
        self.assertEqual(flags, [[True, True, True, True], [True, False, False, False],
                                 [False, False, False, False]])

    def test_window_and_comments(self):
        self.assertEqual(self.profile.raw["time_nanos"], [1795197600 * 10**9])
        self.assertEqual(self.profile.raw["duration_nanos"], [110 * 10**9])
        self.assertIn("losses: 33 unmatched_frees", self.profile.comments)
        part = Profile(seep("pprof", self.file, "--window", "50s:", "-o", "-"))
        self.assertEqual(part.raw["duration_nanos"], [60 * 10**9])
        self.assertEqual(sum(each["values"]["growth_space"] for each in part.samples), 600 * 64)
        self.assertIn("window: 1m from 2026-11-20T18:00:50.000Z, 7 snapshots", part.comments)


if __name__ == "__main__":
    need("protoc")
    unittest.main()
