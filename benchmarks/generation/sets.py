"""The sets that benchmarks/generation.py measures on, as training and test images that never meet.

A source's own test split is kept; where there is none (emoji, clothing photos), a fifth of the images is held out here, copies
on one side. Only the training images are shown to what is measured, as `x_train` of an npz without labels: what a program
holds out for itself, it takes from those.
"""

import argparse
import hashlib
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from generation.plan import digest_of, our_files
from imatlas.images import read_images

DATA = Path(__file__).resolve().parents[3] / "shared" / "data"
SCRATCH = Path(__file__).resolve().parents[1] / "scratch" / "generation"
HELD_OUT = 0.2

SOURCES = {
    "fashion-mnist": "fashion-mnist",
    "mnist": "mnist",
    "cifar10": "cifar10/cifar10-jpeg-12k.npz",
    "emoji": "emoji/noto-emoji-72px.zip",
    "clothing-photos": "clothing-photos",
}
"""Set -> its place in the folder of sets."""

SIDE = {"fashion-mnist": 28, "mnist": 28, "cifar10": 32, "emoji": 32, "clothing-photos": 32}

_SPLIT_SEED = 20


@dataclass(frozen=True)
class Place:
    """Where the sets lie and where everything is kept; with `rows`, a trial on so many images of each part, kept apart."""

    data: Path = DATA
    root: Path = SCRATCH
    rows: int | None = None

    @property
    def scratch(self) -> Path:
        """The folder of this run."""
        return self.root if self.rows is None else self.root / f"trial-{self.rows}"


HERE = Place()


@dataclass(frozen=True)
class Pictures:
    """Training and test images uint8 (n, H, W, C), and their labels int64 (n,), -1 where there is none."""

    train: np.ndarray
    train_labels: np.ndarray
    test: np.ndarray
    test_labels: np.ndarray


def pictures(name: str, place: Place = HERE) -> Pictures:
    """Give a set; it is read from its source once and kept."""
    file = _file(name, place)
    if not file.exists():
        _write(name, place, file)
    with np.load(file) as kept:
        return Pictures(kept["train"], kept["train_labels"], kept["test"], kept["test_labels"])


def unlabelled(name: str, place: Place = HERE) -> Path:
    """Give the npz that is shown to what is measured: the training images and nothing else."""
    file = _file(f"{name}-train", place, name)
    if not file.exists():
        _save(file, x_train=pictures(name, place).train)
    return file


def some_rows(n: int, wanted: int, seed: int = 5) -> np.ndarray:
    """Give which rows of n stand for all: `wanted` of them at random, always the same, or all if there are fewer."""
    return np.sort(np.random.default_rng(seed).permutation(n)[:wanted])


def key_of(name: str, place: Place = HERE) -> str:
    """Give a name of what a set is made of: its source's files, and the code that reads and splits them."""
    source = place.data / SOURCES[name]
    files = sorted(source.rglob("*")) if source.is_dir() else [source]
    listing = "".join(f"{file.relative_to(place.data)} {file.stat().st_size}\n" for file in files)
    read_by = digest_of([Path(__file__), *our_files("images")])
    return hashlib.sha256(f"{read_by}{listing}".encode()).hexdigest()[:10]


def _file(name: str, place: Place, set_name: str = "") -> Path:
    return place.scratch / "sets" / f"{name}-{key_of(set_name or name, place)}.npz"


def _write(name: str, place: Place, file: Path) -> None:
    images = read_images(place.data / SOURCES[name], resolution=SIDE[name], held_out=HELD_OUT, seed=_SPLIT_SEED)
    labels = np.full(len(images), -1) if images.labels is None else images.labels
    parts = {"train": images.training_rows, "test": images.held_out_rows}
    if place.rows is not None:
        parts = {part: rows[some_rows(len(rows), place.rows)] for part, rows in parts.items()}
    pixels = {part: images.pixels[rows] for part, rows in parts.items()}
    _save(file, **pixels, **{f"{part}_labels": labels[rows] for part, rows in parts.items()})


def _save(file: Path, **arrays: np.ndarray) -> None:
    """Write whole or not at all, so that an interrupted run leaves no half a set."""
    file.parent.mkdir(parents=True, exist_ok=True)
    begun = file.with_name("begun-" + file.name)
    np.savez(begun, **arrays)
    begun.rename(file)


def main() -> None:
    """Write the files of the named sets, so that no measurement has to."""
    parser = argparse.ArgumentParser()
    parser.add_argument("names", nargs="+")
    parser.add_argument("--data", type=Path)
    parser.add_argument("--root", type=Path)
    parser.add_argument("--rows", type=int)
    asked = parser.parse_args()
    for name in asked.names:
        unlabelled(name, Place(asked.data, asked.root, asked.rows))


if __name__ == "__main__":
    main()
