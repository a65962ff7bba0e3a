"""Documents name files, modules and verbs that are there."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

import imatlas

HERE = Path(__file__).resolve().parents[1]
PAGES = [
    path for path in (HERE / "README.md", HERE / "CONTRIBUTING.md", *sorted((HERE / "docs").glob("*.md"))) if path.is_file()
]
NAMED = re.compile(r"`([\w./-]+\.(?:py|txt|md|toml)|(?:scripts|requirements|tests|docs)/[\w./-]*)`")

TRIED_ELSEWHERE = re.compile(r"block_means|spread|nearest_draw|report\.png")
"""Files that docs/add-a-method.md asks the reader to write."""


@pytest.mark.parametrize("page", PAGES, ids=lambda page: page.name)
def test_links_lead_somewhere(page):
    text = page.read_text(encoding="utf-8")
    links = [link.split("#")[0] for link in re.findall(r"\]\(([^)\s]+)\)", text) if "://" not in link]
    gone = [link for link in links if not (page.parent / link).exists()]
    assert gone == []


@pytest.mark.parametrize("page", PAGES, ids=lambda page: page.name)
def test_files_that_are_named_are_there(page):
    """A path in backticks, of a text or Python file or into one of the side folders, stands where such files stand."""
    named = NAMED.findall(page.read_text(encoding="utf-8"))
    places = (HERE, HERE / "src" / "imatlas", HERE / "requirements")
    gone = [name for name in named if not TRIED_ELSEWHERE.search(name) and not any((place / name).exists() for place in places)]
    assert gone == []


def test_the_readme_names_only_what_python_gives():
    names = set(re.findall(r"imatlas\.([A-Za-z_]+)\(", (HERE / "README.md").read_text(encoding="utf-8")))
    assert {"read_images", "fit_manifold", "train"} <= names
    assert names <= set(imatlas.__all__)


def test_the_readme_names_every_verb_and_no_other():
    from imatlas.app.cli.main import app

    verbs = {command.name or command.callback.__name__.rstrip("_") for command in app.registered_commands}
    named = set(re.findall(r"^imatlas (\w+)", (HERE / "README.md").read_text(encoding="utf-8"), flags=re.MULTILINE))
    assert named | {"demo"} == verbs
