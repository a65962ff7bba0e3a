"""The handle of an atlas folder: asks for a part read it from disk, large parts as memory maps.

A step is fresh when the hash of everything it depends on is the one it was last marked with; then it is skipped and
its files are used. The handle keeps no state of its own beside what it has opened.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import replace
from functools import cached_property
from pathlib import Path

import numpy as np

from imatlas.checks import InputError
from imatlas.files import content_hash, locked
from imatlas.images import read_cache, write_cache
from imatlas.store.added import Batch, list_batches
from imatlas.store.carrying import carried, names_under
from imatlas.store.edits import Change, Edits, Exclude, Include, Redo, Undo, change_edits, read_edits
from imatlas.store.header import changed_header, claim_folder, holds_matrix, read_header
from imatlas.store.manifold_files import has_manifold, read_manifold, read_map_key, read_places, write_manifold
from imatlas.store.models import ModelFolder, list_models, make_model_folder
from imatlas.store.packed import read_packed, write_packed
from imatlas.store.regrouping import regrouped, settled
from imatlas.values import ImageSet, Manifold, Score

__all__ = ["Atlas", "create_atlas", "open_atlas"]

_ROOM = {"extractor": "features", "neighbors": "graph", "map": "map", "clusters": "clusters"}
"""Name of a packed estimator -> sub-folder it is kept in; other names go to fitted/."""

OF_ANOTHER_MAP = "Names, merges and splits of clusters in edits.json are of an earlier map; they were passed over."


class Atlas:
    """Handle of an atlas folder; make one with `create_atlas` or `open_atlas`.

    Parameters
    ----------
    folder : path of the atlas folder.

    Examples
    --------
    >>> import tempfile, numpy as np
    >>> from imatlas.values import ImageSet
    >>> pixels = np.zeros((3, 8, 8, 1), dtype=np.uint8)
    >>> images = ImageSet(pixels, np.array(["a", "b", "c"]))
    >>> with tempfile.TemporaryDirectory() as folder:
    ...     atlas = create_atlas(folder + "/toy.atlas", images, {"seed": 0})
    ...     len(atlas.images), atlas.models
    (3, ())
    """

    def __init__(self, folder: Path) -> None:
        self.folder = Path(folder)

    def __repr__(self) -> str:
        return f"Atlas({str(self.folder)!r})"

    @cached_property
    def images(self) -> ImageSet:
        """The image set, pixels as a memory map, with the exclusions of edits.json applied."""
        edits, map_key = self.edits, read_map_key(self.folder)
        if edits.touches_clusters and map_key not in ("", edits.map_key):
            edits = replace(edits, notes=(*edits.notes, OF_ANOTHER_MAP))
        return _without_excluded(read_cache(self.folder / "images"), edits)

    @cached_property
    def edits(self) -> Edits:
        """What a person changed: images taken out, clusters named, merged and split; see `imatlas.store.edits`."""
        return read_edits(self.folder)

    def under(self, edits: Edits) -> Atlas:
        """Give a handle of the same folder whose images and clusters are those of other edits, such as a model's own."""
        atlas = Atlas(self.folder)
        atlas.edits, atlas.found = edits, self.found
        return atlas

    def edit(self, change: Change, *, revision: int | None = None) -> Edits:
        """Make a change to edits.json, and give what holds then; images and clusters of this handle follow it.

        Parameters
        ----------
        change : such as Exclude(("a.png",)), Name(2, 11, "striped shirts"), Merge(2, (3, 7)), Split(2, 5), Undo() or Redo().
        revision : of the edits it was made for; None = whatever is there.

        Raises
        ------
        StaleEdits
            If another revision is on disk.
        InputError
            If there is no such cluster, its name cannot be used, or there is nothing to merge, split, undo or do again.
        """
        edits = change_edits(self.folder, lambda before: self._after(before, change), revision=revision)
        self._forget()
        return edits

    def _forget(self, *more: str) -> None:
        """Read again from disk, when it is next asked for, what hangs on the edits, and more."""
        for name in ("edits", "images", "images_hash", "manifold", *more):
            self.__dict__.pop(name, None)

    def _after(self, edits: Edits, change: Change) -> Edits:
        """Give the edits after a change that fits the clusters of the map."""
        if isinstance(change, Exclude | Include | Undo | Redo):
            return edits.after(change)
        found = read_manifold(self.folder)
        if edits.map_key != found.key:
            edits = edits.of_map(found.key)
        return edits.after(settled(change, found, edits))

    @property
    def has_manifold(self) -> bool:
        """Whether a manifold has been saved."""
        return has_manifold(self.folder)

    @cached_property
    def manifold(self) -> Manifold:
        """What was learned from the training rows, clusters as a person left them; large arrays are memory maps."""
        return regrouped(self.found, self.edits)

    @cached_property
    def found(self) -> Manifold:
        """The manifold as it was learned, before anybody named, merged or split clusters."""
        return read_manifold(self.folder)

    def cluster_names(self, folder: ModelFolder) -> list[dict[int, str]]:
        """What clusters are called now, by the numbers a model of the present map has for them, level by level."""
        return names_under(self.edits if folder.edits is None else folder.edits, self.found, self.edits)

    @cached_property
    def places(self) -> np.ndarray:
        """Map coordinates float32 (n_images, 2) of every image, held-out ones included."""
        return read_places(self.folder)

    @property
    def map_key(self) -> str:
        """Hash of everything the map was made of; empty before there is one."""
        return str(read_header(self.folder)["steps"].get("map", {}).get("key", ""))

    @property
    def added(self) -> list[Batch]:
        """Images that were added later, batch by batch: placed on the map, nobody's neighbor, no training rows.

        Batches that the present map has not placed yet are left out; `imatlas map` places them.
        """
        return [batch for batch in list_batches(self.folder) if batch.map_key == self.map_key]

    def save_manifold(self, manifold: Manifold, places: np.ndarray) -> None:
        """Keep a manifold and the map coordinates (n_images, 2) of every image, replacing earlier ones.

        What a person made of the clusters is carried over to those of mostly the same images; the rest is dropped, with a note
        in the edits.

        Raises
        ------
        ValueError
            If there is not one place per image.
        """
        if np.shape(places) != (len(self.images), manifold.embedding.coordinates.shape[1]):
            raise ValueError(
                f"places came with shape {np.shape(places)}; wanted ({len(self.images)}, "
                f"{manifold.embedding.coordinates.shape[1]}), one place per image, held-out ones included."
            )
        before = read_manifold(self.folder) if self.has_manifold and read_edits(self.folder).touches_clusters else None
        write_manifold(self.folder, manifold, places)
        if before is not None:
            change_edits(self.folder, lambda edits: carried(edits, before, manifold))
        self._forget("found", "places")

    def save_packed(self, name: str, settings: Mapping[str, object], arrays: Mapping[str, np.ndarray]) -> None:
        """Keep a fitted estimator as its `pack()` gives it: settings (JSON values) and arrays.

        Parameters
        ----------
        name : "extractor", "neighbors", "map", "clusters", or a name of your own.
        """
        write_packed(self._packed_path(name), settings, arrays)

    def load_packed(self, name: str) -> tuple[dict, dict[str, np.ndarray]]:
        """Read what `save_packed` kept under this name: (settings, arrays)."""
        return read_packed(self._packed_path(name))

    def has_packed(self, name: str) -> bool:
        """Whether something was kept under this name."""
        return self._packed_path(name).is_file()

    @property
    def models(self) -> tuple[str, ...]:
        """Names of the model folders, oldest first, trained or not."""
        return list_models(self.folder)

    @property
    def default_model(self) -> str | None:
        """The model used when none is named: the chosen one, else the newest trained one; None if none is trained."""
        trained = [name for name in self.models if self.model(name).is_trained]
        chosen = read_header(self.folder).get("default_model")
        return chosen if chosen in trained else (trained[-1] if trained else None)

    def choose_default(self, name: str) -> None:
        """Make a model the one that is used when none is named."""
        self.model(name)
        with changed_header(self.folder) as header:
            header["default_model"] = name

    def model(self, name: str) -> ModelFolder:
        """Give the handle of a model folder.

        Raises
        ------
        InputError
            If there is no such model.
        """
        if name not in self.models:
            there = ", ".join(self.models) or "none yet; run imatlas train"
            raise InputError(f"{self.folder} has no model {name!r}. Models there: {there}.")
        return ModelFolder(self.folder / "models" / name)

    def model_or_default(self, name: str | None) -> ModelFolder:
        """Give the handle of the model that is named; without a name the default, or the newest where none is trained yet.

        Raises
        ------
        InputError
            If there is no such model, or none at all.
        """
        chosen = name or self.default_model or next(reversed(self.models), None)
        if chosen is None:
            raise InputError(f"{self.folder} has no trained model yet. Run: imatlas train {self.folder}")
        return self.model(chosen)

    def new_model(self, kind: str) -> ModelFolder:
        """Make the next numbered model folder, such as models/0002-flow/."""
        return make_model_folder(self.folder, kind)

    @property
    def scores(self) -> dict[str, tuple[Score, ...]]:
        """Scores by model name, for the models that were evaluated."""
        found = {name: self.model(name).scores for name in self.models}
        return {name: scores for name, scores in found.items() if scores}

    @property
    def settings(self) -> dict:
        """Settings and seeds this atlas was made with."""
        return read_header(self.folder)["settings"]

    @property
    def seconds(self) -> dict[str, float]:
        """Seconds each finished step took when it last ran."""
        return {name: step["seconds"] for name, step in read_header(self.folder)["steps"].items()}

    def is_fresh(self, step: str, key_hash: str) -> bool:
        """Whether a step was last done for these very inputs, so that it can be skipped."""
        return read_header(self.folder)["steps"].get(step, {}).get("key") == key_hash

    def mark(self, step: str, key_hash: str, seconds: float) -> None:
        """Remember that a step is done for some inputs, and how long it took."""
        with changed_header(self.folder) as header:
            header["steps"][step] = {"key": key_hash, "seconds": round(float(seconds), 3)}

    @cached_property
    def images_hash(self) -> str:
        """Hash of the images, their split and their exclusions; part of the key of every step that reads them."""
        excluded = self.images.ids[self.images.excluded].tolist()
        return content_hash(read_header(self.folder)["hashes"]["images"], excluded)

    def _packed_path(self, name: str) -> Path:
        if not re.fullmatch(r"[A-Za-z0-9][A-Za-z0-9_-]*", name):
            raise ValueError(f"A packed name came as {name!r}; wanted letters, digits, - and _.")
        return self.folder / _ROOM.get(name, "fitted") / f"{name}.safetensors"


def create_atlas(folder: Path, images: ImageSet, settings: Mapping[str, object]) -> Atlas:
    """Make an atlas of an image set, or continue the one of the same images.

    Parameters
    ----------
    folder : a new or empty folder, or an atlas of the same images, whose finished steps are kept.
    images : the image set; its pixels are written as a memory-mapped cache.
    settings : settings and seeds, JSON values; merged into those of an atlas that is continued.

    Raises
    ------
    InputError
        If the folder holds something else or an atlas of other images, is not writable, or the disk is full.
    """
    folder = Path(folder)
    labels = images.labels if images.labels is not None else "no labels"
    key = content_hash(images.pixels, images.ids, labels, list(images.class_names), images.held_out)
    claim_folder(folder, images.source, {"images": key}, dict(settings))
    atlas = Atlas(folder)
    if not (atlas.is_fresh("images", key) and _has_images(folder)):
        with locked(folder / "images"):
            write_cache(images, folder / "images")
            atlas.mark("images", key, 0.0)
    return atlas


def open_atlas(folder: Path) -> Atlas:
    """Open an atlas folder.

    Raises
    ------
    InputError
        If it is not an atlas of images, its making was broken off before they were in, or its format is newer.
    """
    atlas = Atlas(Path(folder))
    if holds_matrix(atlas.folder):
        raise InputError(
            f"{folder} is the atlas of a feature matrix, not of images: there are none to learn to draw. What it can do: "
            f"imatlas show {folder}, imatlas report {folder}, imatlas map {folder} --add MORE."
        )
    if "images" not in read_header(atlas.folder)["steps"]:
        raise InputError(f"{atlas.folder} was broken off before its images were in. Run imatlas map or run again.")
    return atlas


def _has_images(folder: Path) -> bool:
    """Say whether the image cache can be read, so that one that was deleted or damaged is written again."""
    try:
        read_cache(folder / "images")
    except InputError:
        return False
    return True


def _without_excluded(images: ImageSet, edits: Edits) -> ImageSet:
    """Apply the exclusions a person made as a mask, and tell what became of the edits."""
    asked = set(edits.excluded)
    out = np.array([name in asked for name in images.ids.tolist()], dtype=bool) if asked else np.zeros(len(images), dtype=bool)
    excluded = np.asarray(images.excluded, dtype=bool) | out
    unknown = len(asked - set(images.ids[out].tolist()))
    notes = (*images.notes, *edits.notes)
    if unknown:
        notes = (*notes, f"edits.json excludes {unknown} images that are not in this atlas; they were passed over.")
    return replace(images, excluded=excluded, notes=notes)
