"""Judges of generated images, and the scores they give; none of them is part of imatlas or of a peer.

"labels-0" and "labels-1" are the last hidden layers of two classifiers trained on the set's labels; emoji and clothing photos,
which have no labels or too few, are judged by those trained on the CIFAR-10 photos. "random" is the second view, the same for
every set: a deep network nobody trained, which favours no set and no class of images and, unlike a classifier, has not learned
to overlook texture (Naeem et al. 2020, arXiv 2002.09797, judge where no trained network fits in the same way). It is narrower
and deeper than the random convolutions imatlas may use itself, leaky, with shortcuts, and sees places.

    frechet     Frechet distance of all samples to all test images
    density     mean number of test balls a sample lies in, over k; a ball reaches to its centre's k-th neighbor
    coverage    share of test balls that hold a sample; both with as many samples as test images, 3,000 at most

"floor" and "real" scores are those of training images in place of samples.

    PYTHONPATH=src:benchmarks python -m generation.judge fashion-mnist      trains and keeps the judges of a set
"""

import hashlib
import json
import sys
import time
from functools import cache
from itertools import pairwise
from pathlib import Path

import numpy as np
import torch
from safetensors.torch import load_file, save_file
from scipy.spatial.distance import cdist
from torch import Tensor, nn
from torch.nn import functional

from generation import classifier
from generation.classifier import Classifier, accuracy, as_images, train_classifier
from generation.sets import HERE, Pictures, Place, key_of, pictures, some_rows
from imatlas.evaluation import frechet_distance

VIEWS = ("labels-0", "labels-1", "random")
SCHOOL = {"emoji": "cifar10", "clothing-photos": "cifar10"}
"""Set -> the set whose labels its judge learned, where that is another one."""

N_SAMPLES = 10_000
N_BALLS = 3000
K = 5


def score(pixels: np.ndarray, set_name: str, *, views: tuple[str, ...] = VIEWS, place: Place = HERE) -> dict[str, float]:
    """Score samples uint8 (n, H, W, C), in no order: `<view>_frechet`, `_density`, `_coverage` of every view."""
    numbers = {}
    for view in views:
        real = real_features(set_name, view, place=place)
        found = features(judge(set_name, view, place), pixels)
        numbers |= {f"{view}_{name}": value for name, value in _scores(real, found).items()}
    return numbers


def real_scores(set_name: str, *, views: tuple[str, ...] = VIEWS, place: Place = HERE) -> dict[str, float]:
    """Score training images in place of samples: what is best to be had."""
    return score(stand_ins(set_name, place), set_name, views=views, place=place)


def stand_ins(set_name: str, place: Place = HERE) -> np.ndarray:
    """Give training images, 10,000 at most, in random order."""
    train = pictures(set_name, place).train
    return np.random.default_rng(6).permutation(train[some_rows(len(train), N_SAMPLES)])


def density_and_coverage(real: np.ndarray, generated: np.ndarray, k: int = K) -> tuple[float, float]:
    """Give density and coverage (Naeem et al. 2020, eqs. 3 and 4) of equally many real and generated rows."""
    own = cdist(real, real)
    np.fill_diagonal(own, np.inf)
    radii = np.partition(own, k - 1, axis=1)[:, k - 1]
    inside = cdist(real, generated) < radii[:, None]  # (real, generated)
    return float(inside.sum(axis=0).mean() / k), float(inside.any(axis=1).mean())


def features(model: nn.Module, pixels: np.ndarray) -> np.ndarray:
    """Give feature rows float64 (n, 64)."""
    with torch.no_grad():
        blocks = [model.judge(as_images(pixels[i : i + 500])) for i in range(0, len(pixels), 500)]
    return torch.cat(blocks).double().numpy()


@cache
def judge(set_name: str, view: str, place: Place = HERE) -> nn.Module:
    """Give a judge, trained and kept when first asked for."""
    school = SCHOOL.get(set_name, set_name)
    if view == "random":
        return RandomNetwork(pictures(set_name, place).train)
    file = place.scratch / "judges" / f"{school}-{view}-{_digest()}.safetensors"
    if not file.exists():
        _teach(pictures(school, place), int(view.rsplit("-", 1)[1]), file)
    weights = load_file(file)
    model = Classifier(weights["body.0.0.weight"].shape[1], len(weights["head.bias"]))
    model.load_state_dict(weights)
    return model.to(memory_format=torch.channels_last).eval()


def judge_notes(set_name: str, view: str, place: Place = HERE) -> dict[str, float]:
    """Give what is known of a trained judge: test accuracy, seconds of training."""
    file = place.scratch / "judges" / f"{SCHOOL.get(set_name, set_name)}-{view}-{_digest()}.json"
    return json.loads(file.read_text()) if file.exists() else {}


@cache
def real_features(set_name: str, view: str, part: str = "test", place: Place = HERE) -> np.ndarray:
    """Give features of all test or all training images, kept on disk."""
    file = place.scratch / "judges" / f"{set_name}-{view}-{part}-{key_of(set_name, place)}-{_digest(Path(__file__))}.npy"
    if not file.exists():
        rows = features(judge(set_name, view, place), getattr(pictures(set_name, place), part))
        file.parent.mkdir(parents=True, exist_ok=True)
        np.save(file, rows)
    return np.load(file)


class RandomNetwork(nn.Module):
    """Three stages of leaky residual pairs of random convolutions; 64 principal directions of their 4 x 4 pooled maps."""

    def __init__(self, train: np.ndarray, width: int = 48) -> None:
        super().__init__()
        source = torch.Generator().manual_seed(17)
        channels = [train.shape[3], width, width, 2 * width, 2 * width, 4 * width, 4 * width]
        self.filters = [
            torch.randn(after, before, 3, 3, generator=source) * (2 / (9 * before)) ** 0.5
            for before, after in pairwise(channels)
        ]
        rows = torch.cat([self._pooled(as_images(train[i : i + 500])) for i in _blocks(train)]).double()
        self.mean = rows.mean(0)
        # Unit overall spread, so that the numbers of different sets are of one size.
        spread, directions = torch.linalg.eigh(torch.cov(rows.T))
        self.directions = directions[:, -classifier.FEATURES :] / spread.sum().sqrt()

    def judge(self, images: Tensor) -> Tensor:
        return (self._pooled(images).double() - self.mean) @ self.directions

    def _pooled(self, images: Tensor) -> Tensor:
        maps = images
        for number, filters in enumerate(self.filters):
            changed = functional.leaky_relu(functional.conv2d(maps, filters, padding=1), 0.2)
            maps = changed if number % 2 == 0 else (maps + changed) / 2**0.5
            if number in (1, 3):
                maps = functional.avg_pool2d(maps, 2)
        return functional.adaptive_avg_pool2d(maps, 2).flatten(1)


def _scores(real: np.ndarray, found: np.ndarray) -> dict[str, float]:
    n = min(N_BALLS, len(real), len(found))
    # Small sets: the mean over a few draws, so that the few samples of one draw do not decide.
    draws = [found[start : start + n] for start in range(0, len(found) - n + 1, n)][: max(1, N_BALLS // n)]
    pairs = np.array([density_and_coverage(real[:n], draw) for draw in draws])
    density, coverage = pairs.mean(axis=0)
    return {"frechet": frechet_distance(real, found), "density": float(density), "coverage": float(coverage)}


def _teach(images: Pictures, seed: int, file: Path) -> None:
    start = time.perf_counter()
    model = train_classifier(images.train, images.train_labels, seed)
    notes = {"seconds": time.perf_counter() - start, "accuracy": accuracy(model, images.test, images.test_labels)}
    file.parent.mkdir(parents=True, exist_ok=True)
    file.with_suffix(".json").write_text(json.dumps(notes) + "\n")
    save_file({name: value.contiguous() for name, value in model.state_dict().items()}, file)


def _blocks(train: np.ndarray) -> range:
    return range(0, min(len(train), 4000), 500)


def _digest(*also: Path) -> str:
    files = (Path(classifier.__file__), *also)
    return hashlib.sha256(b"".join(file.read_bytes() for file in files)).hexdigest()[:10]


def main() -> None:
    """Train the judges of the named sets, and say how good they are and how good real images are."""
    for name in sys.argv[1:]:
        for view in VIEWS:
            judge(name, view)
            print(name, view, judge_notes(name, view), real_scores(name, views=(view,)), flush=True)


if __name__ == "__main__":
    main()
