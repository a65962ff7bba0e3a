"""Are morphs any good? The images halfway along many of them, judged beside held-out images like any generated ones.

A morph is easy to like and hard to judge by eye. Halfway between random pairs there is neither end to lean on; so these
midpoints are scored by the distances of `imatlas.evaluation`, in spaces that did not make the map, beside the midpoints of
straight lines, plain samples, and held-out images passed through the code and back, which show what the decoder can reach.
Midpoints between two images of one group (class, else cluster) also tell whether a way stays in it: an image is found in
the group that most of its ten nearest training images have, itself not counted.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import numpy as np

from imatlas.checks import InputError
from imatlas.evaluation import evaluate_trial, judge, with_generated
from imatlas.evaluation.intervals import wilson_interval
from imatlas.features import EXTRACTORS, Extractor
from imatlas.generators.code_charts import CodeChart
from imatlas.generators.code_geodesics import Decode, travelled
from imatlas.neighbors import search
from imatlas.progress import Report, silent
from imatlas.recipes.judging import FEWEST_TO_JUDGE, SPACES
from imatlas.recipes.modeling import Model
from imatlas.recipes.paths import arcs, code_chart, decoder_of
from imatlas.sampling import draw_path, encode
from imatlas.values import ImageSet, Manifold, Score, Trial

__all__ = ["WAYS", "draw_each", "midpoints", "score_paths"]

METRICS = ("kernel_distance", "frechet_distance")
POINTS = 25
TOGETHER = 100
"""Ways that are laid at once."""
VOTERS = 10
MOST_FOUND = 1_000
WAYS = ("geodesic", "straight")


def score_paths(
    model: Model, images: ImageSet, manifold: Manifold, *, count: int = 300, seed: int = 0, report: Report = silent
) -> dict[str, tuple[Score, ...]]:
    """Score the midpoints of morphs between random pairs of training images.

    Parameters
    ----------
    model : with a code (VAE or latent flow).
    images, manifold : the set with its held-out images, and what was learned of it; what made its features is no judge.
    count : morphs between random pairs, and as many within groups; more narrow the intervals.
    seed : of pairs and noise, and of the first sample.
    report : hears of the progress.

    Returns
    -------
    "geodesic", "straight", "samples", "reconstructions" -> scores. All have the kernel distance and the Fréchet distance to
    held-out images in each space, with interval and floor. The two ways also have `group_kept`, the share of midpoints between
    images of one group that are found in it; its floor is the share of training images that are found in their own.

    Raises
    ------
    InputError
        If the model has no code of an image, or fewer than 20 images are held out.
    """
    train, held_out = images.take(manifold.rows), images.take(images.held_out_rows)
    if len(held_out) < FEWEST_TO_JUDGE:
        raise InputError(
            f"There are {len(held_out)} held-out images; scoring paths needs {FEWEST_TO_JUDGE} at least. Map more images."
        )
    rng = np.random.default_rng(seed)
    chart = code_chart(model, images, manifold)
    halfway = midpoints(model, chart, train.pixels[rng.integers(len(train), size=(count, 2))])
    drawn = {name: draw_each(model, codes, seed) for name, codes in zip(WAYS, halfway, strict=True)}
    drawn["samples"] = model.sample(range(seed, seed + count), report=report).pixels
    again = held_out.pixels[np.sort(rng.permutation(len(held_out))[:count])]
    drawn["reconstructions"] = draw_each(model, encode(model.generator, again), seed)
    extractors = [EXTRACTORS[name]().fit(train) for name in SPACES if name != manifold.features.extractor][:2]
    scores = _distances(train, held_out, extractors, drawn, report)
    grouped_by, groups = _groups(images, manifold)
    pairs = _pairs_within(groups, count, rng)
    found = _Finder(extractors[0], train, groups)
    floor = found.floor(rng)
    for way, codes in zip(WAYS, midpoints(model, chart, train.pixels[pairs]), strict=True):
        hits = found(draw_each(model, codes, seed)) == groups[pairs[:, 0]]
        scores[way] += (_kept(hits, extractors[0].name, floor, grouped_by),)
    return scores


def _distances(
    train: ImageSet, held_out: ImageSet, extractors: Sequence[Extractor], drawn: Mapping[str, np.ndarray], report: Report
) -> dict[str, tuple[Score, ...]]:
    """Distances of each set of drawn pixels to held-out images; what is worked out for the real images is shared."""
    parts = {one.name: {"train": one.transform(train), "held_out": one.transform(held_out)} for one in extractors}
    features = {name: {**own, "generated": own["held_out"]} for name, own in parts.items()}
    trial = judge(Trial(train, held_out, held_out, features))
    scores = {}
    for name, pixels in drawn.items():
        made = ImageSet(pixels, np.arange(len(pixels)).astype(str), source=name)
        judged = with_generated(trial, made, {one.name: one.transform(made) for one in extractors})
        scores[name] = evaluate_trial(judged, metrics=METRICS, report=report)
    return scores


def midpoints(model: Model, chart: CodeChart, ends: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Codes (n, d) halfway between pairs of images uint8 (n, 2, H, W, C), as morphs draw them: geodesic and straight."""
    n = len(ends)
    pairs = encode(model.generator, ends.reshape(2 * n, *ends.shape[2:])).reshape(n, 2, -1)
    decode = decoder_of(model.generator)
    blocks = [arcs(chart, pairs[start : start + TOGETHER], count=POINTS) for start in range(0, n, TOGETHER)]
    curved = [_middle(decode, way) for block in blocks for way in block]
    shares = np.linspace(0, 1, POINTS, dtype=np.float32)[:, None]
    lines = [_middle(decode, (1 - shares) * first + shares * last) for first, last in pairs]
    return np.stack(curved), np.stack(lines)


def _middle(decode: Decode, way: np.ndarray) -> np.ndarray:
    """The code (d,) halfway along a way (m, d) by length in what is drawn."""
    lengths = travelled(decode, way)
    place = np.interp(lengths[-1] / 2, lengths, np.arange(len(way)))
    return np.stack([np.interp(place, np.arange(len(way)), column) for column in way.T]).astype(np.float32)


def draw_each(model: Model, codes: np.ndarray, seed: int) -> np.ndarray:
    """Draw codes (n, d), each with noise of its own, as samples have."""
    return np.concatenate([draw_path(model.generator, code[None], seed=seed + row) for row, code in enumerate(codes)])


def _groups(images: ImageSet, manifold: Manifold) -> tuple[str, np.ndarray]:
    """What the training rows are grouped by, and the group int64 (n,) of each, -1 for none."""
    if images.labels is not None:
        return "class", np.asarray(images.labels[manifold.rows], dtype=np.int64)
    return "cluster", np.asarray(manifold.clusters.labels, dtype=np.int64)


def _pairs_within(groups: np.ndarray, count: int, rng: np.random.Generator) -> np.ndarray:
    """Random pairs of rows (count, 2) of one group, groups drawn as often as in the set."""
    order = np.argsort(groups, kind="stable")
    starts, ends = (np.searchsorted(groups[order], groups, side) for side in ("left", "right"))
    first = rng.choice(np.flatnonzero(groups >= 0), size=count)
    last = order[rng.integers(starts[first], ends[first])]
    return np.stack([first, last], axis=1)


class _Finder:
    """Finds the groups of images by a vote of their nearest training images."""

    def __init__(self, extractor: Extractor, train: ImageSet, groups: np.ndarray) -> None:
        self.extractor, self.train, self.groups = extractor, train, groups
        self.rows = extractor.transform(train).rows

    def __call__(self, pixels: np.ndarray, own: np.ndarray | None = None) -> np.ndarray:
        """Give the groups (b,) of pixels; told which training rows they are, it does not count these."""
        nearest = search(self.extractor.rows(pixels), self.rows, min(VOTERS + 1, len(self.rows)))[0]
        counted = np.ones(nearest.shape, dtype=bool) if own is None else nearest != own[:, None]
        votes = [np.bincount(self.groups[near[kept][:VOTERS]] + 1) for near, kept in zip(nearest, counted, strict=True)]
        return np.array([vote.argmax() - 1 for vote in votes])

    def floor(self, rng: np.random.Generator) -> float:
        """Give the share of training images, 1,000 at most, that are found in their own group."""
        own = rng.permutation(np.flatnonzero(self.groups >= 0))[:MOST_FOUND]
        return float(np.mean(self(self.train.pixels[own], own) == self.groups[own]))


def _kept(hits: np.ndarray, space: str, floor: float, grouped_by: str) -> Score:
    return Score(
        name="group_kept",
        space=space,
        value=float(hits.mean()),
        interval=wilson_interval(float(hits.sum()), len(hits)),
        floor=floor,
        better="higher",
        n=len(hits),
        block="manifold",
        details={"grouped_by": grouped_by, "voters": VOTERS},
    )
