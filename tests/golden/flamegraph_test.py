# SPDX-License-Identifier: GPL-2.0-only
"""Flame graphs in a real browser: flamegraph_test.py FLAMEGRAPH_CASES [--screenshots DIRECTORY]

FLAMEGRAPH_CASES writes the graphs; server() in flamegraph_cases.cpp has the shares that are
expected here.
"""

import os
import shutil
import subprocess
import sys
import tempfile
import time
import unittest
import xml.etree.ElementTree as ElementTree

from browser import Browser

SVG = "{http://www.w3.org/2000/svg}"
CASES = ["server", "count", "difference", "hostile", "one", "empty", "medium", "many"]

# What is drawn, as the page has it: [name on the label or "", x, y, width] of each shown frame.
SHOWN = """
const labels = new Map([...document.querySelectorAll('.labels > text')].map((text) =>
  [`${Number(text.getAttribute('x')).toFixed(1)} ${text.getAttribute('y')}`, text.textContent]));
return [...document.querySelectorAll('.frames > rect')]
  .filter((rect) => rect.style.display !== 'none')
  .map((rect) => {
    const [x, y, width] = ['x', 'y', 'width'].map((name) => Number(rect.getAttribute(name)));
    return [labels.get(`${(x + 5).toFixed(1)} ${y + 13}`) ?? '', x, y, width];
  });
"""
TIP = """
const tip = document.querySelector('.tip');
return tip.parentNode.style.display === 'none' ? null
  : [...tip.children].map((line) => line.textContent);
"""
STATUS = "return document.querySelector('.toolbar output').textContent"
FOCUS = "return document.activeElement.getAttribute('aria-label')"


def check_geometry(test, frames):
    """`frames`: (x, y, width). Every frame lies within one of the row above; siblings do not
    overlap, and together are not wider than what they hang from."""
    rows = {}
    for x, y, width in frames:
        rows.setdefault(y, []).append((x, width))
    above = None
    for y in sorted(rows):
        row = sorted(rows[y])
        for (x, width), (following, _) in zip(row, row[1:]):
            test.assertLessEqual(x + width, following + 1e-3)
        if above is not None:
            parent = 0
            for x, width in row:
                while above[parent][0] + above[parent][1] < x + width - 1e-3:
                    parent += 1
                    test.assertLess(parent, len(above), f"a frame of row {y} has no parent")
                test.assertGreaterEqual(x, above[parent][0] - 1e-3)
        above = row


class FlameGraph(unittest.TestCase):
    @classmethod
    def setUpClass(cls):
        cls.browser = Browser()

    @classmethod
    def tearDownClass(cls):
        cls.browser.close()

    def setUp(self):
        self.browser.window(1224, 900)
        self.browser.dark(False)
        self.browser.mouse(1, 1)

    def tearDown(self):
        self.assertEqual(self.browser.log(), [], "the console has messages")

    def open(self, case):
        self.browser.open(os.path.join(DIRECTORY, case + ".svg"))

    def shown(self):
        return self.browser.run(SHOWN)

    def frame(self, label):
        """x, y, width of the first shown frame with this label."""
        return next(frame[1:] for frame in self.shown() if frame[0] == label)

    def point_at(self, label, click=False):
        x, y, width = self.frame(label)
        self.browser.mouse(x + width / 2, y + 9, click)

    def labels(self):
        return [frame[0] for frame in self.shown() if frame[0]]

    def test_static_drawing_is_complete(self):
        """What an image viewer shows: the file as it is, no script run."""
        for case in CASES:
            with self.subTest(case):
                root = ElementTree.parse(os.path.join(DIRECTORY, case + ".svg")).getroot()
                group = root.find(f"{SVG}g[@class='frames']")
                frames = [tuple(float(rect.get(name)) for name in ("x", "y", "width"))
                          for rect in group]
                self.assertEqual(frames[0][0::2], (12.0, 1176.0))
                check_geometry(self, frames)
                height = float(root.get("height"))
                self.assertLess(max(y for _, y, _ in frames) + 18, height)
                self.assertNotIn("http", ElementTree.tostring(root, encoding="unicode").replace(
                    "http://www.w3.org/", ""))

    def test_script_draws_what_the_file_shows(self):
        root = ElementTree.parse(os.path.join(DIRECTORY, "server.svg")).getroot()
        static = [[float(rect.get(name)) for name in ("x", "y", "width")]
                  for rect in root.find(f"{SVG}g[@class='frames']")]
        texts = [text.text for text in root.find(f"{SVG}g[@class='labels']")]
        self.browser.window(1200, 900)
        self.open("server")
        self.assertEqual(self.browser.run("return innerWidth"), 1200)
        for before, after in zip(static, self.shown(), strict=True):
            for expected, actual in zip(before, after[1:]):
                self.assertAlmostEqual(expected, actual, delta=1e-3)
        self.assertEqual(texts, self.labels())

    def test_widths_are_shares(self):
        self.open("server")
        for label, share in [("main", 0.95), ("serve()", 0.80), ("load_config", 0.15),
                             ("Cache::insert(std::string const&)", 0.40), ("Cache::grow()", 0.10)]:
            self.assertAlmostEqual(self.frame(label)[2], 1200 * share, delta=0.01, msg=label)

    def test_follows_the_width_of_the_window(self):
        for width in (480, 1900):
            self.browser.window(width, 900)
            self.open("server")
            self.assertAlmostEqual(self.shown()[0][3], width - 24, delta=0.01)
            check_geometry(self, [frame[1:] for frame in self.shown()])
            self.assertLessEqual(self.browser.run("return document.documentElement.scrollWidth"),
                                 width)
        self.browser.window(1000, 900)
        self.assertAlmostEqual(self.shown()[0][3], 1000 - 24, delta=0.01)

    def test_click_zooms_and_escape_resets(self):
        self.open("server")
        everything = self.shown()
        self.point_at("load_config", click=True)
        self.assertEqual(self.labels(), ["all, 97.7 KiB in 1,000 blocks", "main", "load_config",
                                         "yaml_parse", "yaml_parse", "realloc"])
        self.assertEqual({frame[3] for frame in self.shown()}, {1200})
        self.point_at("main", click=True)
        self.assertIn("serve()", self.labels())
        self.assertAlmostEqual(self.frame("serve()")[2], 1200 * 80 / 95, delta=0.01)
        check_geometry(self, [frame[1:] for frame in self.shown()])
        self.browser.keys("Escape")
        self.assertEqual(self.shown(), everything)

    def test_button_resets(self):
        self.open("server")
        everything = self.shown()
        disabled = "return document.querySelector('button').disabled"
        self.assertTrue(self.browser.run(disabled))
        self.point_at("load_config", click=True)
        self.assertFalse(self.browser.run(disabled))
        self.browser.run("document.querySelector('button').click()")
        self.assertEqual(self.shown(), everything)

    def test_tooltip(self):
        self.open("server")
        self.assertIsNone(self.browser.run(TIP))
        self.point_at("Cache::insert(std::string const&)")
        self.assertEqual(self.browser.run(TIP), ["Cache::insert(std::string const&)",
                                                 "39.1 KiB (40,000 bytes) in 400 blocks",
                                                 "40 % of all, 50 % of its caller"])
        self.browser.mouse(2, 800)
        self.assertIsNone(self.browser.run(TIP))

    def test_tooltip_stays_in_the_window(self):
        self.browser.window(700, 300)
        self.open("server")
        for label in ("malloc", "realloc", "load_config"):
            self.point_at(label)
            box = self.browser.run("const box = document.querySelector('.tip')"
                                   ".getBoundingClientRect();"
                                   "return [box.left, box.top, box.right, box.bottom]")
            self.assertGreaterEqual(min(box[:2]), 0, label)
            self.assertLessEqual(box[2], 700, label)
            self.assertLessEqual(box[3], 300, label)

    def test_tooltip_of_blocks(self):
        self.open("count")
        self.point_at("main")
        self.assertEqual(self.browser.run(TIP)[1], "95,000 blocks")

    def test_difference(self):
        self.open("difference")
        self.point_at("parse(Request const&)")
        self.assertEqual(self.browser.run(TIP)[3],
                         "+29.3 KiB (30,000 bytes) against the base, 300 %")
        self.point_at("Cache::insert(std::string const&)")
        self.assertEqual(self.browser.run(TIP)[3],
                         "-14.6 KiB (-15,000 bytes) against the base, -27.3 %")
        self.point_at("malloc")
        colors = self.browser.run("return [...document.querySelectorAll('.frames > rect')]"
                                  ".map((rect) => rect.getAttribute('class').split(' ')[0])")
        self.assertEqual(colors[0], "grew4")
        self.assertEqual(set(color.rstrip("1234") for color in colors),
                         {"grew", "same", "shrank"})

    def test_search_counts_each_stack_once(self):
        self.open("server")
        for pattern, status in [
                ("yaml", "15 % matched, 2 frames"),            # Nested: once.
                ("^malloc$", "75 % matched, 3 frames"),
                ("serve|parse|malloc", "100 % matched, 8 frames"),
                ("Malloc", "0 % matched, 0 frames"),           # A capital: case matters.
                ("CACHE", "0 % matched, 0 frames"),
                ("cache", "40 % matched, 2 frames"),
                ("(", "not a regular expression"),
                ("", "")]:
            self.browser.keys("Escape", "/")
            self.browser.keys(*pattern)
            self.assertEqual(self.browser.run(STATUS), status, pattern)
        self.browser.keys("Escape", "/", *"yaml")
        self.assertEqual(self.browser.run("return document.querySelectorAll("
                                          "'.frames .match').length"), 2)
        self.browser.keys("Escape")
        self.assertEqual(self.browser.run("return document.querySelectorAll('.match').length"), 0)
        self.assertEqual(self.browser.run("return document.querySelector('input').value"), "")

    def test_control_f_searches(self):
        self.open("server")
        self.browser.keys("f", hold="Control")
        self.browser.keys(*"load")
        self.assertEqual(self.browser.run(STATUS), "15 % matched, 1 frames")

    def test_keyboard_moves_and_zooms(self):
        self.open("server")
        self.browser.keys("Tab")
        self.assertEqual(self.browser.run("return document.activeElement.localName"), "input")
        self.browser.keys("Tab")  # Reset is disabled: nothing to reset.
        self.assertTrue(self.browser.run(FOCUS).startswith("all, 97.7 KiB"))
        self.browser.keys("Tab")
        self.assertTrue(self.browser.run(FOCUS).startswith("main, 92.8 KiB (95,000 bytes)"))
        self.assertEqual(self.browser.run(TIP)[0], "main")
        for key, name in [("Right", "[truncated]"), ("Left", "main"), ("Down", "serve()"),
                          ("Right", "load_config"), ("Up", "main"), ("Up", "all"),
                          ("Up", "all"), ("Down", "main"), ("Home", "all"), ("Down", "main"),
                          ("Down", "serve()"), ("Right", "load_config")]:
            self.browser.keys(key)
            self.assertTrue(self.browser.run(FOCUS).startswith(name), (key, name))
        self.browser.keys("Enter")
        self.assertEqual(self.labels()[2:], ["load_config", "yaml_parse", "yaml_parse", "realloc"])
        self.browser.keys("Up", "Up", "Enter")
        self.assertIn("serve()", self.labels())

    def test_roles(self):
        self.open("server")
        roles = self.browser.run("return [...document.querySelectorAll('.frames, .frames > *')]"
                                 ".map((node) => node.getAttribute('role'))")
        self.assertEqual(roles, ["tree"] + ["treeitem"] * (len(roles) - 1))

    def test_contrast_in_both_schemes(self):
        """WCAG AA, 4.5, of every label on its frame; a frame may be translucent over the page."""
        script = """
        const channels = (color) => color.match(/[\\d.]+/g).slice(0, 3).map(Number);
        const page = channels(getComputedStyle(document.querySelector('.page')).fill);
        const luminance = (rgb) => rgb.map((c) => c / 255)
          .map((c) => c <= 0.04045 ? c / 12.92 : ((c + 0.055) / 1.055) ** 2.4)
          .reduce((sum, c, i) => sum + c * [0.2126, 0.7152, 0.0722][i], 0);
        const text = luminance(channels(getComputedStyle(
          document.querySelector('.labels text')).fill));
        return Math.min(...[...document.querySelectorAll('.frames rect')].map((rect) => {
          const style = getComputedStyle(rect);
          const back = luminance(channels(style.fill).map((c, i) =>
            c * style.fillOpacity + page[i] * (1 - style.fillOpacity)));
          return (Math.max(text, back) + 0.05) / (Math.min(text, back) + 0.05);
        }));
        """
        pages = set()
        for dark in (False, True):
            self.browser.dark(dark)
            for case in ("medium", "server", "difference", "many"):
                self.open(case)
                self.assertGreater(self.browser.run(script), 4.5, (case, dark))
            pages.add(self.browser.run(
                "return getComputedStyle(document.querySelector('.page')).fill"))
        self.assertEqual(len(pages), 2)

    def test_hostile_names_are_text(self):
        self.open("hostile")
        title = self.browser.run("return document.title")
        self.assertEqual(title, "</title><script>document.title='hacked'</script>]]>?")
        for label, name in [("<script>document.title='hacked'</script>",) * 2,
                            ("AAAAAAAAAA..", "A" * 1021 + "..."),
                            ("admin?txt...", "admin?txt.exe?")]:
            actual = next((text for text in self.labels() if text[:5] == label[:5]), None)
            self.assertIsNotNone(actual, label)
            self.point_at(actual)
            self.assertEqual(self.browser.run(TIP)[0], name)
        self.browser.keys("/", *"script")
        self.assertEqual(self.browser.run(STATUS), "54.5 % matched, 3 frames")
        self.assertEqual(self.browser.run("return document.querySelectorAll('script').length"), 2)
        self.assertEqual(self.browser.run("return document.title"), title)

    def test_labels_fit_their_frames(self):
        overflow = """
        const rects = [...document.querySelectorAll('.frames > rect')];
        return [...document.querySelectorAll('.labels > text')].filter((text) => {
          const box = text.getBBox();
          const middle = Number(text.getAttribute('y')) - 5;
          return !rects.some((rect) => {
            const frame = rect.getBBox();
            return frame.y <= middle && middle <= frame.y + frame.height &&
              frame.x <= box.x && box.x + box.width <= frame.x + frame.width + 0.5;
          });
        }).map((text) => text.textContent);
        """
        for case in ("server", "hostile", "medium"):
            self.open(case)
            self.assertEqual(self.browser.run(overflow), [], case)

    def test_one_stack_of_a_number_that_a_double_cannot_hold(self):
        self.open("one")
        self.point_at("main")
        self.assertEqual(self.browser.run(TIP)[1], "8 PiB (9,007,199,254,740,993 bytes) in 1 blocks")

    def test_nothing_to_show(self):
        self.open("empty")
        self.assertEqual(self.labels(), ["nothing to show"])
        self.browser.keys("/", "x", "Escape", "Down", "Enter", "Escape")

    def test_a_hundred_thousand_stacks(self):
        self.assertLess(os.path.getsize(os.path.join(DIRECTORY, "many.svg")), 4_000_000)
        begun = time.monotonic()
        self.open("many")
        self.assertLess(time.monotonic() - begun, 4)  # Half a second on an idle machine.
        frames = [frame[1:] for frame in self.shown()]
        check_geometry(self, frames)
        # All stacks go through main, and none ends there: its callees fill it.
        row = sorted({y for _, y, _ in frames})[3]
        self.assertAlmostEqual(sum(width for _, y, width in frames if y == row), 1200, delta=0.1)
        self.browser.keys("/", *"leaf_0$")
        self.assertRegex(self.browser.run(STATUS), r"^at least 8\.\d+ % matched, 1 frames$")
        merged = self.browser.run("""
            const rect = document.querySelector('.frames > .merged');
            rect.setAttribute('tabindex', '0');
            rect.focus();
            return rect.getAttribute('aria-label');""")
        self.assertRegex(merged, r"^[\d,]+ more, .* bytes\) in [\d,]+ blocks, "
                                 r"[\d,]+ frames that are too narrow to draw, ")


def take_screenshots(directory):
    with Browser() as browser:
        browser.window(1224, 700)
        for dark in (False, True):
            browser.dark(dark)
            for case in CASES:
                browser.open(os.path.join(DIRECTORY, case + ".svg"))
                browser.screenshot(os.path.join(directory, f"{case}{'-dark' * dark}.png"))


if __name__ == "__main__":
    if not (shutil.which("chromedriver") and shutil.which("chromium")):
        print("SKIPPED: no chromium or chromedriver (packages chromium, chromium-driver)")
        sys.exit(1 if os.environ.get("CI") == "true" else 77)
    with tempfile.TemporaryDirectory() as DIRECTORY:
        subprocess.run([sys.argv[1], DIRECTORY], check=True)
        if sys.argv[2:3] == ["--screenshots"]:
            take_screenshots(sys.argv[3])
        else:
            unittest.main(argv=sys.argv[:1])
