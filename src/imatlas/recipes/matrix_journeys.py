"""A feature matrix to its atlas folder, and back: mapped once, reopened, and summed up for people."""

from __future__ import annotations

from dataclasses import asdict
from pathlib import Path
from typing import Any

import numpy as np

from imatlas.checks import InputError
from imatlas.files import content_hash, locked, reading
from imatlas.manifold import CLUSTERINGS, EMBEDDINGS
from imatlas.progress import Report, silent
from imatlas.recipes.rows import MapWishes, RowsMap, map_rows, place_rows
from imatlas.recipes.surveying import survey
from imatlas.store import MatrixAtlas, create_matrix_atlas, place_again
from imatlas.store.header import read_header
from imatlas.values import FeatureMatrix, ImageSet

__all__ = ["map_matrix", "methods_of", "summarize"]


def map_matrix(matrix: FeatureMatrix, folder: Path, wishes: MapWishes, *, report: Report = silent) -> MatrixAtlas:
    """Make or continue the atlas of a feature matrix; a finished map of the same rows and wishes is kept.

    Raises
    ------
    InputError
        If the folder holds something else, the matrix cannot be mapped, or another process is mapping here.
    """
    settled = wishes.settled(matrix)
    atlas = create_matrix_atlas(folder, matrix, asdict(settled))
    key = content_hash(read_header(atlas.folder)["hashes"], asdict(settled))
    if atlas.map_key == key and _is_whole(atlas):
        return atlas
    with locked(atlas.folder / "map"):
        learned = map_rows(matrix, wishes, report=report)
        arrays, packed = _kept(learned)
        atlas.save(arrays, packed, summarize(learned), key)
    place_again(atlas.folder, key, lambda items: _place(learned, items))
    return MatrixAtlas(atlas.folder)


def methods_of(atlas: MatrixAtlas) -> tuple[Any, Any]:
    """Give the fitted map of a matrix's atlas, and its clustering or None.

    Which they are stands in the summary, written with them; the settings may be those of a later attempt that failed.
    """
    cure = f"Make it again: imatlas map MATRIX --out {atlas.folder}"
    found = atlas.summary["survey"]
    with reading(f"The map of {atlas.folder}", cure):
        mapper = EMBEDDINGS[found["map"]].unpack(*atlas.load_packed("map/map"))
        clustering = found["clustering"]
        if clustering == "none":
            return mapper, None
        return mapper, CLUSTERINGS[clustering].unpack(*atlas.load_packed("clusters/clusters"))  # type: ignore[attr-defined]


def summarize(learned: RowsMap) -> dict[str, object]:
    """Give what was found, JSON values only."""
    matrix = learned.matrix
    found = survey(learned.graph, learned.dimension, learned.embedding, learned.clusters, matrix.ids)
    return {
        "source": matrix.source,
        "columns": int(matrix.rows.shape[1]),
        "sparse": matrix.is_sparse,
        "classes": list(matrix.class_names),
        "survey": asdict(found),
        "notes": [*matrix.notes, *learned.notes],
        "seconds": {name: round(value, 3) for name, value in learned.seconds.items()},
    }


def _kept(learned: RowsMap) -> tuple[dict[str, np.ndarray], dict[str, tuple[dict, dict[str, np.ndarray]]]]:
    """Name what is kept of a map by the files it goes to."""
    matrix, graph, clusters = learned.matrix, learned.graph, learned.clusters
    arrays = {
        "map/coordinates": learned.embedding.coordinates,
        "graph/indices": graph.indices,
        "graph/distances": graph.distances,
        "graph/density": learned.density,
        "graph/local_dimension": learned.dimension.local,
        "rows/ids": matrix.ids,
        "rows/labels": np.full(len(matrix), -1) if matrix.labels is None else matrix.labels,
    }
    packed = {"map/map": learned.mapper.pack()}
    if clusters is not None:
        arrays |= {f"clusters/{name}": getattr(clusters, name) for name in ("labels", "levels", "strengths", "centroids")}
        packed["clusters/clusters"] = learned.clusterer.pack()
    return arrays, packed


def _place(learned: RowsMap, items: ImageSet | FeatureMatrix) -> tuple[np.ndarray, np.ndarray]:
    if isinstance(items, ImageSet):
        raise InputError("Images were added to the atlas of a feature matrix. Move its folder added away and go on.")
    return place_rows(learned.mapper, learned.clusterer, items)


def _is_whole(atlas: MatrixAtlas) -> bool:
    """Say whether all that mapping made can be read, so that what was deleted or damaged is made again."""
    try:
        methods_of(atlas)
        return all(len(atlas.array(name)) for name in atlas.summary["arrays"])
    except (InputError, KeyError):
        return False
