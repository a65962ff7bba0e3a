"""Generated images beside real ones: features in spaces the generator never saw, scores, reference rows, a verdict."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass, replace

import numpy as np

from imatlas.checks import InputError
from imatlas.conditions import ClassCondition
from imatlas.evaluation import (
    DEFAULT_METRICS,
    CopyPair,
    Difference,
    compare_trials,
    evaluate_trial,
    gaussian_images,
    pairs_in_turns,
    some_generated,
    training_copies,
    verdict,
    with_generated,
)
from imatlas.evaluation.adherence import CODE_METRICS
from imatlas.evaluation.paired import COMPARED
from imatlas.evaluation.scoring import SPACELESS
from imatlas.features import JUDGES, require_judge
from imatlas.progress import Progress, Report, silent
from imatlas.recipes.asked import asked_codes
from imatlas.recipes.matching import equal_images
from imatlas.recipes.modeling import Model
from imatlas.recipes.real_set import RealSet, extract
from imatlas.recipes.timing import time_model
from imatlas.store import ModelFolder
from imatlas.values import ImageSet, Samples, Score, Trial

__all__ = [
    "FEWEST_TO_JUDGE",
    "Judgement",
    "choose_spaces",
    "compare_judgements",
    "draw_to_judge",
    "evaluate_model",
    "few_to_fit",
    "judge_images",
    "judging_count",
]

FEWEST_TO_JUDGE = 20
SPACES = ("random_convolutions", "principal_components", "pixels")
SPACES_OF_FEW = ("random_convolutions", "pixels", "principal_components")
N_SPACES = 2
REFERENCE_QUERIES = 200
FEW_TO_FIT = 3_200
"""Training images below which components favour them over new real ones: 50 for each of 64."""
LARGEST_PIXELS = 64 * 64 * 3


@dataclass(frozen=True)
class Judgement:
    """What was measured of one generator.

    Parameters
    ----------
    scores : of the generator.
    references : name -> scores of a reference row (training copies, Gaussian in PCA space); floors are in the scores.
    verdict : sentences for people.
    pairs : the generated images closest to a training image, closest first, spaces in turns.
    generated : the images that were judged.
    real : what they were judged against.
    trial : both, with features, for further metrics and for comparing generators.
    warnings : sentences on what is suspect about the two sets.
    left_out : sentences on what could not be measured, and why.
    avoided : the extractor that the generator was conditioned with, which therefore does not judge; "" if there is none.
    equal : (generated row, row of `real.used`) of each generated image that is a real one pixel for pixel.
    """

    scores: tuple[Score, ...]
    references: Mapping[str, tuple[Score, ...]]
    verdict: tuple[str, ...]
    pairs: tuple[CopyPair, ...]
    generated: ImageSet
    real: RealSet
    trial: Trial
    warnings: tuple[str, ...] = ()
    left_out: tuple[str, ...] = ()
    avoided: str = ""
    equal: tuple[tuple[int, int], ...] = ()


def judging_count(n_images: int, size: int) -> int:
    """How many images are drawn for judging: 10,000 up to 32 pixels a side, 2,000 above; 2,000 for sets below 5,000."""
    return 10_000 if size <= 32 and n_images >= 5_000 else 2_000


def few_to_fit(images: ImageSet) -> bool:
    """Say whether images are too few to fit components to, and small enough to be judged in their pixels instead."""
    return len(images.training_rows) < FEW_TO_FIT and math.prod(images.shape) <= LARGEST_PIXELS


def choose_spaces(wished: Sequence[str], avoid: frozenset[str], *, few: bool = False) -> tuple[str, ...]:
    """Give the extractors to judge with: those wished for, or two that need no training and are not to be avoided.

    Parameters
    ----------
    wished : keys of `JUDGES`; none = the choice is free.
    avoid : those that a generator was conditioned with; it would be flattered by them.
    few : whether components cannot be fitted well, as `few_to_fit` says; pixels are chosen before them then.

    Raises
    ------
    InputError
        If there is no such extractor, or one is wished for that is to be avoided.
    """
    for name in wished:
        require_judge(name)
    flattering = [name for name in wished if name in avoid]
    if flattering:
        fair = ", ".join(name for name in JUDGES if name not in avoid)
        raise InputError(
            f"A generator that is judged was conditioned with the features {flattering[0]}, which flatter it. "
            f"Choose from: {fair}."
        )
    free = SPACES_OF_FEW if few else SPACES
    return tuple(dict.fromkeys(wished)) or tuple(name for name in free if name not in avoid)[:N_SPACES]


def evaluate_model(
    model: Model,
    real: RealSet,
    *,
    count: int,
    seed: int = 0,
    folder: ModelFolder | None = None,
    report: Report = silent,
) -> Judgement:
    """Draw images from a model and judge them against the images of its set.

    Parameters
    ----------
    model : trained.
    real : the set with its split, and with extractors from `choose_spaces`.
    count : images to draw.
    seed : of the first image; the following seeds make the others.
    folder : where the model is kept; with it its cold start, its training and its size are told too.
    report : hears of the progress.
    """
    samples = model.sample(range(seed, seed + count), report=report)
    judgement = judge_images(real, _labelled(model, samples), timing=time_model(model, folder), report=report)
    return _with_codes(judgement, asked_codes(model.conditions, samples.codes))


def draw_to_judge(model: Model, count: int, *, seed: int = 0, report: Report = silent) -> ImageSet:
    """Draw images from a model, labelled by the class each was asked for if the model knows classes."""
    return _labelled(model, model.sample(range(seed, seed + count), report=report))


def _labelled(model: Model, samples: Samples) -> ImageSet:
    classes = next((one.names for one in model.conditions if isinstance(one, ClassCondition)), ())
    labels = None
    if "class" in samples.codes.fields:
        labels = samples.codes.fields["class"][:, 0].astype(np.int64)
    ids = np.array([f"generated-{row}" for row in range(len(samples))])
    return ImageSet(samples.pixels, ids, labels, classes if labels is not None else (), source=samples.source)


def judge_images(
    real: RealSet,
    generated: ImageSet,
    *,
    timing: Mapping[str, float | str] | None = None,
    report: Report = silent,
) -> Judgement:
    """Judge generated images against real ones that were and were not trained on.

    Parameters
    ----------
    real, generated : of one shape, 20 images or more each; classes numbered alike.
    timing : what the generator costs; see `Trial.timing`.
    report : hears of the progress.

    Raises
    ------
    InputError
        If the shapes differ or there are too few images.
    """
    train = real.parts["train"]
    _check(train, generated)
    features = {name: extract(extractor, generated) for name, extractor in real.extractors.items()}
    trial = replace(with_generated(real.trial, generated, features), timing=dict(timing or {}))
    left_out: list[str] = []

    def hear(progress: Progress) -> None:
        left_out.extend([progress.note] if progress.note else [])
        report(replace(progress, stage="judging", note=""))

    # Without a model there is no speed to speak of, which needs no reasons.
    metrics = tuple(name for name in DEFAULT_METRICS if timing or SPACELESS.get(name) != "")
    scores = evaluate_trial(trial, metrics=metrics, report=hear)
    references = _references(real, trial, scores, report)
    equal = equal_images(real.first_rows, generated)
    n_copied = sum(not real.used.held_out[twin] for _, twin in equal)
    said = _with_equal(verdict(scores, references), n_copied, len(generated))
    pairs = pairs_in_turns(scores)
    return Judgement(scores, references, said, pairs, generated, real, trial, left_out=_joined(left_out), equal=equal)


def _with_equal(sentences: Sequence[str], n_equal: int, n: int) -> tuple[str, ...]:
    """Tell first how many images are training images pixel for pixel: that is certain, however wide an interval is."""
    if not n_equal:
        return tuple(sentences)
    told = f"Copies: {n_equal:,} of {n:,} images ({100 * n_equal / n:.3g} %) are training images pixel for pixel. By distance: "
    return tuple(
        sentence.replace("Copies: ", told, 1) if sentence.startswith("Copies: ") else sentence for sentence in sentences
    )


def compare_judgements(first: Judgement, second: Judgement) -> tuple[Difference, ...]:
    """Compare two generators that were judged against the same real images, by what both were scored by in feature spaces.

    Raises
    ------
    InputError
        If the real images differ.
    """
    both = {score.name for score in first.scores} & {score.name for score in second.scores}
    return compare_trials(first.trial, second.trial, metrics=[name for name in COMPARED if name in both])


def _with_codes(judgement: Judgement, codes: Mapping[str, Mapping[str, np.ndarray]]) -> Judgement:
    """Add how well the images land where codes beyond the class asked; what cannot be told is said among what was left out."""
    trial = replace(judgement.trial, codes=codes)
    left_out: list[str] = []
    scores: tuple[Score, ...] = ()
    with suppress(InputError):  # which repeats the first of the notes
        scores = evaluate_trial(
            trial,
            metrics=tuple(CODE_METRICS),
            report=lambda progress: left_out.extend([progress.note] if progress.note else []),
        )
    return replace(judgement, scores=judgement.scores + scores, trial=trial, left_out=judgement.left_out + _joined(left_out))


def _joined(notes: Sequence[str]) -> tuple[str, ...]:
    """Say each reason for which something was left out once, behind all that it is the reason for."""
    stages: dict[str, list[str]] = {}
    for note in notes:
        stage, _, reason = note.partition(" left out: ")
        stages.setdefault(reason, []).append(stage)
    return tuple(f"{', '.join(left)}: {reason}" for reason, left in stages.items())


def _references(real: RealSet, trial: Trial, scores: Sequence[Score], report: Report) -> dict[str, tuple[Score, ...]]:
    """Score the reference rows at the number of generated images; the same for every generator that draws as many.

    Where pixels and patches are searched for copies, which takes longest, a few of the images stand for all.
    """
    count = len(trial.generated)
    names = tuple(dict.fromkeys(_metric_of(score) for score in scores if score.block != "speed"))
    of_images = tuple(name for name in names if name in SPACELESS)
    of_features = tuple(name for name in names if name not in SPACELESS)
    if (count, names) not in real.reference_scores:
        gaussian = gaussian_images(trial.train, count=count)
        drawn = {name: extract(extractor, gaussian) for name, extractor in real.extractors.items()}
        others = {"training copies": training_copies(trial), "Gaussian in PCA space": with_generated(trial, gaussian, drawn)}

        def hear(progress: Progress) -> None:
            report(replace(progress, stage="reference rows", note=""))

        rows = {
            name: evaluate_trial(other, metrics=of_features, report=hear)
            + evaluate_trial(some_generated(other, REFERENCE_QUERIES), metrics=of_images, report=hear)
            for name, other in others.items()
        }
        real.reference_scores[count, names] = rows
    return real.reference_scores[count, names]


def _metric_of(score: Score) -> str:
    """Give the key of the metric that made a score: copy rates of several spaces bear one name."""
    return next((name for name, space in SPACELESS.items() if space and space == score.space), score.name)


def _check(train: ImageSet, generated: ImageSet) -> None:
    for name, images in (("training", train), ("generated", generated)):
        if len(images) < FEWEST_TO_JUDGE:
            raise InputError(f"There are {len(images)} {name} images; judging needs {FEWEST_TO_JUDGE} at least. Give more.")
    if generated.shape != train.shape:
        raise InputError(
            f"Generated images have the shape {generated.shape}, real ones {train.shape}; give one --resolution for both."
        )
