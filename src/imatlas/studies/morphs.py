"""Morphs between pairs of held-out images: along the manifold beside straight, by what their middles look like.

Halfway between two random images there is neither end to lean on. The middles of many morphs are judged like the images of an
arm, copies included: a way that passes through training images would have good distances by copying. Held-out images passed
through the code and back stand beside them, for what the decoder can reach.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import asdict

import numpy as np

from imatlas.progress import Report, silent
from imatlas.recipes import Model, RealSet, code_chart
from imatlas.recipes.path_scores import WAYS, draw_each, midpoints
from imatlas.sampling import encode
from imatlas.studies.differences import apart, mean_interval
from imatlas.studies.fits import Ground
from imatlas.studies.judging import COPIES, score_images
from imatlas.studies.words import named, percent, span

__all__ = ["AGAIN", "morph_sentences", "score_morphs"]

AGAIN = "passed through the code"


def score_morphs(model: Model, ground: Ground, real: RealSet, *, count: int, report: Report = silent) -> dict[str, list[dict]]:
    """Judge the middles of morphs.

    Parameters
    ----------
    model : with a code.
    ground, real : of its repeat, and of the study.
    count : pairs of held-out images.

    Returns
    -------
    "geodesic", "straight" and the images passed through the code -> scores as JSON values.
    """
    held_out = ground.images.held_out_rows
    rng = np.random.default_rng([ground.seed, 9])
    first = rng.integers(len(held_out), size=count)
    last = (first + rng.integers(1, len(held_out), size=count)) % len(held_out)  # never the same image twice
    ends = np.asarray(ground.images.pixels[held_out[np.stack([first, last], axis=1)]])
    halfway = midpoints(model, code_chart(model, ground.images, ground.manifold), ends)
    drawn = {name: draw_each(model, codes, ground.seed) for name, codes in zip(WAYS, halfway, strict=True)}
    drawn[AGAIN] = draw_each(model, encode(model.generator, ends[:, 0]), ground.seed)
    return {name: [asdict(score) for score in score_images(real, pixels, report=report)] for name, pixels in drawn.items()}


def morph_sentences(morphs: Mapping[str, Mapping[str, Sequence[Mapping]]], measure: str) -> tuple[str, ...]:
    """Say how the middles of morphs along the manifold stand to those of straight lines, and what they copy.

    Parameters
    ----------
    morphs : repeat -> scores, from `score_morphs`.
    measure : name of the distance that decides.
    """
    said, repeats = [], list(morphs.values())
    spaces = [row["space"] for row in repeats[0]["straight"] if row["name"] == measure] if repeats else []
    for space in spaces:
        curved, straight = (np.array([_value(one[way], measure, space) for one in repeats]) for way in WAYS)
        if (straight <= 0).any():
            continue
        gaps = apart(measure, curved, straight)
        interval = mean_interval(gaps)
        sure = f"95 % interval {span(*interval)}" if interval else "one training, no interval"
        said.append(f"{percent(float(gaps.mean()), signed=True)} in {space} ({sure})")
    if not said:
        return ()
    copied = [percent(_most_copies(repeats, way), digits=1) for way in WAYS]
    return (
        f"The middles of morphs along the manifold against those of straight lines, {named(measure)}: {'; '.join(said)}. "
        f"Copies among them: {copied[0]} along the manifold, {copied[1]} straight, at most.",
    )


def _most_copies(repeats: Sequence[Mapping[str, Sequence[Mapping]]], way: str) -> float:
    """Give the highest of the copy rates along one way in any space, as the mean over the repeats."""
    rates: dict[str, list[float]] = {}
    for row in [row for one in repeats for row in one[way] if row["name"] == COPIES]:
        rates.setdefault(row["space"], []).append(float(row["value"]))
    return max(float(np.mean(values)) for values in rates.values())


def _value(rows: Sequence[Mapping], name: str, space: str) -> float:
    return next(float(row["value"]) for row in rows if (row["name"], row["space"]) == (name, space))
