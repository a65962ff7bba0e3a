"""What the command line says of a set of images, its map and a judgement; and the same facts as JSON values."""

from __future__ import annotations

import numpy as np

from imatlas.app.cli.console import Console
from imatlas.evaluation import score_table
from imatlas.recipes import Judgement
from imatlas.store import Atlas
from imatlas.values import ImageSet, Manifold

__all__ = ["say_images", "say_manifold", "say_scores", "summary"]

SHOWN_FILES = 5


def say_images(console: Console, images: ImageSet) -> None:
    """Say what was read, what was decided, and what was left out."""
    height, width, channels = images.shape
    labels = "no labels" if images.labels is None else counted(len(images.class_names), "class", "classes")
    broken = f"{len(images.rejected)} broken (listed in the report), " if images.rejected else ""
    console.say(
        f"{counted(len(images), 'image')} of {height} x {width}, {'colour' if channels == 3 else 'gray'}, {broken}{labels}, "
        f"{int(np.sum(images.held_out)):,} held out for judging."
    )
    console.say(*(f"  note: {note}" for note in images.notes))
    for file in images.rejected[:SHOWN_FILES]:
        console.say(f"  left out: {file.path!r}: {file.reason}")
    if len(images.rejected) > SHOWN_FILES:
        console.say(f"  ... and {len(images.rejected) - SHOWN_FILES} more, listed in the report")


def say_manifold(console: Console, manifold: Manifold) -> None:
    """Say what was learned of the manifold, and how far its map can be trusted."""
    sizes, low_high = manifold.graph.component_sizes, manifold.dimension.interval
    trust = manifold.embedding.trust
    console.say(
        f"Map of {counted(len(manifold), 'image')} from features: {manifold.features.extractor}. Intrinsic dimension "
        f"{manifold.dimension.value:.1f} ({low_high[0]:.1f} to {low_high[1]:.1f}), "
        f"{counted(manifold.clusters.n_clusters, 'cluster')}, {counted(len(sizes), 'connected part')}.",
        f"Trust in the map: {trust['trustworthiness']:.3f} trustworthiness, {trust['continuity']:.3f} continuity, "
        f"{trust['random_triplet_accuracy']:.3f} random-triplet accuracy.",
    )


def say_scores(console: Console, judgement: Judgement) -> None:
    """Say the verdict and every score; give both as JSON."""
    console.say(*judgement.verdict, "")
    rows = score_table(judgement.scores, judgement.references)
    for row in rows:
        interval = "" if row.interval is None else f"({row.interval[0]:.4g} to {row.interval[1]:.4g})"
        floor = "" if row.floor is None else f"floor {row.floor:.4g}"
        console.say(
            f"{row.name:<20} {row.space:<22} {row.value:>10.4g} {interval:<24} {floor:<16} {row.better} is better, n = {row.n}"
        )
    scores = [
        {"name": s.name, "space": s.space, "value": s.value, "interval": s.interval, "floor": s.floor, "n": s.n}
        for s in judgement.scores
    ]
    console.give({"verdict": list(judgement.verdict), "scores": scores})


def summary(atlas: Atlas) -> dict[str, object]:
    """Give what an atlas holds, JSON values only."""
    images = atlas.images
    facts: dict[str, object] = {
        "atlas": str(atlas.folder),
        "source": images.source,
        "images": len(images),
        "resolution": images.shape[0],
        "channels": images.shape[2],
        "broken": len(images.rejected),
        "held_out": int(np.sum(images.held_out)),
        "classes": list(images.class_names),
        "models": list(atlas.models),
        "default_model": atlas.default_model,
        "seconds": {name: round(value, 1) for name, value in atlas.seconds.items()},
    }
    if atlas.has_manifold:
        manifold = atlas.manifold
        facts |= {
            "features": manifold.features.extractor,
            "dimension": round(manifold.dimension.value, 2),
            "clusters": manifold.clusters.n_clusters,
            "parts": len(manifold.graph.component_sizes),
            "trust": {name: round(value, 4) for name, value in manifold.embedding.trust.items()},
        }
    return facts


def counted(n: int, noun: str, plural: str = "") -> str:
    """Give "1 image" or "1,797 images"."""
    return f"{n:,} {noun if n == 1 else plural or noun + 's'}"
