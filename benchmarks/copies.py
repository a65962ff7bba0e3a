"""Does the copy rate count planted copies? Toys of every width, and real images copied in seven ways, in every space.

Toys (the nine-cell table): Gaussian rows in 32 dimensions, generators that are perfect, too wide or too narrow, and copies
that are training rows with noise of 0.05. Images: held-out real images stand for new ones, and 0, 1, 5 or 20 % of them
are replaced by training images, exact, mirrored, shifted by 2 pixels, saved as JPEG of quality 50, or with 5 % noise; and
by new images with the left half or the middle of a training image, which no one target is set for. Each cell is 40
draws of which held-out images set the threshold, which are the new ones and which copies are planted. Usage:

    PYTHONPATH=src python benchmarks/copies.py --data DATA       --sets emoji,cifar10 for some; --quick to see that it runs
"""

import argparse
import io
import json
import time
from collections.abc import Callable
from datetime import UTC, datetime
from pathlib import Path

import numpy as np
from PIL import Image

from imatlas.evaluation import copy_rate, copy_ratios, nearest_relative
from imatlas.evaluation.patches import nearest_in_parts
from imatlas.evaluation.shifts import nearest_shifted
from imatlas.features import EXTRACTORS
from imatlas.images import read_images
from imatlas.values import ImageSet

HERE = Path(__file__).parent
SHARES = (0.0, 0.01, 0.05, 0.2)
WIDTHS = {"perfect": 1.0, "too wide": 1.5, "too narrow": 0.5}
SOURCES = {
    "fashion-mnist": ("fashion-mnist", None),
    "mnist": ("mnist", None),
    "cifar10": ("cifar10/cifar10-jpeg-12k.npz", None),
    "emoji": ("emoji/noto-emoji-72px.zip", 64),
}
"""Set -> its place in the folder of sets, and the pixels a side it is read at."""

MOST_TRAINING, MOST_HELD_OUT = 10_000, 3_000
N_GENERATED, N_COPIES = 1_000, 250
POINTS = 0.02

Search = Callable[[np.ndarray], np.ndarray]
"""Copy ratios of images uint8 (q, H, W, C)."""


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--data", type=Path, default=HERE.parent.parent / "shared" / "data")
    parser.add_argument("--sets", default=",".join(SOURCES))
    parser.add_argument("--quick", action="store_true", help="small sets and few draws: does it run, not how good is it")
    parser.add_argument("--out", type=Path, default=HERE / "results")
    asked = parser.parse_args()
    n_draws = 5 if asked.quick else 40
    found: dict[str, object] = {"toys": nine_cells(n_draws), "draws": n_draws}
    print_rows("toys", found["toys"])
    for name in asked.sets.split(","):
        started = time.perf_counter()
        found[name] = plant(asked.data, name, n_draws=n_draws, rows=600 if asked.quick else None)
        print(f"\n{name}: {time.perf_counter() - started:.0f} s")
        print_rows(name, found[name]["cells"])
    if not asked.quick:
        kept = asked.out / "copies.json"
        before = json.loads(kept.read_text()) if kept.exists() else {}
        kept.write_text(json.dumps(before | found | {"date": f"{datetime.now(UTC):%Y-%m-%d %H:%M} UTC"}, indent=1) + "\n")


def nine_cells(n_draws: int) -> list[dict[str, object]]:
    """Draw each cell anew, 1,000 rows of each part; the truth is the planted share."""
    cells = []
    for width, spread in WIDTHS.items():
        for share in (0.0, 0.05, 0.2):
            estimates = []
            for draw in range(n_draws):
                rng = np.random.default_rng([draw, int(100 * share), int(10 * spread)])
                train, held_out, generated = (rng.standard_normal((1_000, 32)) for _ in range(3))
                n_copied = round(share * 1_000)
                generated *= spread
                generated[:n_copied] = train[:n_copied] + 0.05 * rng.standard_normal((n_copied, 32))
                ratios = [copy_ratios(nearest_relative(rows, train, n_neighbors=10)[0]) for rows in (generated, held_out)]
                estimates.append(copy_rate(*ratios))
            cells.append({"space": "rows", "how": width, "planted": share} | summary(estimates, share))
    return cells


def plant(data: Path, name: str, *, n_draws: int, rows: int | None) -> dict[str, object]:
    """Plant copies of every kind in every share; ratios are worked out once, draws choose among them."""
    rng = np.random.default_rng(0)
    train, held_out = parts_of(data, name, rows)
    n_copies = min(N_COPIES, len(train) // 2)
    chosen = np.sort(rng.permutation(len(train))[:n_copies])
    ground = held_out[rng.integers(len(held_out), size=n_copies)]
    cells = []
    for space, search in spaces(train).items():
        usual = search(held_out)
        for how, change in CHANGES.items():
            copies = search(change(np.asarray(train[chosen]), ground, rng))
            for share in SHARES if how in WHOLE else SHARES[-1:]:
                estimates = [draw_once(usual, copies, share, np.random.default_rng([draw, 7])) for draw in range(n_draws)]
                cells.append({"space": space, "how": how, "planted": share} | summary(estimates, share))
    return {"n_train": len(train), "n_held_out_pool": len(held_out), "cells": cells}


def draw_once(usual: np.ndarray, copies: np.ndarray, share: float, rng: np.random.Generator):
    """Deal held-out ratios into those that set the threshold and new images, and plant copies among the latter."""
    dealt = rng.permutation(usual)
    half = len(dealt) // 2
    n = min(N_GENERATED, len(dealt) - half, int(len(copies) / max(SHARES)))
    n_copied = round(share * n)
    generated = np.concatenate([dealt[half : half + n - n_copied], rng.permutation(copies)[:n_copied]])
    return copy_rate(generated, dealt[:half])


def parts_of(data: Path, name: str, rows: int | None) -> tuple[np.ndarray, np.ndarray]:
    """Give training and held-out images; a set without a split has 40 % held out, half of which set the threshold."""
    place, side = SOURCES[name]
    images = read_images(data / place, resolution=side)
    rng = np.random.default_rng(0)
    train, held_out = images.training_rows, images.held_out_rows
    if not len(held_out):
        order = rng.permutation(len(images))
        train, held_out = np.split(order, [round(0.6 * len(order))])
    train, held_out = (
        np.sort(rng.permutation(part)[: rows or most]) for part, most in ((train, MOST_TRAINING), (held_out, MOST_HELD_OUT))
    )
    return np.asarray(images.pixels[train]), np.asarray(images.pixels[held_out])


def spaces(train: np.ndarray) -> dict[str, Search]:
    """Give the copy ratio in pixels, in patches and in the features of two extractors."""
    found: dict[str, Search] = {
        "pixels, shifted": lambda images: copy_ratios(nearest_shifted(images, train)[0]),
        "patches": lambda images: copy_ratios(nearest_in_parts(images, train)[0]),
    }
    for name in ("random_convolutions", "principal_components"):
        extractor = EXTRACTORS[name]().fit(as_set(train))
        rows = extractor.transform(as_set(train)).rows
        found[name] = lambda images, extractor=extractor, rows=rows: copy_ratios(
            nearest_relative(extractor.transform(as_set(images)).rows, rows, n_neighbors=10)[0]
        )
    return found


def as_set(pixels: np.ndarray) -> ImageSet:
    return ImageSet(pixels, np.arange(len(pixels)))


def shifted(images: np.ndarray, _: np.ndarray, rng: np.random.Generator) -> np.ndarray:
    """Move each image by 2 pixels down, up, right, left or aslant; what comes in repeats the border."""
    side_rows, side_columns = (np.arange(side) for side in images.shape[1:3])
    moved = np.empty_like(images)
    for row, image in enumerate(images):
        down, right = ((2, 0), (-2, 0), (0, 2), (0, -2), (2, -2))[row % 5]
        kept = image[np.clip(side_rows - down, 0, len(side_rows) - 1)]
        moved[row] = kept[:, np.clip(side_columns - right, 0, len(side_columns) - 1)]
    return moved


def as_jpeg(images: np.ndarray, *_: object) -> np.ndarray:
    saved = []
    for image in images:
        file = io.BytesIO()
        Image.fromarray(image[..., 0] if image.shape[2] == 1 else image).save(file, "JPEG", quality=50)
        saved.append(np.asarray(Image.open(file)).reshape(image.shape))
    return np.stack(saved)


def noisy(images: np.ndarray, _: np.ndarray, rng: np.random.Generator) -> np.ndarray:
    return np.rint(images + rng.normal(0, 0.05 * 255, images.shape)).clip(0, 255).astype(np.uint8)


def left_half(images: np.ndarray, ground: np.ndarray, _: object) -> np.ndarray:
    middle = images.shape[2] // 2
    return np.concatenate([images[:, :, :middle], ground[:, :, middle:]], axis=2)


def centre(images: np.ndarray, ground: np.ndarray, _: object) -> np.ndarray:
    """Lay the middle of the image, 70 % of each side, on another one."""
    pasted = ground.copy()
    inner = tuple(slice(round(0.15 * side), round(0.85 * side)) for side in images.shape[1:3])
    pasted[:, *inner] = images[:, *inner]
    return pasted


CHANGES = {
    "exact": lambda images, *_: images,
    "flipped": lambda images, *_: np.ascontiguousarray(images[:, :, ::-1]),
    "shifted": shifted,
    "JPEG 50": as_jpeg,
    "noise 5 %": noisy,
    "left half": left_half,
    "centre": centre,
}
WHOLE = ("exact", "flipped", "shifted", "JPEG 50", "noise 5 %")


def summary(estimates, planted: float) -> dict[str, float]:
    values = np.array([estimate.value for estimate in estimates])
    inside = [estimate.interval[0] <= planted <= estimate.interval[1] for estimate in estimates]
    return {
        "found": float(values.mean()),
        "lowest": float(values.min()),
        "highest": float(values.max()),
        "within_2_points": float((np.abs(values - planted) <= POINTS).mean()),
        "inside_interval": float(np.mean(inside)),
        "interval_width": float(np.mean([estimate.interval[1] - estimate.interval[0] for estimate in estimates])),
        "threshold": float(np.mean([estimate.details["threshold"] for estimate in estimates])),
    }


def print_rows(name: str, cells: object) -> None:
    print(f"{'set':14}{'space':22}{'how':12}{'planted':>8}{'found':>8}{'lowest':>8}{'highest':>8}{'within 2':>10}{'inside':>8}")
    for cell in cells:
        shares = [f"{100 * cell[key]:.1f}" for key in ("planted", "found", "lowest", "highest")]
        rates = [f"{100 * cell[key]:.0f} %" for key in ("within_2_points", "inside_interval")]
        print(
            f"{name:14}{cell['space']:22}{cell['how']:12}"
            + "".join(f"{s:>8}" for s in shares)
            + f"{rates[0]:>10}{rates[1]:>8}",
            flush=True,
        )


if __name__ == "__main__":
    main()
