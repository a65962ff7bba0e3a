"""Any generator's images against real ones, from wherever both come: read alike, looked over, judged, compared.

Real and generated images come to one size by one rule, once, from the original; channels are matched, classes are matched by
name, and the extractors are fitted to the real images alone. Several generators are judged against the same real side, so
that they can be compared pair by pair.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path

import numpy as np

from imatlas.checks import InputError
from imatlas.features import Extractor, make_judge
from imatlas.files import is_atlas
from imatlas.images import RESIZE_RULE, read_images, split_images
from imatlas.progress import Report, silent
from imatlas.recipes.contenders import Contender, Source, open_contender, read_contender
from imatlas.recipes.judging import FEW_TO_FIT, Judgement, choose_spaces, few_to_fit, judge_images, judging_count
from imatlas.recipes.matching import match_channels, match_classes, suspicions
from imatlas.recipes.modeling import Model
from imatlas.recipes.real_set import (
    RealSet,
    clusters_of,
    is_real_set,
    read_real_set,
    real_set,
    require_place,
    require_same_images,
    with_clusters,
    write_real_set,
)
from imatlas.store import open_atlas
from imatlas.values import ImageSet

__all__ = ["Terms", "evaluate", "evaluate_all"]

UNCHANGED = "none, the images came at one size"


@dataclass(frozen=True)
class Terms:
    """On what terms images are judged.

    Parameters
    ----------
    extractors : keys of `JUDGES`, each a space to judge in; none = two that no generator was conditioned with.
    resolution : side of the images, 8 to 512, a multiple of 4; None = that of the models that are judged, else the real
        images' own, or a usual one near their median.
    count : images a model draws; None = 10,000, or 2,000 for small sets and large images.
    seed : of the split of the real images, and of the first image a model draws.
    keep : file where the real set is kept with its features and reference rows; used again if it fits, refused if it does
        not.
    make : gives an extractor by its name, such as `partial(make_judge, weights=...)` for one that comes trained.
    """

    extractors: tuple[str, ...] = ()
    resolution: int | None = None
    count: int | None = None
    seed: int = 0
    keep: Path | None = None
    make: Callable[[str], Extractor] = make_judge


def evaluate(
    real: Source,
    generated: Source | Model,
    *,
    extractors: Sequence[str] = (),
    resolution: int | None = None,
    seed: int = 0,
    report: Report = silent,
) -> Judgement:
    """Judge generated images against real ones.

    Parameters
    ----------
    real : folder, zip, npz, npy or idx file, array (n, H, W[, C]), image set, atlas, or a file kept by `evaluate_all`.
    generated : the same, or a model or its folder, which then draws; an atlas stands for its model.
    extractors, resolution, seed : as for `Terms`.
    report : hears of the progress.

    Returns
    -------
    Scores, each with interval and floor, reference rows, a verdict, and warnings about the two sets.

    Raises
    ------
    InputError
        If images cannot be read or there are too few; the message says what to do.
    """
    terms = Terms(tuple(extractors), resolution, seed=seed)
    return evaluate_all(real, [generated], terms, report=report)[0]


def evaluate_all(
    real: Source, generated: Sequence[Source | Model], terms: Terms | None = None, *, report: Report = silent
) -> tuple[Judgement, ...]:
    """Judge several generators against the same real images.

    Parameters
    ----------
    real, generated : as for `evaluate`; one or more generators.
    terms : on which they are judged.
    report : hears of the progress.

    Raises
    ------
    InputError
        As `evaluate`; also if two of the sources are one place, or a kept real set is another one.
    """
    terms = terms or Terms()
    contenders = _at_the_door(real, generated, terms)
    avoid = frozenset(one.avoid for one in contenders if one.avoid)
    choose_spaces(terms.extractors, avoid)  # a wish that cannot be met is refused before anything is read
    sides = {contender.side for contender in contenders if contender.side}
    wanted = terms.resolution or (min(sides) if len(sides) == 1 else None)
    opened = _open_real(real, replace(terms, resolution=wanted), report)
    kept = () if opened.kept is None else tuple(opened.kept.extractors)
    spaces = choose_spaces(terms.extractors or kept, avoid, few=few_to_fit(opened.images))
    side, n = opened.images.shape[0], terms.count or judging_count(len(opened.images), opened.images.shape[0])
    read = [read_contender(one, side, count=n, seed=terms.seed, report=report) for one in contenders]
    images, *matched = match_channels([opened.images, *(drawn for drawn, _ in read)])
    against = _real_set(replace(opened, images=images), spaces, terms)
    known = len(against.reference_scores)
    judged = tuple(
        replace(_judge(against, drawn, timing, report), avoided=one.avoid)
        for one, drawn, (_, timing) in zip(contenders, matched, read, strict=True)
    )
    if terms.keep is not None and len(against.reference_scores) > known:
        write_real_set(against, terms.keep)
    return judged


def _at_the_door(real: Source, generated: Sequence[Source | Model], terms: Terms) -> list[Contender]:
    """Give what is to be judged, and refuse what no reading could make right."""
    _refuse_one_place([real, *generated])
    if terms.keep is not None:
        require_place(terms.keep)
    contenders = [open_contender(source) for source in generated]
    if terms.count is not None and all(one.model is None for one in contenders):
        raise InputError(
            f"{terms.count} images were to be drawn, and no model is judged that could draw them. All images given are judged: "
            "leave out --count, or give fewer images."
        )
    return contenders


def _judge(real: RealSet, drawn: ImageSet, timing: Mapping[str, float | str], report: Report) -> Judgement:
    labelled, about_classes = match_classes(real.used, drawn)
    judgement = judge_images(real, labelled, timing=timing, report=report)
    about_both = suspicions(real.used, labelled, equal=judgement.equal, n_pictures=len(real.first_rows))
    return replace(judgement, warnings=about_both + about_classes + _fitted_to_few(real))


def _fitted_to_few(real: RealSet) -> tuple[str, ...]:
    """Say where the training images themselves bent the space that is judged in."""
    n = len(real.images.training_rows)
    if "principal_components" not in real.extractors or n >= FEW_TO_FIT:
        return ()
    return (
        f"The principal components were fitted to {n:,} training images, which spread further along them than new real ones "
        "do: in that space variety, spacing and distance off the manifold come out too low, density and precision too high. "
        f"Give {FEW_TO_FIT:,} training images, or judge in pixels: --extractors random_convolutions,pixels.",
    )


@dataclass(frozen=True)
class _Opened:
    """Real images as they were read, the rule that brought them to their size, the kept real set if that was read; clusters."""

    images: ImageSet
    resize: str
    kept: RealSet | None = None
    place: Path = Path()
    clusters: np.ndarray | None = None


def _open_real(real: Source, terms: Terms, report: Report) -> _Opened:
    resolution, seed = terms.resolution, terms.seed
    place = Path(real).expanduser() if isinstance(real, str | Path) else Path()
    if is_real_set(place):
        kept = read_real_set(place, make=terms.make)
        if resolution not in (None, kept.images.shape[0]):
            raise InputError(
                f"{place} holds images of {kept.images.shape[0]} x {kept.images.shape[0]}, and {resolution} was wanted. "
                "Give the images themselves, or leave out --resolution."
            )
        return _Opened(kept.images, kept.resize, kept, place, kept.clusters)
    atlas = open_atlas(place) if is_atlas(place) else None
    source = real if atlas is None else atlas.images
    images = read_images(source, resolution=resolution, seed=seed, exact=True, report=report)
    if not images.held_out.any():
        images = split_images(images, seed=seed)
    unchanged = isinstance(source, ImageSet) and source.shape[:2] == images.shape[:2]
    clusters = None if atlas is None else clusters_of(atlas, images)
    return _Opened(images, UNCHANGED if unchanged else RESIZE_RULE, clusters=clusters)


def _real_set(opened: _Opened, spaces: Sequence[str], terms: Terms) -> RealSet:
    """Give the real set to judge against: one that was kept, if it fits, else a new one."""
    if opened.kept is not None and opened.images.shape != opened.kept.images.shape:
        raise InputError(f"{opened.place} holds gray images, and generated ones are in colour. Give the images themselves.")
    kept, place, keep = opened.kept, opened.place, terms.keep
    if kept is None and keep is not None and keep.exists():
        kept, place = read_real_set(keep, make=terms.make), keep
    if kept is not None:
        require_same_images(kept, opened.images, names=spaces, resize=opened.resize, path=place)
        return with_clusters(kept, opened.clusters)
    made = real_set(opened.images, [terms.make(name) for name in spaces], resize=opened.resize, clusters=opened.clusters)
    if keep is not None:
        write_real_set(made, keep)
    return made


def _refuse_one_place(sources: Sequence[Source | Model]) -> None:
    """Refuse the same file or folder under two names of the command line."""
    places = [Path(source).expanduser().resolve() for source in sources if isinstance(source, str | Path)]
    twice = next((place for row, place in enumerate(places) if place in places[:row] and not is_atlas(place)), None)
    if twice is not None:
        raise InputError(f"{twice} was given twice, so it would be compared with itself. Give real and generated images each.")
