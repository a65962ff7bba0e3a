"""The pages of the studio: what is pure in them, run by node's own test runner, and the rules all of them keep.

A browser that keeps the strict content security policy would refuse an inline script or style and anything from outside.
"""

from __future__ import annotations

import re
import shutil
import subprocess
from pathlib import Path

import pytest

import imatlas
from imatlas.app.sheets import PALETTE

WEB = Path(imatlas.__file__).parent / "app/studio/web"
TESTS = Path(__file__).parent / "web"
MOST_LINES = 350
SOURCES = sorted(path for path in WEB.rglob("*") if path.suffix in {".js", ".css", ".html"})


def test_what_is_pure_in_the_pages_keeps_its_laws():
    node = shutil.which("node")
    if node is None:
        pytest.skip("node is not installed; it runs the tests of the studio's pages")
    tests = sorted(map(str, TESTS.glob("*.test.mjs")))
    answer = subprocess.run(
        [node, "--experimental-detect-module", "--test", *tests], capture_output=True, text=True, check=False, timeout=600
    )
    assert answer.returncode == 0, answer.stdout[-4000:] + answer.stderr[-2000:]


def test_groups_have_the_colours_of_the_report():
    listed = re.search(r"GROUPS = \[(.*?)\]", (WEB / "colours.js").read_text("utf-8"), flags=re.DOTALL)
    assert listed is not None
    assert re.findall(r'"(#[0-9a-f]{6})"', listed.group(1)) == list(PALETTE)


@pytest.mark.parametrize("path", SOURCES, ids=lambda path: path.name)
def test_pages_ask_for_nothing_from_outside(path):
    """The names of the SVG and HTML standards are no requests."""
    text = path.read_text("utf-8").replace("http://www.w3.org/2000/svg", "")
    assert re.findall(r"(?:https?:)?//[a-z0-9-]+(?:\.[a-z0-9-]+)+", text) == []


@pytest.mark.parametrize("path", SOURCES, ids=lambda path: path.name)
def test_pages_stay_short_and_carry_no_inline_code(path):
    text = path.read_text("utf-8")
    assert text.count("\n") <= MOST_LINES
    if path.suffix == ".html":
        assert re.findall(r"<script(?![^>]*\bsrc=)|<style|\sstyle=|\son[a-z]+=|javascript:", text) == []
    if path.suffix == ".js":
        assert (
            re.findall(r"innerHTML|outerHTML|insertAdjacentHTML|document\.write|\beval\(|new Function|\"style\",", text) == []
        )


def test_every_module_that_is_imported_is_there():
    missing = []
    for path in SOURCES:
        if path.suffix == ".js":
            names = re.findall(r"^(?:import|export)[^\"';]*?from \"(\.[^\"]+)\"", path.read_text("utf-8"), re.MULTILINE)
            missing += [(path.name, name) for name in names if not (path.parent / name).is_file()]
    assert missing == []
