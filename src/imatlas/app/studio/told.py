"""What the page needs before it draws: the fields of an atlas, its models and what they can be asked for, its map."""

from __future__ import annotations

import threading

import numpy as np

from imatlas import __version__
from imatlas.app.studio.answers import (
    AtlasFacts,
    Condition,
    ConditionFacts,
    Counts,
    Dial,
    Fields,
    GeneratorFacts,
    Labels,
    MapFacts,
    ModelFacts,
    TrainFacts,
    TrustScore,
    Values,
)
from imatlas.app.studio.sheets import thumbs_of
from imatlas.app.studio.view import VALUES, View
from imatlas.app.trust_rows import trust_rows
from imatlas.checks import InputError
from imatlas.conditions import CONDITIONS, CategoryCondition, ClusterCondition, FeatureCondition, level_columns
from imatlas.store import Atlas, ModelFolder

__all__ = ["DIALS", "ModelShelf", "atlas_facts"]

TITLES = {
    "class": "Class",
    "cluster": "Cluster",
    "cluster_middle": "Wider cluster",
    "cluster_coarse": "Widest cluster",
    "style": "Style of a picture",
    "neighborhood": "Near a picture",
    "map_place": "Place on the map",
    "density": "How common",
}

DIALS = {
    "steps": (1, 100, "Steps of the sampler: more is finer and slower."),
    "guidance": (0, 5, "How closely a condition is followed: more follows closer and varies less; 1 is as trained."),
    "autoguidance": (0, 5, "How far to keep from the model's early faults; 1 is off."),
    "diversity": (0, 1, "Noise on the condition, so that draws of one condition vary more; 0 is off."),
    "typical": (0.05, 1, "Draw from this densest share of the codes: less is more ordinary; 1 is all."),
}
"""Dial -> lowest and highest that make sense, and what it does."""

KNOWN_RANGES = {"trust": (0.0, 1.0), "outlier": (1.0, 2.0)}

GENERATORS = {
    "latent_flow": "Sharp, and drawn in one pass; it can also morph. The usual choice.",
    "vae": "Soft, drawn in one pass; it can also morph. A baseline.",
    "flow": "Sharp with time: it draws the pixels themselves, so it is slower to train and to draw, and it cannot morph.",
    "gan": "Sharp, drawn in one pass; it cannot morph, and may leave out part of the set.",
}
"""Kind of generator -> what it is like."""

USUAL_BUDGET = 600.0  # seconds

CODED = frozenset({"vae", "latent_flow"})
"""Kinds of generators that have a code of an image, so that they can morph."""

PIXEL_SIDE = 32
"""Images of this side at most are shown with square pixels."""


class ModelShelf:
    """The trained models of an atlas in words; each is read once, until its files, the map or the edits change."""

    def __init__(self) -> None:
        self._told: dict[str, tuple[tuple, ModelFacts | str]] = {}
        self._lock = threading.Lock()

    def of(self, atlas: Atlas) -> tuple[list[ModelFacts], list[str]]:
        """Give the trained models, oldest first, and why others cannot be read, such as those of another format."""
        default, told, unread = atlas.default_model, [], []
        with self._lock:
            for name in atlas.models:
                folder = atlas.model(name)
                if not folder.is_trained:
                    continue
                changed = (folder.folder / "model.safetensors").stat().st_mtime_ns
                key = (changed, folder.map_key, atlas.edits.revision)
                if name not in self._told or self._told[name][0] != key:
                    self._told[name] = (key, _told_or_why_not(atlas, folder))
                facts = self._told[name][1]
                if isinstance(facts, str):
                    unread.append(facts)
                else:
                    told.append(facts.model_copy(update={"default": name == default}))
        return told, unread


def atlas_facts(view: View, shelf: ModelShelf) -> AtlasFacts:
    """Give all that the page needs before it draws."""
    images, (models, unread) = view.images, shelf.of(view.atlas)
    return AtlasFacts(
        name=view.atlas.folder.resolve().name.removesuffix(".atlas"),
        n=len(images),
        shape=list(images.shape),
        fields=Fields(labels=_labels(view), values=_values(view)),
        models=models,
        map=_map_facts(view),
        counts=Counts(held_out=int(images.held_out.sum()), excluded=int(images.excluded.sum()), rejected=len(images.rejected)),
        notes=[*images.notes, *unread],
        thumbs=thumbs_of(view),
        train=_train_facts(view),
        revision=view.atlas.edits.revision,
        version=__version__,
        stamp=view.stamp,
    )


def _labels(view: View) -> list[Labels]:
    found = []
    if view.images.labels is not None:
        found.append(Labels(name="class", title="Class", groups=list(view.images.class_names), condition="class"))
    for level in range(view.levels.shape[1]):
        grouping = view.manifold.clusters.grouping(level)
        own = grouping.stands_for == np.arange(len(grouping.stands_for))
        asked = next((name for name, column in view.level_of.items() if column == level), None)
        groups = [name if is_own else "" for name, is_own in zip(grouping.all_names, own, strict=True)]  # "" was merged away
        found.append(Labels(name=f"cluster-{level}", title=f"{own.sum()} clusters", groups=groups, condition=asked))
    return found


def _train_facts(view: View) -> TrainFacts:
    """Say what can be trained: a condition that the set has not is not offered."""
    had = [name for name in CONDITIONS if name in view.conditions]
    return TrainFacts(
        generators=[GeneratorFacts(name=name, title=name.replace("_", " "), says=says) for name, says in GENERATORS.items()],
        conditions=[ConditionFacts(name=name, title=TITLES[name]) for name in had],
        budget=USUAL_BUDGET,
    )


def _values(view: View) -> list[Values]:
    """Scores that take long to work out have a known range, so that the page need not wait for them."""
    manifold = view.manifold
    measured = {"density": manifold.density, "dimension": manifold.dimension.local}
    ends = {name: np.quantile(values, [0.01, 0.99]) for name, values in measured.items()} | KNOWN_RANGES
    return [
        Values(name=name, title=title, low=float(ends[name][0]), high=float(ends[name][1])) for name, title in VALUES.items()
    ]


def _map_facts(view: View) -> MapFacts:
    manifold, places = view.manifold, view.places
    features = manifold.features.extractor.replace("_", " ")
    method = manifold.embedding.method.replace("_", " ")
    rows = trust_rows(manifold.embedding.trust)
    return MapFacts(
        features=manifold.features.extractor,
        says=f"What lies near one another looks alike to the {features}; the places come from the {method} of it. Only "
        "nearness means something, not direction, and far distances little. Colour by trust to see where the map had to tear.",
        trust=[TrustScore(name=row.name, value=row.share, interval=row.interval, says=row.plain) for row in rows],
        bounds=[float(end) for end in (*places.min(axis=0), *places.max(axis=0))],
        pixel_art=view.images.shape[0] <= PIXEL_SIDE,
    )


def _told_or_why_not(atlas: Atlas, folder: ModelFolder) -> ModelFacts | str:
    try:
        return _model_facts(atlas, folder)
    except InputError as error:
        return str(error)


def _model_facts(atlas: Atlas, folder: ModelFolder) -> ModelFacts:
    config = folder.config
    is_remapped = folder.map_key not in ("", config.get("map"))
    names = [name for name, *_ in config["fields"] if name in CONDITIONS and (name == "class" or not is_remapped)]
    dials = dict(config["dials"])
    if folder.has_packed("prior"):
        dials.setdefault("typical", 1.0)
    return ModelFacts(
        name=folder.name,
        title=f"{folder.name.partition('-')[0].lstrip('0')} {config['kind'].replace('_', ' ')}",
        kind=config["kind"],
        default=False,
        conditions=[_condition(atlas, folder, name) for name in names],
        dials={
            name: Dial(low=low, high=high, usual=dials[name], says=says, whole=name == "steps")
            for name, (low, high, says) in DIALS.items()
            if name in dials
        },
        can_morph=config["kind"] in CODED,
    )


def _condition(atlas: Atlas, folder: ModelFolder, name: str) -> Condition:
    kind, title = CONDITIONS[name], TITLES[name]
    if issubclass(kind, CategoryCondition):
        packed = kind.unpack(*folder.load_packed(f"condition-{name}"))
        if isinstance(packed, ClusterCondition):
            packed = packed.renamed(atlas.cluster_names(folder)[level_columns(atlas.found.clusters)[packed.level]])
        return Condition(name=name, title=title, kind="choice", choices=list(packed.offered))
    if issubclass(kind, FeatureCondition):
        return Condition(name=name, title=title, kind="example")
    return Condition(name=name, title=title, kind="place" if name == "map_place" else "number")
