# SPDX-License-Identifier: GPL-2.0-only
"""Recordings to read, and profiles as protoc decodes them."""

import gzip
import os
import re
import shutil
import subprocess
import sys
import tempfile

SEEP = os.environ["SEEP"]
HERE = os.path.dirname(os.path.abspath(__file__))


def need(*programs):
    """Ends the test as skipped, and says why, unless all of them are there."""
    for program in programs:
        if shutil.which(program) is None:
            print(f"skipped: no {program}; scripts/install-deps.sh installs it")
            sys.exit(77)


class Recordings(tempfile.TemporaryDirectory):
    """A directory with what recordings.cpp writes; `with Recordings() as path`."""

    def __init__(self):
        super().__init__(prefix="seep-golden-")
        subprocess.run([os.environ["SEEP_GOLDEN_RECORDINGS"], self.name], check=True)


def seep(*arguments):
    """What the command writes to standard output, as bytes."""
    done = subprocess.run([SEEP, *arguments], capture_output=True, check=False)
    if done.returncode != 0:
        raise AssertionError(f"seep {arguments}: {done.returncode}: {done.stderr}")
    return done.stdout


def _parse(lines):
    """protoc's text format -> {name: [values]}; a value is a number, a text or such a message."""
    message = {}
    for line in lines:
        line = line.strip()
        if line == "}":
            break
        if line.endswith(" {"):
            message.setdefault(line[:-2], []).append(_parse(lines))
            continue
        name, value = line.split(": ", 1)
        if value[0] == '"':
            value = value[1:-1].encode().decode("unicode_escape").encode("latin-1").decode()
        elif value in ("true", "false"):
            value = value == "true"
        else:
            value = int(value)
        message.setdefault(name, []).append(value)
    return message


def _first(message, name, default=0):
    return message.get(name, [default])[0]


class Profile:
    """A gzipped profile with its references followed."""

    def __init__(self, packed):
        done = subprocess.run(
            ["protoc", f"--proto_path={HERE}", "--decode=Profile", "profile.proto"],
            input=gzip.decompress(packed), capture_output=True, check=True)
        if done.stderr:
            raise AssertionError(done.stderr.decode())  # such as text that is not UTF-8
        self.raw = _parse(iter(done.stdout.decode().splitlines()))
        self.strings = self.raw["string_table"]
        self.types = [self._type(kind) for kind in self.raw["sample_type"]]
        self.period_type = self._type(self.raw["period_type"][0])
        self.comments = [self.strings[index] for index in self.raw["comment"]]
        self.functions = {_first(each, "id"): (self._text(each, "name"), self._text(each, "filename"))
                          for each in self.raw["function"]}
        self.mappings = {_first(each, "id"): each for each in self.raw["mapping"]}
        self.locations = {_first(each, "id"): each for each in self.raw["location"]}
        self.samples = [self._sample(each) for each in self.raw["sample"]]

    def _text(self, message, name):
        return self.strings[_first(message, name)]

    def _type(self, message):
        return self._text(message, "type") + "/" + self._text(message, "unit")

    def mapping_names(self):
        """[(file, build id)] in the order of the profile."""
        return [(self._text(each, "filename"), self._text(each, "build_id"))
                for each in self.raw["mapping"]]

    def _sample(self, message):
        labels = {self._text(each, "key"): self._text(each, "str") or _first(each, "num")
                  for each in message["label"]}
        places = [self.locations[each] for each in message["location_id"]]
        frames = []
        for place in places:
            if _first(place, "mapping_id"):
                assert place["mapping_id"][0] in self.mappings
            lines = [self.functions[_first(each, "function_id")] + (_first(each, "line"),)
                     for each in place.get("line", [])]
            frames.append(lines or _first(place, "address"))
        return {"values": dict(zip([each.split("/")[0] for each in self.types], message["value"])),
                "labels": labels, "frames": frames}


def unprintable(text):
    """The first character that must not reach a terminal or a line of text, or None."""
    return re.search("[\x00-\x08\x0b-\x1f\x7f-\x9f\u200e\u200f\u2028-\u202e\u2066-\u2069\ufffd]", text)
