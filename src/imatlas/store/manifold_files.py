"""A Manifold as files: features/, graph/, map/ and clusters/, each array one npy file, opened as memory maps.

A new manifold is written whole into a staging folder and then moved into place file by file; `map/manifold.json` is
removed first and moved last. A full disk is therefore noticed while the old manifold is still untouched, and a crash
during the moves (milliseconds) leaves an atlas that knows it has no manifold, never a mixed one.
"""

from __future__ import annotations

import os
import shutil
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path

import numpy as np

from imatlas.checks import InputError
from imatlas.files import read_json, reading, write_json
from imatlas.store.packed import write_packed
from imatlas.values import Clusters, Dimension, Embedding, Features, Geodesics, KnnGraph, Manifold

__all__ = ["has_manifold", "open_array", "read_manifold", "read_map_key", "read_places", "write_all", "write_manifold"]

Packed = tuple[Mapping[str, object], Mapping[str, np.ndarray]]

_MARK = "map/manifold.json"
_STAGING = ".staging"
_MAP_FROM = 1 << 20  # bytes; smaller files are read at once (an empty array cannot be mapped at all)


def has_manifold(folder: Path) -> bool:
    """Say whether a whole manifold is there."""
    return (Path(folder) / _MARK).is_file()


def write_manifold(folder: Path, manifold: Manifold, places: np.ndarray) -> None:
    """Write a manifold and the map places (n_images, 2) of every image, replacing what was there.

    Raises
    ------
    InputError
        If the disk is full or not writable; the manifold that was there before is then untouched.
    """
    arrays = _arrays_of(manifold)
    arrays["map/places"] = np.asarray(places, dtype=np.float32)
    write_all(Path(folder), arrays, {}, mark=_MARK, facts=_facts_of(manifold))


def write_all(
    folder: Path, arrays: Mapping[str, np.ndarray], packed: Mapping[str, Packed], *, mark: str, facts: Mapping[str, object]
) -> None:
    """Write arrays, fitted estimators and facts together: all of them or, where the disk is full, none.

    Parameters
    ----------
    arrays : name, such as "map/places", -> array; written as NAME.npy.
    packed : name -> what an estimator's `pack()` gives; written as NAME.safetensors.
    mark : file of the facts and the names of the arrays; it is there only while everything else is whole.
    facts : JSON values.

    Raises
    ------
    InputError
        If the disk is full or not writable; what was there before is then untouched.
    """
    with _staged(folder) as staging:
        for name, values in arrays.items():
            target = staging / f"{name}.npy"
            target.parent.mkdir(parents=True, exist_ok=True)
            np.save(target, np.ascontiguousarray(values), allow_pickle=False)
        for name, (settings, fitted) in packed.items():
            write_packed(staging / f"{name}.safetensors", settings, fitted)
        write_json(staging / mark, {**facts, "arrays": sorted(arrays)})
        (folder / mark).unlink(missing_ok=True)
        for name in [*(f"{name}.npy" for name in arrays), *(f"{name}.safetensors" for name in packed), mark]:
            (folder / name).parent.mkdir(exist_ok=True)
            os.replace(staging / name, folder / name)


def read_manifold(folder: Path) -> Manifold:
    """Open the manifold of an atlas; large arrays stay on disk as memory maps.

    Raises
    ------
    InputError
        If there is none, or a file is missing or damaged.
    """
    folder = Path(folder)
    if not has_manifold(folder):
        raise InputError(f"{folder} has no map yet. Run: imatlas map DATA --out {folder}")
    with reading(f"The map in {folder}", f"Make it again: imatlas map DATA --out {folder}"):
        return _manifold_of(folder, read_json(folder / _MARK))


def read_map_key(folder: Path) -> str:
    """Give the `Manifold.key` of an atlas; empty without a map, and for a map of before it was kept."""
    return str(read_json(Path(folder) / _MARK).get("key", "")) if has_manifold(folder) else ""


def read_places(folder: Path) -> np.ndarray:
    """Open the map places (n_images, 2) of every image, held-out ones included."""
    if not has_manifold(folder):
        raise InputError(f"{folder} has no map yet. Run: imatlas map DATA --out {folder}")
    return open_array(Path(folder) / "map/places.npy")


def open_array(path: Path) -> np.ndarray:
    """Open one npy file, as a read-only memory map when it is large; nothing is unpickled."""
    try:
        if os.path.getsize(path) >= _MAP_FROM:
            return np.load(path, mmap_mode="r", allow_pickle=False)
        return np.load(path, allow_pickle=False)
    except (OSError, ValueError, EOFError) as error:
        raise InputError(f"Could not read {path} ({error}). Run imatlas map again to remake it.") from error


def _manifold_of(folder: Path, facts: dict) -> Manifold:
    """Join the arrays and the other facts of a manifold."""
    load = {name: open_array(folder / f"{name}.npy") for name in facts["arrays"]}
    dimension = facts["dimension"]
    return Manifold(
        rows=load["map/rows"],
        features=Features(load["features/rows"], **facts["features"]),
        graph=KnnGraph(
            load["graph/indices"],
            load["graph/distances"],
            bridges=load["graph/bridges"],
            bridge_lengths=load["graph/bridge_lengths"],
            **facts["graph"],
        ),
        geodesics=Geodesics(load["graph/landmarks"], load["graph/landmark_distances"]),
        embedding=Embedding(load["map/coordinates"], **facts["embedding"]),
        clusters=Clusters(
            load["clusters/labels"],
            load["clusters/levels"],
            load["clusters/strengths"],
            load["clusters/centroids"],
            **facts["clusters"],
        ),
        dimension=Dimension(
            dimension["value"],
            tuple(dimension["interval"]),
            dimension["by_method"],
            load["graph/local_dimension"],
            {name: tuple(ends) for name, ends in dimension.get("intervals", {}).items()},
        ),
        density=load["graph/density"],
    )


def _arrays_of(manifold: Manifold) -> dict[str, np.ndarray]:
    """Name every array of a manifold by the file it goes to."""
    graph, geodesics, clusters = manifold.graph, manifold.geodesics, manifold.clusters
    return {
        "features/rows": manifold.features.rows,
        "graph/indices": graph.indices,
        "graph/distances": graph.distances,
        "graph/bridges": graph.bridges,
        "graph/bridge_lengths": graph.bridge_lengths,
        "graph/landmarks": geodesics.landmarks,
        "graph/landmark_distances": geodesics.distances,
        "graph/density": manifold.density,
        "graph/local_dimension": manifold.dimension.local,
        "map/rows": manifold.rows,
        "map/coordinates": manifold.embedding.coordinates,
        "clusters/labels": clusters.labels,
        "clusters/levels": clusters.levels,
        "clusters/strengths": clusters.strengths,
        "clusters/centroids": clusters.centroids,
    }


def _facts_of(manifold: Manifold) -> dict:
    """Collect what is not an array, as JSON values."""
    dimension = manifold.dimension
    return {
        "key": manifold.key,
        "features": {"extractor": manifold.features.extractor, "settings": dict(manifold.features.settings)},
        "graph": {"metric": manifold.graph.metric, "recall": float(manifold.graph.recall)},
        "embedding": {"method": manifold.embedding.method, "trust": _numbers(manifold.embedding.trust)},
        "clusters": {"method": manifold.clusters.method},
        "dimension": {
            "value": float(dimension.value),
            "interval": [float(end) for end in dimension.interval],
            "by_method": _numbers(dimension.by_method),
            "intervals": {name: [float(end) for end in ends] for name, ends in dimension.intervals.items()},
        },
    }


def _numbers(values: object) -> dict[str, float]:
    return {name: float(value) for name, value in dict(values).items()}  # type: ignore[call-overload]


@contextmanager
def _staged(folder: Path) -> Iterator[Path]:
    """Give a staging folder inside the atlas that is gone afterwards, whatever happens."""
    staging = folder / _STAGING
    try:
        shutil.rmtree(staging, ignore_errors=True)
        staging.mkdir(parents=True)
        yield staging
    except OSError as error:
        raise InputError(
            f"Could not write the map into {folder} ({error.strerror or error}). Free some space or choose another "
            "place with --out; what was there before is kept."
        ) from error
    finally:
        shutil.rmtree(staging, ignore_errors=True)
