"""From an atlas to what its report shows; samples and paths are drawn again from their seeds."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path

import numpy as np

from imatlas.app.contents import ClosePair, Morph, ReportContents
from imatlas.conditions import CategoryCondition
from imatlas.evaluation import pairs_in_turns, verdict
from imatlas.generators import Vae
from imatlas.images import find_duplicates
from imatlas.progress import Report, silent
from imatlas.recipes import Model, draw_ways, extractor_of, far_pairs, load_model, without_excluded
from imatlas.recipes.modeling import MAP_GONE
from imatlas.store import Atlas
from imatlas.values import Clusters, Codes, ImageSet, Samples, Score

__all__ = ["gather_report"]

SHOWN_GROUPS = 12
SHOWN_OF_EACH = 10
SHOWN_MORPHS = 3
SHOWN_PAIRS = 12
FIELDS_SHOWN = ("class", "cluster")


def gather_report(atlas: Atlas, *, report: Report = silent) -> ReportContents:
    """Give the contents of an atlas's report: of its map, and of its default model if there is one."""
    images, added = atlas.images, atlas.added
    manifold = atlas.manifold if atlas.has_manifold else None
    common = {
        "images": images,
        "title": Path(images.source).name,
        "manifold": manifold,
        "cluster_names": [] if manifold is None else _names(manifold.clusters),
        "places": np.array(atlas.places) if atlas.has_manifold else None,
        "added_places": np.concatenate([batch.places for batch in added]) if added else None,
        "settings": dict(atlas.settings),
        "seconds": dict(atlas.seconds),
        "duplicates": _duplicates(images),
        "notes": images.notes,
    }
    name = atlas.default_model
    if name is None:
        return ReportContents(**common)  # type: ignore[arg-type]
    folder = atlas.model(name)
    model = load_model(folder)
    is_regrouped = folder.edits is not None and folder.edits.regroupings != atlas.edits.regroupings
    asked_by, samples = _samples(replace(model, map_key=MAP_GONE) if is_regrouped else model, report)
    asked = samples.codes.fields[asked_by][:, 0].astype(np.int64) if asked_by else None
    scores = folder.scores
    return ReportContents(
        **common,  # type: ignore[arg-type]
        verdict=verdict(scores, folder.references) if scores else (),
        model=name,
        samples=samples,
        asked_by=asked_by,
        asked=asked,
        morphs=_morphs(atlas, model),
        pairs=_pairs(images, model, scores, folder.judged_seed),
        scores=scores,
        references=folder.references,
        rivals=atlas.scores,
        curves=folder.metrics,
        seeds={"training": folder.config["plan"]["seed"], "samples": f"0 to {len(samples) - 1}"},
    )


def _names(clusters: Clusters) -> list[str]:
    """The name of each cluster; one without a name has its number."""
    grouping = clusters.grouping(clusters.level)
    return [grouping.names.get(number, f"Cluster {number + 1}") for number in range(len(grouping.stands_for))]


def _samples(model: Model, report: Report) -> tuple[str, Samples]:
    """Ten images of each class or cluster, of 12 spread over all if there are more; the first seeds if there is neither."""
    by_name = {condition.name: condition for condition in model.conditions if isinstance(condition, CategoryCondition)}
    if model.map_key == MAP_GONE:
        by_name.pop("cluster", None)  # the clusters of now are other images
    asked_by = next((field for field in FIELDS_SHOWN if field in by_name), "")
    if not asked_by:
        return "", model.sample(range(SHOWN_GROUPS * SHOWN_OF_EACH), report=report)
    names, labels = by_name[asked_by].names, by_name[asked_by].labels
    numbers = np.unique(labels[labels >= 0])  # without clusters that stand for another
    numbers = numbers[np.linspace(0, len(numbers) - 1, min(len(numbers), SHOWN_GROUPS)).round().astype(int)]
    groups = [
        model.sample(range(SHOWN_OF_EACH * place, SHOWN_OF_EACH * (place + 1)), {asked_by: names[number]})
        for place, number in enumerate(numbers)
    ]
    codes = Codes({asked_by: np.concatenate([group.codes.fields[asked_by] for group in groups])})
    how = tuple(note for group in groups for note in group.how)
    return asked_by, Samples(np.concatenate([group.pixels for group in groups]), codes, 0, groups[0].source, how)


def _morphs(atlas: Atlas, model: Model) -> tuple[Morph, ...]:
    if not isinstance(model.generator, Vae):
        return ()
    images, extractor = atlas.images, extractor_of(atlas)
    morphs = []
    for first, last in far_pairs(without_excluded(atlas.manifold, images), SHOWN_MORPHS):
        path = draw_ways(model, images, atlas.manifold, extractor, images.pixels[[first, last]], frames=12)
        scores = {"distance to the nearest image": path.off}
        morphs.append(Morph(path.geodesic, path.straight, f"{images.ids[first]} to {images.ids[last]}", scores))
    return tuple(morphs)


def _pairs(images: ImageSet, model: Model, scores: Sequence[Score], first_seed: int) -> tuple[ClosePair, ...]:
    """The closest generated images, drawn again: row r of the judged images has the first seed + r."""
    found = pairs_in_turns(scores)[:SHOWN_PAIRS]
    if not found:
        return ()
    drawn = model.sample([first_seed + pair.generated_row for pair in found])
    rows = images.training_rows
    return tuple(
        ClosePair(
            pixels,
            np.asarray(images.pixels[rows[pair.train_row]]),
            pair.ratio,
            str(images.ids[rows[pair.train_row]]),
            pair.space,
        )
        for pixels, pair in zip(drawn.pixels, found, strict=True)
    )


def _duplicates(images: ImageSet) -> tuple[tuple[str, ...], ...]:
    groups = find_duplicates(images)
    numbers, counts = np.unique(groups, return_counts=True)
    return tuple(tuple(images.ids[groups == number].tolist()) for number in numbers[counts > 1])
