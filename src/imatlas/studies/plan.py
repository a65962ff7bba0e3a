"""What a study compares and on what terms, how many cells that makes, and how long they will take."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field, replace

import numpy as np

from imatlas.checks import InputError
from imatlas.features import require_judge
from imatlas.recipes import FEWEST_TO_TRAIN, Wishes, forecast_images, judging_count
from imatlas.recipes.learning import ENCODER_SHARE, MOST_ENCODER_SECONDS, choose_extractor
from imatlas.studies.arms import Arm, find_arms
from imatlas.studies.partitions import pixel_clusters
from imatlas.values import ImageSet

__all__ = ["DEFAULT_JUDGES", "Cell", "Study", "arms_of", "cells_of", "count_of", "forecast_study", "is_labelled", "subset_of"]

CODED = ("latent_flow", "vae")
"""Kinds of generators that draw from a code, so that there are ways between images."""
DEFAULT_JUDGES = ("own_encoder", "random_convolutions")
FEWEST_HELD_OUT = 20
JUDGE_SECONDS = 60.0
SECONDS_PER_IMAGE = 0.008
"""Guesses of what fitting the judges, and drawing and judging one image, take on two cores."""


@dataclass(frozen=True)
class Study:
    """What is compared.

    Parameters
    ----------
    arms : keys of `ARMS`; none = the usual ones.
    repeats : trainings of each arm, each with a seed of its own that all arms share.
    wishes : budget, steps, seed, features, generator, device and precision; its conditions are the arms' affair.
    judges : keys of `JUDGES`, the feature spaces that are judged in.
    count : images drawn from each training; None = 10,000, or 2,000 for small sets and large images.
    lengths : shares of the budget, in (0, 1]; more than one shows how gains depend on the length of training.
    subset : train on so many images alone, drawn by the seed; 0 = all.
    paths : morphs between pairs of images that are scored in each baseline with a code; 0 = none.

    Raises
    ------
    InputError
        If a number lies outside its range.
    """

    arms: tuple[str, ...] = ()
    repeats: int = 5
    wishes: Wishes = field(default_factory=lambda: Wishes(budget=240.0))
    judges: tuple[str, ...] = DEFAULT_JUDGES
    count: int | None = None
    lengths: tuple[float, ...] = (1.0,)
    subset: int = 0
    paths: int = 0

    def __post_init__(self) -> None:
        if self.repeats < 1:
            raise InputError(
                f"{self.repeats} repeats were asked for; wanted 1 at least. Five or more give an interval to trust."
            )
        wrong = [length for length in self.lengths if not 0 < length <= 1]
        if wrong or 1.0 not in self.lengths:
            raise InputError(
                f"The lengths are {', '.join(f'{length:g}' for length in self.lengths) or 'none'}; wanted shares of the budget "
                "above 0 and up to 1, and 1 among them. Give for example 0.25,0.5,1."
            )
        if self.subset and self.subset < FEWEST_TO_TRAIN:
            raise InputError(f"The subset has {self.subset} images; a generator needs {FEWEST_TO_TRAIN} at least. Take more.")
        if not self.judges:
            raise InputError("No feature space was named to judge in; name one at least, or leave the option out.")
        for name in self.judges:
            require_judge(name)


@dataclass(frozen=True)
class Cell:
    """One arm, trained once and judged: which repeat it is, from 1, and for what share of the budget."""

    arm: Arm
    repeat: int
    length: float = 1.0

    @property
    def name(self) -> str:
        """Name of its files."""
        return f"{self.repeat}-{self.arm.name}{length_words(self.length)}"


def length_words(length: float) -> str:
    """Give what the name of a file says of a share of the budget; nothing for all of it."""
    return "" if length == 1 else f"-{length:g}"


def is_labelled(images: ImageSet) -> bool:
    """Say whether the training images have labels of two classes at least."""
    labels = images.labels
    return labels is not None and len(np.unique(labels[images.training_rows][labels[images.training_rows] >= 0])) > 1


def arms_of(study: Study, images: ImageSet) -> tuple[Arm, ...]:
    """Give the arms of a study, those it needs to be compared with among them.

    Raises
    ------
    InputError
        If the images or the generator do not allow one, or a judge saw what an arm was conditioned with.
    """
    arms = find_arms(study.arms, study.wishes.generator, labelled=is_labelled(images))
    wishes = study.wishes
    drawing = arms[0].fit.kind or wishes.generator
    if study.paths and drawing not in CODED:
        raise InputError(
            f"Morphs were asked for, and a {drawing} draws from no code. Take {' or '.join(CODED)}, or leave the morphs out."
        )
    seen = {choose_extractor(wishes.features, len(images.training_rows), budget=wishes.budget, steps=wishes.steps).name}
    if any(arm.fit.remade is pixel_clusters for arm in arms):
        seen |= {"pixels", "principal_components"}
    flattered = [name for name in study.judges if name in seen]
    if flattered:
        raise InputError(
            f"An arm may be conditioned with the features {flattered[0]}, which would flatter it. Judge in others, such as "
            f"{', '.join(DEFAULT_JUDGES)}, or leave that arm out."
        )
    return arms


def cells_of(study: Study, arms: Sequence[Arm]) -> tuple[Cell, ...]:
    """Give the cells in the order they are made: repeat by repeat, beginning each with another arm.

    So that a machine that grows slower or busier does not meet one arm more than another.
    """
    cells = []
    for repeat in range(1, study.repeats + 1):
        first = (repeat - 1) % len(arms)
        turned = [*arms[first:], *arms[:first]]
        cells += [Cell(arm, repeat, length) for length in sorted(study.lengths, reverse=True) for arm in turned]
    return tuple(cells)


def count_of(study: Study, images: ImageSet) -> int:
    """Say how many images are drawn from each training."""
    return study.count or judging_count(len(images.training_rows), images.shape[0])


def subset_of(images: ImageSet, study: Study) -> ImageSet:
    """Give the images of a study: all that are held out, and as many training images as it asks for.

    Raises
    ------
    InputError
        If there are fewer than that, or too few to train on or to judge with.
    """
    rows, held_out = images.training_rows, images.held_out_rows
    if study.subset > len(rows):
        raise InputError(
            f"A subset of {study.subset:,} images was asked for, and there are {len(rows):,} to train on. Take fewer."
        )
    for found, least, what in ((len(rows), FEWEST_TO_TRAIN, "to train on"), (len(held_out), FEWEST_HELD_OUT, "held out")):
        if found < least:
            raise InputError(f"There are {found} images {what}; a comparison needs {least} at least. Add images.")
    chosen = np.random.default_rng([study.wishes.seed, 7]).permutation(rows)[: study.subset or len(rows)]
    kept = images.take(np.sort(np.concatenate([chosen, held_out])))
    return replace(kept, rejected=images.rejected, formats=images.formats, sizes=images.sizes)


def forecast_study(study: Study, arms: Sequence[Arm], images: ImageSet) -> dict[str, float]:
    """Say about how many seconds the parts of a study will take on this machine; training is counted by the budget.

    With training steps in place of a budget nothing is known of their time, and nothing is said of it.
    """
    wishes, fits = study.wishes, {arm.fit for arm in arms}
    trained = sum(wishes.budget * length for length in study.lengths) * len(fits)
    encoder = 0.0 if wishes.steps else min(MOST_ENCODER_SECONDS, ENCODER_SHARE * wishes.budget)
    stage = encoder + forecast_images(images, wishes.features).seconds
    judged = count_of(study, images) * SECONDS_PER_IMAGE * len(arms) * len(study.lengths)
    parts = {"learning the manifold": stage, "training": 0.0 if wishes.steps else trained, "drawing and judging": judged}
    return {name: seconds * study.repeats for name, seconds in parts.items()} | {"fitting the judges": JUDGE_SECONDS}
