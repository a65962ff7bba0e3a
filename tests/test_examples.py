"""Every example answers one question in its first line, is short, and runs."""

from __future__ import annotations

import ast
import os
import re
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest

EXAMPLES = sorted((Path(__file__).resolve().parents[1] / "examples").glob("*.py"))


@pytest.mark.parametrize("example", EXAMPLES, ids=lambda example: example.stem)
def test_an_example_is_short_and_asks_one_question(example):
    text = example.read_text(encoding="utf-8")
    question = ast.get_docstring(ast.parse(text)).splitlines()[0]
    assert len(text.splitlines()) < 60
    assert question.count("?") == 1


@pytest.mark.slow
@pytest.mark.parametrize("example", EXAMPLES, ids=lambda example: example.stem)
def test_an_example_runs(example, tmp_path):
    """On files in the form of the real ones, so that it takes seconds and needs none of them."""
    if "argv" in example.read_text(encoding="utf-8"):
        write_sentences(tmp_path)
        write_ratings(tmp_path)
    environment = os.environ | {"PYTHONWARNINGS": "ignore"}
    command = [sys.executable, str(example), str(tmp_path)]
    done = subprocess.run(command, capture_output=True, text=True, env=environment)
    assert done.returncode == 0, done.stderr
    assert not re.search(r"\bnan\b", done.stdout)
    assert len(done.stdout.splitlines()) >= 4


def write_sentences(folder: Path) -> None:
    """Write sentences of 4 intents, each of 8 words out of 20 of its own and 30 common ones."""
    rng = np.random.default_rng(0)
    for part, count in (("train", 60), ("test", 10)):
        lines = ["text,category"]
        for intent in range(4):
            words = [f"want{intent}x{number}" for number in range(20)] + [f"common{number}" for number in range(30)]
            lines += [f"{' '.join(rng.choice(words, 8))},intent{intent}" for _ in range(count)]
        (folder / f"{part}.csv").write_text("\n".join(lines) + "\n", encoding="utf-8")


def write_ratings(folder: Path) -> None:
    """Write 12 ratings each of 150 users, most of them in one half of 160 films."""
    rng, lines = np.random.default_rng(0), []
    for user in range(150):
        half = np.where(rng.random(160) < 0.5, 0, 1) if user % 5 == 0 else np.repeat([user % 2, 1 - user % 2], 80)
        films = rng.choice(160, 12, replace=False, p=(1 + 9 * half) / (1 + 9 * half).sum())
        lines += [f"{user}::{film:07d}::8::{1000 * user + time}" for time, film in enumerate(films)]
    (folder / "ratings.dat").write_text("\n".join(lines) + "\n", encoding="utf-8")
