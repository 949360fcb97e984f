# SPDX-License-Identifier: GPL-2.0-only
"""The HTML report in a real browser: html_report_test.py [--screenshots DIRECTORY]

What it shows is held to `seep report --format json` of the same recording.
"""

import base64
import json
import os
import sys
import time
import unittest

from browser import Browser
from profiles import Recordings, need, seep

ROWS = """return [...document.querySelectorAll('.stacks > tbody > tr:not(.detail)')].map((row) =>
  [...row.cells].map((cell) => cell.querySelector('code, .badge')?.textContent ?? cell.textContent))"""
STATUS = "return document.querySelector('.controls output').textContent"
# Texts that are seen, with less contrast to what is behind them than WCAG 2.1 asks for (1.4.3).
LOW_CONTRAST = """
const channels = (color) => color.match(/[\\d.]+/g).map(Number);
const luminance = ([r, g, b]) => [r, g, b].map((value) => value / 255)
  .map((value) => (value <= 0.03928 ? value / 12.92 : ((value + 0.055) / 1.055) ** 2.4))
  .reduce((sum, value, i) => sum + value * [0.2126, 0.7152, 0.0722][i], 0);
const behind = (element) => {
  for (let at = element; at; at = at.parentElement) {
    const color = channels(getComputedStyle(at).backgroundColor);
    if (color.length === 3 || color[3] === 1) return color;
  }
  return matchMedia('(prefers-color-scheme: dark)').matches ? [18, 18, 18] : [255, 255, 255];
};
const low = [];
for (const element of document.body.querySelectorAll('*')) {
  const own = [...element.childNodes].some((node) => node.nodeType === 3 && node.data.trim());
  if (!own || element.closest('script, noscript') || element.getClientRects().length === 0) continue;
  const style = getComputedStyle(element);
  const color = channels(element.namespaceURI.endsWith('svg') ? style.fill : style.color);
  const [a, b] = [luminance(color), luminance(behind(element))].sort((x, y) => y - x);
  const contrast = (a + 0.05) / (b + 0.05);
  if (contrast < 4.5) low.push(`${element.textContent.slice(0, 40)}: ${contrast.toFixed(2)}`);
}
return low;
"""


class HtmlReport(unittest.TestCase):
    @classmethod
    def setUpClass(cls):
        cls.directory = Recordings()
        cls.browser = Browser()

    @classmethod
    def tearDownClass(cls):
        cls.browser.close()
        cls.directory.cleanup()

    def setUp(self):
        self.browser.window(1280, 900)
        self.browser.dark(False)

    def tearDown(self):
        self.assertEqual(self.browser.log(), [], "the console has messages")

    def path(self, name):
        return os.path.join(self.directory.name, name)

    def open(self, name, *options):
        page = self.path(name + ".html")
        seep("report", "--format", "html", "-o", page, *options, self.path(name + ".seep"))
        begun = time.monotonic()
        self.browser.open(page)
        return time.monotonic() - begun

    def json(self, name):
        return json.loads(seep("report", "--format", "json", self.path(name + ".seep")))

    def click(self, selector):
        self.browser.run("document.querySelector(arguments[0]).click()", selector)

    def rows(self):
        return self.browser.run(ROWS)

    def search(self, text):
        self.browser.run("document.querySelector('.controls input').focus()")
        self.browser.keys(*text)

    def test_needs_and_has_no_network(self):
        self.open("plain")
        self.assertEqual(self.browser.run("return performance.getEntriesByType('resource').length"), 0)
        answer = self.browser.run("""
            const blocked = [];
            document.addEventListener('securitypolicyviolation',
              (event) => blocked.push(event.effectiveDirective));
            const script = document.createElement('script');
            script.textContent = 'document.title = "ran"';
            document.body.append(script);
            const image = new Image();
            image.src = 'http://127.0.0.1:9/';
            return fetch('http://127.0.0.1:9/').then(() => 'answered', () => 'refused')
              .then((answer) => new Promise((done) => setTimeout(() =>
                done([answer, document.title === 'ran', ...blocked.sort()]), 300)));""")
        self.assertEqual(answer, ["refused", False, "connect-src", "img-src", "script-src-elem"])
        self.assertGreater(len(self.browser.log()), 0)  # of what was refused here, and nothing else

    def test_findings_come_first_and_lead_to_their_stacks(self):
        self.open("plain")
        self.assertEqual(self.browser.run("return document.querySelector('main > section').id"),
                         "findings")
        report = self.json("plain")
        shown = self.browser.run("return [...document.querySelectorAll('.findings li')]"
                                 ".map((item) => item.textContent)")
        self.assertEqual(len(shown), len(report["findings"]))
        self.assertGreater(len(shown), 0)
        for text, finding in zip(shown, report["findings"]):
            self.assertIn(finding["sentence"].replace("`", ""), text)
            self.assertTrue(text.startswith(finding["verdict"]))
        self.click(".findings button")
        self.assertEqual(len(self.rows()), len(report["findings"][0]["stacks"]))
        self.assertIn(report["stacks"][0]["reason"], self.browser.run(
            "return document.querySelector('tr.detail').textContent"))
        self.click(".only")
        self.assertEqual(len(self.rows()), len(report["stacks"]))

    def test_table_is_that_of_the_report(self):
        self.open("plain")
        report = self.json("plain")
        self.assertEqual([row[2] for row in self.rows()],
                         [stack["verdict"] for stack in report["stacks"]])
        self.assertEqual([row[5] for row in self.rows()],
                         [f"{stack['live_count']:,}" for stack in report["stacks"]])
        self.assertEqual(self.rows()[0][1], "Cache::insert(std::string const&)")

    def test_search_and_filter(self):
        self.open("plain")
        self.search("SERVER.cpp walk")  # case, and every word for itself
        self.assertEqual([row[0] for row in self.rows()], ["1"])
        self.assertEqual(self.browser.run(STATUS), "1 of 3 stacks")
        self.browser.keys("Escape")
        self.assertEqual(self.browser.run(STATUS), "3 stacks")
        self.search("no such function")
        self.assertEqual(self.rows(), [])
        self.browser.keys("Escape")
        self.browser.run("const select = document.querySelector('select');"
                         "select.value = 'steady'; select.dispatchEvent(new Event('change'))")
        self.assertEqual({row[2] for row in self.rows()}, {"steady"})

    def test_sorting(self):
        self.open("many")
        report = self.json("many")
        live = sorted((stack["live_count"] for stack in report["stacks"]), reverse=True)[:100]
        shown = lambda: [int(row[5].replace(",", "")) for row in self.rows()]
        self.click("thead th:nth-child(6) button")
        self.assertEqual(shown(), live)
        self.assertEqual(self.browser.run("return document.querySelector('th[aria-sort]')"
                                          ".getAttribute('aria-sort')"), "descending")
        self.click("thead th:nth-child(6) button")
        self.assertEqual(shown()[0], min(stack["live_count"] for stack in report["stacks"]))

    def test_keyboard(self):
        self.open("plain")
        self.browser.keys("/")
        self.assertEqual(self.browser.run("return document.activeElement.type"), "search")
        self.browser.run("document.querySelector('.stack button').focus()")
        expanded = "return document.activeElement.getAttribute('aria-expanded')"
        self.assertEqual(self.browser.run(expanded), "false")
        self.browser.keys("Enter")
        self.assertEqual(self.browser.run(expanded), "true")
        frames = self.browser.run("return [...document.querySelectorAll('tr.detail .frames code')]"
                                  ".map((code) => code.textContent)")
        self.assertEqual(frames, [frame["function"] for frame in self.json("plain")["stacks"][0]["frames"]])
        self.browser.keys("Enter")
        self.assertIsNone(self.browser.run("return document.querySelector('tr.detail')"))
        self.browser.run("document.querySelector('#memory .chart').focus()")
        self.browser.keys("Right")
        reading = "return document.querySelector('#memory .reading').textContent"
        self.assertRegex(self.browser.run(reading), r"^after 0 s: resident 1 MiB, ")
        self.browser.keys("Right")
        self.assertRegex(self.browser.run(reading), r"^after 10 s: resident 1.01 MiB, ")

    def test_flame_graphs(self):
        self.open("plain")
        root = """return [...document.querySelectorAll('iframe')].filter((box) => !box.hidden)
          .map((box) => box.contentDocument.querySelector('.labels text').textContent)"""
        wait = """return new Promise((done) => { const box =
          [...document.querySelectorAll('iframe')].find((each) => !each.hidden);
          const poll = () => (box.contentDocument?.querySelector('.toolbar input')
            ? done(true) : setTimeout(poll, 20)); poll(); })"""
        seen = []
        for label in (1, 2, 3):
            self.click(f".choice label:nth-of-type({label}) input")
            self.assertTrue(self.browser.run(wait))
            seen += self.browser.run(root)
        report = self.json("plain")
        self.assertEqual(seen[0], "all, 68.8 KiB in 1,100 blocks")
        self.assertIn(f"{report['process']['live_count']:,} blocks", seen[1])
        self.assertEqual(len(set(seen)), 3)

    def test_everything_has_a_name(self):
        self.open("plain")
        self.click(".stack button")
        nodes = self.browser.cdp("Accessibility.getFullAXTree")["nodes"]
        roles = {"button", "searchbox", "combobox", "radio", "image", "img", "link", "Iframe"}
        named = [(node["role"]["value"], node.get("name", {}).get("value", ""))
                 for node in nodes if not node["ignored"] and node["role"]["value"] in roles]
        self.assertGreater(len(named), 15)
        self.assertEqual([role for role, name in named if not name.strip()], [])
        alternative = next(name for role, name in named if name.startswith("Live bytes over time"))
        self.assertRegex(alternative, r"From 0 B to 68.8 KiB in 1 min 50 s; trend \+2.2 MiB/h")

    def test_contrast(self):
        for dark in (False, True):
            with self.subTest(dark=dark):
                self.browser.dark(dark)
                self.open("plain")
                self.browser.run("for (const button of document.querySelectorAll("
                                 "'.stack button')) button.click()")
                self.assertEqual(self.browser.run(LOW_CONTRAST), [])

    def test_narrow_window(self):
        self.browser.window(360, 800)
        self.open("plain")
        self.click(".stack button")
        self.assertLessEqual(self.browser.run("return document.documentElement.scrollWidth"), 360)

    def test_an_open_stack_fits_its_card(self):
        for width in (360, 760, 800, 1000, 1300):
            with self.subTest(width=width):
                self.browser.window(width, 800)
                self.open("plain")
                self.click(".stack button")
                overhang = ("const inside = document.querySelector('.detail > td > div');"
                            "const seen = document.querySelector('#stacks .scroll');"
                            "return inside.getBoundingClientRect().right -"
                            " seen.getBoundingClientRect().right")
                self.assertLessEqual(self.browser.run(overhang), 0)

    def test_prints(self):
        self.open("plain")
        self.click(".stack button")
        pdf = base64.b64decode(self.browser.cdp("Page.printToPDF", printBackground=True)["data"])
        self.assertTrue(pdf.startswith(b"%PDF"))

    def test_ten_thousand_stacks(self):
        few = min(self.open("plain") for _ in range(3))
        many = min(self.open("many") for _ in range(2))
        self.assertEqual(self.browser.run(STATUS), "10,000 stacks")
        self.assertEqual(len(self.rows()), 100)
        self.assertLess(many, max(30 * few, 1))  # 6 times as long on an idle machine
        self.click(".more")
        self.assertEqual(len(self.rows()), 200)
        self.search("function_77(int) file_77")
        found = len([stack for stack in self.json("many")["stacks"] if any(
            frame["function"] == "function_77(int)" for frame in stack["frames"])])
        self.assertGreater(found, 0)
        self.assertEqual(self.browser.run(STATUS), f"{found:,} of 10,000 stacks")

    def test_top(self):
        self.open("many", "--top", "7")
        self.assertEqual(len(self.rows()), 7)
        self.assertIn("(10,000 were recorded)", self.browser.run(STATUS))


def take_screenshots(directory):
    with Recordings() as recordings, Browser() as browser:
        page = os.path.join(recordings, "plain.html")
        seep("report", "--format", "html", "-o", page, os.path.join(recordings, "plain.seep"))
        for dark in (False, True):
            browser.dark(dark)
            browser.window(1280, 900)
            browser.open(page)
            browser.screenshot(os.path.join(directory, f"report{'-dark' * dark}.png"))


if __name__ == "__main__":
    need("chromedriver", "chromium")
    if sys.argv[1:2] == ["--screenshots"]:
        take_screenshots(sys.argv[2])
    else:
        unittest.main()
